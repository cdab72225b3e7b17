//! The command line's options, each defined once.
//!
//! The Python argument parser, which scripts extend with options of their own,
//! is built from [`OPTIONS`]; so is whatever else has to know them. Names,
//! defaults, environment variables and groups are those that Locust's users
//! know. Names of the 0.14 generation still work and are not shown.

use serde::Serialize;

/// One option, or the positional argument, which has no flags.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OptionSpec {
    /// `-u`, `--users`: the short name, if there is one, and the long one.
    pub flags: &'static [&'static str],
    /// Names of the 0.14 generation: understood, never shown.
    pub aliases: &'static [&'static str],
    /// The attribute that scripts read the value from.
    pub dest: &'static str,
    /// The value when the option is not given.
    pub default: Default,
    /// What values it takes.
    pub kind: Kind,
    /// The words a [`Kind::Choice`] is taken from; upper case, given in any.
    pub choices: &'static [&'static str],
    /// The environment variable that may give the value.
    pub env: Option<&'static str>,
    /// The environment variable of the 0.14 generation, where it had another.
    pub old_env: Option<&'static str>,
    /// The heading it is listed under.
    pub group: Group,
    /// What it is for.
    pub help: &'static str,
    /// Left out of the help text.
    pub hidden: bool,
    /// What stands for the value in the help text.
    pub metavar: Option<&'static str>,
    /// Whether Locust has no such option, so that a script may well have one of its own.
    pub ours: bool,
}

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// None: being there is all.
    Flag,
    /// None: prints the version and ends the program.
    Version,
    /// A whole number.
    Int,
    /// A whole number above zero.
    Count,
    /// A whole number that is not below zero.
    Users,
    /// A number.
    Float,
    /// Any text.
    Text,
    /// A length of time, as [`crate::timespan::parse`] reads it.
    TimeSpan,
    /// A number of bytes, such as `500MB` or `5GB`.
    Size,
    /// One of [`OptionSpec::choices`].
    Choice,
    /// Any number of words.
    Words,
    /// A condition under which the run has failed; may be given again for another one.
    Threshold,
    /// Times and numbers of users, stage by stage.
    Stages,
    /// Rates of iterations over time, as `katydid_core::arrival::Schedule` reads them.
    Schedule,
    /// Any number of settings of user classes: JSON, or files of it.
    UserConfigs,
    /// A file of more options.
    ConfigFile,
    /// Took a value, and is not understood any more; the help text says what took its place.
    Gone,
    /// The same for what took no value.
    GoneFlag,
}

/// An option's value when nobody gives one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Default {
    /// Nothing.
    Unset,
    /// A flag's value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text, read like text that was given.
    Text(&'static str),
    /// No words.
    NoWords([&'static str; 0]),
}

/// The headings of the help text, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Group {
    /// What nearly every run needs.
    #[serde(rename = "Common options")]
    Common,
    /// The web page, and running without it.
    #[serde(rename = "Web UI options")]
    WebUi,
    /// Having the users run by workers.
    #[serde(rename = "Master options")]
    Master,
    /// Running users for a master.
    #[serde(rename = "Worker options")]
    Worker,
    /// Choosing tasks by their tags.
    #[serde(rename = "Tag options")]
    Tags,
    /// What is counted and shown.
    #[serde(rename = "Request statistics options")]
    Statistics,
    /// What is logged, and where.
    #[serde(rename = "Logging options")]
    Logging,
    /// Everything else.
    #[serde(rename = "Other options")]
    Other,
    /// The positional argument.
    #[serde(rename = "User classes")]
    UserClasses,
}

/// What most options are; the table states only the differences.
const PLAIN: OptionSpec = OptionSpec {
    flags: &[],
    aliases: &[],
    dest: "",
    default: Default::Unset,
    kind: Kind::Text,
    choices: &[],
    env: None,
    old_env: None,
    group: Group::Other,
    help: "",
    hidden: false,
    metavar: None,
    ours: false,
};

/// What most flags are.
const FLAG: OptionSpec = OptionSpec {
    kind: Kind::Flag,
    default: Default::Bool(false),
    ..PLAIN
};

/// Every option, by group and in the order of the help text.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        flags: &["-f", "--locustfile"],
        dest: "locustfile",
        default: Default::Text("locustfile.py"),
        env: Some("LOCUST_LOCUSTFILE"),
        group: Group::Common,
        help: "Script with the users to run: a Python file, a directory of them, or several of \
               either with commas between",
        metavar: Some("FILE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--config"],
        dest: "config",
        kind: Kind::ConfigFile,
        group: Group::Common,
        help: "File to read more options from: lines such as users = 10, or TOML with a [tool.locust] table",
        metavar: Some("FILE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-H", "--host"],
        dest: "host",
        env: Some("LOCUST_HOST"),
        group: Group::Common,
        help: "Address to test, such as https://shop.example; relative paths in scripts follow it",
        metavar: Some("URL"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-u", "--users"],
        aliases: &["-c", "--clients"],
        dest: "num_users",
        kind: Kind::Users,
        env: Some("LOCUST_USERS"),
        old_env: Some("LOCUST_CLIENTS"),
        group: Group::Common,
        help: "Users to run at the same time, once all have been started",
        metavar: Some("COUNT"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-r", "--spawn-rate"],
        aliases: &["--hatch-rate"],
        dest: "spawn_rate",
        kind: Kind::Float,
        env: Some("LOCUST_SPAWN_RATE"),
        old_env: Some("LOCUST_HATCH_RATE"),
        group: Group::Common,
        help: "Users to start per second",
        metavar: Some("RATE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-t", "--run-time"],
        dest: "run_time",
        kind: Kind::TimeSpan,
        env: Some("LOCUST_RUN_TIME"),
        group: Group::Common,
        help: "End the test after this time: seconds, or hours, minutes and seconds as in 1h30m10s",
        metavar: Some("TIME"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--stages"],
        dest: "stages",
        kind: Kind::Stages,
        env: Some("LOCUST_STAGES"),
        group: Group::Common,
        help: "Let the number of users go from stage to stage, each a time and the users at its end: \
               30s:10,5m:10,1m:0",
        metavar: Some("STAGES"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--rate"],
        dest: "iteration_rate",
        kind: Kind::Schedule,
        env: Some("LOCUST_RATE"),
        group: Group::Common,
        help: "Have iterations begin at a rate, on as many users as that takes: 200/s, 30/m, or \
               '0-500/s over 1m, 500/s for 10m'",
        metavar: Some("RATE"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--rate-users"],
        dest: "iteration_rate_users",
        kind: Kind::Count,
        env: Some("LOCUST_RATE_USERS"),
        group: Group::Common,
        help: "The most users there may be with --rate, over all workers; what is due while all are busy \
               waits, and is dropped after 10 seconds",
        metavar: Some("COUNT"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--arrivals"],
        dest: "iteration_arrivals",
        kind: Kind::Choice,
        choices: &["EVEN", "POISSON"],
        env: Some("LOCUST_ARRIVALS"),
        group: Group::Common,
        help: "How the iterations of --rate lie to each other: evenly, or independent of each other as those \
               of many people (poisson)",
        metavar: Some("KIND"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["-l", "--list"],
        dest: "list_commands",
        group: Group::Common,
        help: "Print the names of the script's user classes and exit",
        ..FLAG
    },
    OptionSpec {
        flags: &["--config-users"],
        dest: "config_users",
        kind: Kind::UserConfigs,
        env: Some("LOCUST_CONFIG_USERS"),
        group: Group::Common,
        help: "Settings of user classes: JSON with a user_class_name and what is to be changed, a \
               list of those, or files of either that end in .json",
        metavar: Some("JSON"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--web-host"],
        dest: "web_host",
        default: Default::Text(""),
        env: Some("LOCUST_WEB_HOST"),
        group: Group::WebUi,
        help: "Address that the web page listens on, 0.0.0.0 for all. Without it: only this machine's own, or all where \
               visitors are asked who they are",
        metavar: Some("HOST"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-P", "--web-port"],
        aliases: &["--port"],
        dest: "web_port",
        default: Default::Int(8089),
        kind: Kind::Int,
        env: Some("LOCUST_WEB_PORT"),
        old_env: Some("LOCUST_PORT"),
        group: Group::WebUi,
        help: "Port that the web page listens on",
        metavar: Some("PORT"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--headless"],
        aliases: &["--no-web"],
        dest: "headless",
        env: Some("LOCUST_HEADLESS"),
        old_env: Some("LOCUST_NO_WEB"),
        group: Group::WebUi,
        help: "Start the test at once, with no web page",
        ..FLAG
    },
    OptionSpec {
        flags: &["--autostart"],
        dest: "autostart",
        env: Some("LOCUST_AUTOSTART"),
        group: Group::WebUi,
        help: "Start the test at once, with the web page",
        ..FLAG
    },
    OptionSpec {
        flags: &["--autoquit"],
        dest: "autoquit",
        default: Default::Int(-1),
        kind: Kind::Int,
        env: Some("LOCUST_AUTOQUIT"),
        group: Group::WebUi,
        help: "With --autostart: exit so many seconds after the test has ended",
        metavar: Some("SECONDS"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--headful"],
        dest: "headful",
        env: Some("LOCUST_HEADFUL"),
        group: Group::WebUi,
        help: "Serve the web page after all, where --headless is set elsewhere",
        hidden: true,
        ..FLAG
    },
    OptionSpec {
        flags: &["--web-auth"],
        dest: "web_auth",
        kind: Kind::Gone,
        env: Some("LOCUST_WEB_AUTH"),
        group: Group::WebUi,
        help: "The --web-auth parameters has been replaced with --web-login",
        hidden: true,
        metavar: Some("USER:PASSWORD"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--web-login"],
        dest: "web_login",
        env: Some("LOCUST_WEB_LOGIN"),
        group: Group::WebUi,
        help: "Ask visitors of the web page to log in; the script says who may",
        ..FLAG
    },
    OptionSpec {
        flags: &["--web-users"],
        dest: "web_users",
        group: Group::WebUi,
        help: "File with those who may use the web page, one on each line, as `katydid web-user NAME` prints \
               them. The environment variable KATYDID_WEB_USERS may hold the lines instead",
        metavar: Some("FILE"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--web-token"],
        dest: "web_token",
        group: Group::WebUi,
        help: "File with a token of 16 bytes at least, by which programs may use the web page's addresses. The \
               environment variable KATYDID_WEB_TOKEN may hold it instead",
        metavar: Some("FILE"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--tls-cert"],
        dest: "tls_cert",
        default: Default::Text(""),
        env: Some("LOCUST_TLS_CERT"),
        group: Group::WebUi,
        help: "With --tls-key: serve the web page over HTTPS, with the certificate chain in this file",
        metavar: Some("FILE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--tls-key"],
        dest: "tls_key",
        default: Default::Text(""),
        env: Some("LOCUST_TLS_KEY"),
        group: Group::WebUi,
        help: "The certificate's private key",
        metavar: Some("FILE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--class-picker"],
        dest: "class_picker",
        env: Some("LOCUST_USERCLASS_PICKER"),
        group: Group::WebUi,
        help: "Let the web page choose the user classes and the load shape of a test",
        ..FLAG
    },
    OptionSpec {
        flags: &["--legacy-ui"],
        dest: "legacy_ui",
        kind: Kind::GoneFlag,
        default: Default::Bool(false),
        env: Some("LOCUST_LEGACY_UI"),
        group: Group::WebUi,
        help: "--legacy-ui is no longer supported, remove the parameter to continue",
        hidden: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--web-base-path"],
        dest: "web_base_path",
        default: Default::Text(""),
        env: Some("LOCUST_WEB_BASE_PATH"),
        group: Group::WebUi,
        help: "Path under which the web page is served, such as /load",
        metavar: Some("PATH"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--web-host-display-name"],
        dest: "web_host_display_name",
        env: Some("LOCUST_WEB_HOST_DISPLAY_NAME"),
        group: Group::WebUi,
        help: "Name that the web page is reached by, if it is not that of this machine",
        metavar: Some("HOST"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--build-path"],
        dest: "build_path",
        default: Default::Text(""),
        env: Some("LOCUST_BUILD_PATH"),
        group: Group::WebUi,
        help: "Folder of another web page to serve in place of Katydid's",
        hidden: true,
        metavar: Some("FOLDER"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--master"],
        dest: "master",
        env: Some("LOCUST_MODE_MASTER"),
        old_env: Some("LOCUST_MASTER"),
        group: Group::Master,
        help: "Have the users run by workers, which connect to this process",
        ..FLAG
    },
    OptionSpec {
        flags: &["--master-bind-host"],
        dest: "master_bind_host",
        default: Default::Text("*"),
        env: Some("LOCUST_MASTER_BIND_HOST"),
        group: Group::Master,
        help: "Address to listen on for workers; every address by default",
        metavar: Some("HOST"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--master-bind-port"],
        dest: "master_bind_port",
        kind: Kind::Int,
        default: Default::Int(5557),
        env: Some("LOCUST_MASTER_BIND_PORT"),
        group: Group::Master,
        help: "Port to listen on for workers; 5557 by default",
        metavar: Some("PORT"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--expect-workers"],
        aliases: &["--expect-slaves"],
        dest: "expect_workers",
        kind: Kind::Count,
        default: Default::Int(1),
        env: Some("LOCUST_EXPECT_WORKERS"),
        old_env: Some("LOCUST_EXPECT_SLAVES"),
        group: Group::Master,
        help: "Workers to wait for before a test starts by itself (with --headless or --autostart)",
        metavar: Some("COUNT"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--expect-workers-max-wait"],
        dest: "expect_workers_max_wait",
        kind: Kind::Int,
        default: Default::Int(0),
        env: Some("LOCUST_EXPECT_WORKERS_MAX_WAIT"),
        group: Group::Master,
        help: "Seconds to wait for them before giving up; for ever by default",
        metavar: Some("SECONDS"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--enable-rebalancing"],
        dest: "enable_rebalancing",
        group: Group::Master,
        help: "Spread the users anew when workers come or go; understood, and always done",
        ..FLAG
    },
    OptionSpec {
        flags: &["--allow-stock-workers"],
        dest: "allow_stock_workers",
        env: Some("LOCUST_ALLOW_STOCK_WORKERS"),
        group: Group::Master,
        help: "With --join-secret: let workers in that have no secret, such as Locust's own, without encryption",
        ours: true,
        ..FLAG
    },
    OptionSpec {
        flags: &["--join-secret"],
        dest: "join_secret",
        group: Group::Master,
        help: "File with a secret of 16 bytes at least. Master and workers prove to each other that they know it, \
               and what they say is encrypted. The environment variable KATYDID_JOIN_SECRET may hold it instead",
        metavar: Some("FILE"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--store"],
        dest: "store",
        env: Some("LOCUST_STORE"),
        group: Group::Master,
        help: "File in which runs are kept, so that any stretch of them can be looked at, and a master that is killed and \
               started again within a minute goes on; katydid/runs.db in the user's data directory by default",
        metavar: Some("FILE"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--store-keep"],
        dest: "store_keep",
        kind: Kind::Count,
        env: Some("LOCUST_STORE_KEEP"),
        group: Group::Master,
        help: "How many runs are kept, those that are pinned not counted; the oldest go as a run begins. 200 by default",
        metavar: Some("RUNS"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--store-size"],
        dest: "store_size",
        kind: Kind::Size,
        env: Some("LOCUST_STORE_SIZE"),
        group: Group::Master,
        help: "How much room runs may take together, such as 500MB or 5GB (the default); the oldest go as a run begins",
        metavar: Some("SIZE"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--no-store"],
        dest: "no_store",
        env: Some("LOCUST_NO_STORE"),
        group: Group::Master,
        help: "Keep nothing; a master that is started again begins a run of its own",
        ours: true,
        ..FLAG
    },
    OptionSpec {
        flags: &["--worker"],
        aliases: &["--slave"],
        dest: "worker",
        env: Some("LOCUST_MODE_WORKER"),
        old_env: Some("LOCUST_SLAVE"),
        group: Group::Worker,
        help: "Run users for a master. Use -f - to get the script from it",
        ..FLAG
    },
    OptionSpec {
        flags: &["--processes"],
        dest: "processes",
        kind: Kind::Int,
        env: Some("LOCUST_PROCESSES"),
        group: Group::Worker,
        help: "Run this many workers on this machine, each a process; -1 for one per core. Without \
               --worker, this process is their master",
        metavar: Some("COUNT"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--master-host"],
        dest: "master_host",
        default: Default::Text("127.0.0.1"),
        env: Some("LOCUST_MASTER_NODE_HOST"),
        old_env: Some("LOCUST_MASTER_HOST"),
        group: Group::Worker,
        help: "Where the master is; this machine by default",
        metavar: Some("HOST"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--master-port"],
        dest: "master_port",
        kind: Kind::Int,
        default: Default::Int(5557),
        env: Some("LOCUST_MASTER_NODE_PORT"),
        old_env: Some("LOCUST_MASTER_PORT"),
        group: Group::Worker,
        help: "Port of the master; 5557 by default",
        metavar: Some("PORT"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-T", "--tags"],
        dest: "tags",
        kind: Kind::Words,
        env: Some("LOCUST_TAGS"),
        group: Group::Tags,
        help: "Run only tasks that have one of these tags",
        metavar: Some("TAG"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-E", "--exclude-tags"],
        dest: "exclude_tags",
        kind: Kind::Words,
        env: Some("LOCUST_EXCLUDE_TAGS"),
        group: Group::Tags,
        help: "Leave out tasks that have one of these tags",
        metavar: Some("TAG"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--csv"],
        aliases: &["--csv-base-name"],
        dest: "csv_prefix",
        env: Some("LOCUST_CSV"),
        group: Group::Statistics,
        help: "Keep the statistics in CSV files whose names begin with this: PREFIX_stats.csv, PREFIX_failures.csv, PREFIX_exceptions.csv and PREFIX_stats_history.csv",
        metavar: Some("PREFIX"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--csv-full-history"],
        dest: "stats_history_enabled",
        env: Some("LOCUST_CSV_FULL_HISTORY"),
        group: Group::Statistics,
        help: "With --csv: the history has rows for every name, and not only for all of them together",
        ..FLAG
    },
    OptionSpec {
        flags: &["--print-stats"],
        dest: "print_stats",
        env: Some("LOCUST_PRINT_STATS"),
        group: Group::Statistics,
        help: "Print the table of requests regularly, also beside the web page",
        ..FLAG
    },
    OptionSpec {
        flags: &["--only-summary"],
        dest: "only_summary",
        env: Some("LOCUST_ONLY_SUMMARY"),
        group: Group::Statistics,
        help: "With --headless: print the tables at the end only",
        ..FLAG
    },
    OptionSpec {
        flags: &["--html"],
        dest: "html_file",
        env: Some("LOCUST_HTML"),
        group: Group::Statistics,
        help: "Write a report of the test to this file when it ends; {u}, {r} and {t} in its name \
               stand for users, spawn rate and run time",
        metavar: Some("FILE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--json"],
        dest: "json",
        group: Group::Statistics,
        help: "Print the statistics as JSON to stdout when the test ends",
        ..FLAG
    },
    OptionSpec {
        flags: &["--json-file"],
        dest: "json_file",
        group: Group::Statistics,
        help: "Write the statistics as JSON to this file, to which .json is added, instead of printing the tables",
        metavar: Some("FILE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--reset-stats"],
        dest: "reset_stats",
        env: Some("LOCUST_RESET_STATS"),
        group: Group::Statistics,
        help: "Start the statistics again from zero once all users have been started",
        ..FLAG
    },
    OptionSpec {
        flags: &["--fail-if"],
        dest: "fail_if",
        kind: Kind::Threshold,
        env: Some("LOCUST_FAIL_IF"),
        group: Group::Statistics,
        help: "Fail the run, with exit code 3, if this holds: p95>300ms, fail>1%, GET /item p99>1s. \
               May be given several times; with one about failures these alone do not fail the run",
        metavar: Some("CONDITION"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--junit"],
        dest: "junit_file",
        env: Some("LOCUST_JUNIT"),
        group: Group::Statistics,
        help: "Write what became of each --fail-if to this file, as a test report in JUnit's XML",
        metavar: Some("FILE"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--otlp-metrics"],
        dest: "push_otlp",
        env: Some("LOCUST_OTLP_METRICS"),
        group: Group::Statistics,
        help: "Send the run's metrics to this OpenTelemetry collector while it runs, over http/protobuf, such as \
               http://127.0.0.1:4318; `env` for the one that OTEL_EXPORTER_OTLP_ENDPOINT names. Headers, timeout and \
               certificate are those of the other OTEL_EXPORTER_OTLP_ variables",
        metavar: Some("URL"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--influx"],
        dest: "push_influx",
        env: Some("LOCUST_INFLUX"),
        group: Group::Statistics,
        help: "Send counts, rates and percentiles to this InfluxDB while the test runs: http://127.0.0.1:8086?db=NAME for \
               version 1, ?org=NAME&bucket=NAME for version 2. INFLUX_TOKEN, or INFLUX_USERNAME and INFLUX_PASSWORD, open it",
        metavar: Some("URL"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--statsd"],
        dest: "push_statsd",
        env: Some("LOCUST_STATSD"),
        group: Group::Statistics,
        help: "Send counts and percentiles to this StatsD server while the test runs, such as 127.0.0.1:8125",
        metavar: Some("HOST:PORT"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--statsd-prefix"],
        dest: "push_statsd_prefix",
        default: Default::Text("katydid"),
        env: Some("LOCUST_STATSD_PREFIX"),
        group: Group::Statistics,
        help: "With --statsd: what the names of its metrics begin with",
        metavar: Some("PREFIX"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--statsd-tags"],
        dest: "push_statsd_tags",
        env: Some("LOCUST_STATSD_TAGS"),
        group: Group::Statistics,
        help: "With --statsd: tell method and name as tags, as Datadog, Telegraf and statsd_exporter read them, and not in \
               the metric's name",
        ours: true,
        ..FLAG
    },
    OptionSpec {
        flags: &["--push-tags"],
        dest: "push_tags",
        env: Some("LOCUST_PUSH_TAGS"),
        group: Group::Statistics,
        help: "Tags of everything that is sent to collectors: team=shop,branch=main",
        metavar: Some("TAGS"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--push-interval"],
        dest: "push_interval",
        default: Default::Text("1"),
        kind: Kind::TimeSpan,
        env: Some("LOCUST_PUSH_INTERVAL"),
        group: Group::Statistics,
        help: "How often that is sent; every second by default",
        metavar: Some("TIME"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--skip-log-setup"],
        dest: "skip_log_setup",
        env: Some("LOCUST_SKIP_LOG_SETUP"),
        group: Group::Logging,
        help: "Leave logging alone: the script sets it up",
        ..FLAG
    },
    OptionSpec {
        flags: &["-L", "--loglevel"],
        dest: "loglevel",
        default: Default::Text("INFO"),
        kind: Kind::Choice,
        choices: &["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        env: Some("LOCUST_LOGLEVEL"),
        group: Group::Logging,
        help: "Least severe messages to log: DEBUG, INFO, WARNING, ERROR or CRITICAL",
        metavar: Some("LEVEL"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--logfile"],
        dest: "logfile",
        env: Some("LOCUST_LOGFILE"),
        group: Group::Logging,
        help: "Log to this file; to stderr without it",
        metavar: Some("FILE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-V", "--version"],
        dest: "version",
        kind: Kind::Version,
        help: "Print the version and exit",
        ..PLAIN
    },
    OptionSpec {
        flags: &["--show-task-ratio"],
        dest: "show_task_ratio",
        help: "Print how often each task will run, and exit",
        ..FLAG
    },
    OptionSpec {
        flags: &["--show-task-ratio-json"],
        dest: "show_task_ratio_json",
        help: "Print the same as JSON, and exit",
        ..FLAG
    },
    OptionSpec {
        flags: &["--exit-code-on-error"],
        dest: "exit_code_on_error",
        default: Default::Int(1),
        kind: Kind::Int,
        env: Some("LOCUST_EXIT_CODE_ON_ERROR"),
        help: "Exit code of a test in which a request failed or a task raised an exception",
        metavar: Some("CODE"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["-s", "--stop-timeout"],
        dest: "stop_timeout",
        default: Default::Text("0"),
        kind: Kind::TimeSpan,
        env: Some("LOCUST_STOP_TIMEOUT"),
        help: "Time that users get to finish their tasks when they are stopped; none without it",
        metavar: Some("TIME"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--equal-weights"],
        dest: "equal_weights",
        help: "Give every user class and every task the same weight",
        ..FLAG
    },
    OptionSpec {
        flags: &["--profile"],
        dest: "profile",
        help: "Name for what this test is run with, for those who compare test runs",
        metavar: Some("NAME"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--otel"],
        dest: "otel",
        env: Some("LOCUST_ENABLE_OPENTELEMETRY"),
        help: "Tell OpenTelemetry of the test, as its OTEL_ environment variables say; needs katydid[otel]",
        ..FLAG
    },
    OptionSpec {
        flags: &["--iterations"],
        dest: "iteration_limit",
        kind: Kind::Count,
        env: Some("LOCUST_ITERATIONS"),
        help: "End the test when the users have run so many tasks altogether",
        metavar: Some("COUNT"),
        ours: true,
        ..PLAIN
    },
    OptionSpec {
        flags: &["--step-load"],
        dest: "step_load",
        env: Some("LOCUST_STEP_LOAD"),
        help: "Raise the number of users step by step, as the 0.14 generation could; a load shape does it better",
        hidden: true,
        ..FLAG
    },
    OptionSpec {
        flags: &["--step-clients"],
        dest: "step_clients",
        default: Default::Int(1),
        kind: Kind::Int,
        env: Some("LOCUST_STEP_CLIENTS"),
        help: "With --step-load: users to add with each step",
        hidden: true,
        metavar: Some("COUNT"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--step-time"],
        dest: "step_time",
        kind: Kind::TimeSpan,
        env: Some("LOCUST_STEP_TIME"),
        help: "With --step-load: how long a step lasts",
        hidden: true,
        metavar: Some("TIME"),
        ..PLAIN
    },
    OptionSpec {
        flags: &["--no-reset-stats"],
        dest: "no_reset_stats",
        env: Some("LOCUST_NO_RESET_STATS"),
        help: "Nothing: the 0.14 generation accepted it, since statistics are kept without it too",
        hidden: true,
        ..FLAG
    },
    OptionSpec {
        dest: "user_classes",
        default: Default::NoWords([]),
        kind: Kind::Words,
        env: Some("LOCUST_USER_CLASSES"),
        group: Group::UserClasses,
        help: "User classes of the script to run; all of them when none is named",
        metavar: Some("UserClass"),
        ..PLAIN
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::timespan;

    fn names(option: &OptionSpec) -> impl Iterator<Item = &'static str> {
        option.flags.iter().chain(option.aliases).copied()
    }

    #[test]
    fn no_name_dest_or_variable_is_used_twice() {
        let mut names_seen = BTreeSet::new();
        let mut dests = BTreeSet::new();
        let mut variables = BTreeSet::new();
        for option in OPTIONS {
            for name in names(option) {
                assert!(name.starts_with('-'), "{name}");
                assert!(names_seen.insert(name), "{name}");
            }
            assert!(dests.insert(option.dest), "{}", option.dest);
            for variable in option.env.into_iter().chain(option.old_env) {
                assert!(variables.insert(variable), "{variable}");
            }
        }
    }

    #[test]
    fn every_option_says_what_it_is_for() {
        for option in OPTIONS {
            assert!(
                !option.help.is_empty() && !option.help.ends_with('.'),
                "{}",
                option.dest
            );
            let takes_value = !matches!(option.kind, Kind::Flag | Kind::Version | Kind::GoneFlag);
            assert_eq!(option.metavar.is_some(), takes_value, "{}", option.dest);
        }
    }

    #[test]
    fn groups_are_in_the_order_of_the_help_text() {
        assert!(OPTIONS.is_sorted_by_key(|option| option.group));
    }

    #[test]
    fn defaults_fit_their_kind() {
        for option in OPTIONS {
            let fits = match (option.kind, option.default) {
                (_, Default::Unset) => option.kind != Kind::Flag,
                (Kind::Flag | Kind::GoneFlag, Default::Bool(value)) => !value,
                (Kind::Count, Default::Int(count)) => count > 0,
                (Kind::Int, Default::Int(_))
                | (Kind::Text, Default::Text(_))
                | (Kind::Words, Default::NoWords(_)) => true,
                (Kind::TimeSpan, Default::Text(text)) => timespan::parse(text).is_some(),
                (Kind::Choice, Default::Text(text)) => option.choices.contains(&text),
                _ => false,
            };
            assert!(fits, "{}", option.dest);
        }
    }

    #[test]
    fn an_option_as_json_is_what_the_python_parser_reads() {
        let users = OPTIONS.iter().find(|option| option.dest == "num_users");
        assert_eq!(
            serde_json::to_value(users).unwrap(),
            serde_json::json!({
                "flags": ["-u", "--users"],
                "aliases": ["-c", "--clients"],
                "dest": "num_users",
                "default": null,
                "kind": "users",
                "choices": [],
                "env": "LOCUST_USERS",
                "old_env": "LOCUST_CLIENTS",
                "group": "Common options",
                "help": "Users to run at the same time, once all have been started",
                "hidden": false,
                "metavar": "COUNT",
                "ours": false,
            })
        );
    }
}
