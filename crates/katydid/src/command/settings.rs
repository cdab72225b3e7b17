//! What the options mean for a test, before anything runs.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::arrival::{Schedule, Spacing};
use katydid_core::threshold::Threshold;
use katydid_http::Target;
use katydid_store::Keep;

use super::given::Given;
use crate::engine::Kind;
use crate::shape::{Shape, Stages};
use crate::test::{Build, Test};
use crate::urls::Urls;
use crate::user::{Arrivals, MOST_USERS};

/// Users that ask for URLs, and how long, if nothing is said.
const URL_USERS: u32 = 10;
const URL_TIME: Duration = Duration::from_secs(10);

/// Why nothing is run.
pub(crate) enum Problem {
    /// clap's own words, which also are the help text.
    Clap(Box<clap::Error>),
    /// What is wrong, and the exit code.
    Said(String, i32),
    /// What was asked for instead of a run, on stdout.
    Answer(String),
}

impl Problem {
    /// An option that makes no sense.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::Said(text.into(), 2)
    }

    /// The same problem, with where in a file it is.
    pub(crate) fn at(self, place: Option<&str>) -> Self {
        match (self, place) {
            (Self::Said(text, code), Some(place)) => Self::Said(format!("{place}: {text}"), code),
            (problem, _) => problem,
        }
    }

    /// Something that cannot be done.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Said(text.into(), 1)
    }

    /// Says it on the right stream; the exit code.
    pub(crate) fn tell(&self) -> i32 {
        match self {
            Self::Clap(error) => {
                // Nobody may read it.
                error.print().ok();
                error.exit_code()
            }
            Self::Said(text, code) => {
                writeln!(std::io::stderr(), "{text}").ok();
                *code
            }
            Self::Answer(text) => {
                write!(std::io::stdout(), "{text}").ok();
                0
            }
        }
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clap(error) => write!(f, "{error}"),
            Self::Said(text, code) => write!(f, "{text} ({code})"),
            Self::Answer(text) => f.write_str(text),
        }
    }
}

/// The part that the process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its users run here.
    Alone,
    /// They run on workers.
    Master,
    /// It runs users for a master.
    Worker,
}

/// A test and how it is to be run.
pub(crate) struct Settings {
    pub(crate) given: Given,
    pub(crate) part: Part,
    pub(crate) name: String,
    pub(crate) kinds: Vec<Arc<dyn Kind>>,
    pub(crate) shape: Option<Box<dyn Shape>>,
    /// At what rate iterations begin, if the command line says so.
    pub(crate) rate: Option<Arrivals>,
    /// Where metrics go while the test runs.
    pub(crate) push: Option<katydid_push::Settings>,
    pub(crate) thresholds: Vec<Threshold>,
    pub(crate) known_tags: BTreeSet<String>,
    /// What was given on the command line.
    pub(crate) host: Option<String>,
    pub(crate) users: u32,
    pub(crate) spawn_rate: f64,
    pub(crate) run_time: Option<Duration>,
    pub(crate) stop_timeout: Duration,
    pub(crate) iterations: Option<u64>,
    pub(crate) store: Option<PathBuf>,
    /// How much of it is kept.
    pub(crate) keep: Keep,
    pub(crate) headless: bool,
    pub(crate) autostart: bool,
    /// Whether any certificate is trusted.
    pub(crate) is_insecure: bool,
}

impl Settings {
    pub(crate) fn of(given: Given, mut test: Test, program: &str) -> Result<Self, Problem> {
        let part = match (given.flag("master"), given.flag("worker")) {
            (true, true) => {
                return Err(Problem::Said(
                    "The --master argument cannot be combined with --worker".to_owned(),
                    255,
                ));
            }
            (true, false) => Part::Master,
            (false, true) => Part::Worker,
            (false, false) if given.is_given("processes") => Part::Master,
            (false, false) => Part::Alone,
        };
        let name = test.name.take().unwrap_or_else(|| program.to_owned());
        if given.flag("list_commands") {
            let names = test
                .kinds
                .iter()
                .map(|kind| format!("    {}\n", kind.name()));
            let list: String = names.collect();
            return Err(Problem::Answer(format!("Available Users:\n{list}")));
        }
        check_load(&given)?;
        let known_tags = choose(&given, &mut test)?;
        let rate = given.text("iteration_rate");
        let rate = rate.map(|text| arrivals(&given, text)).transpose()?;
        let kinds: Vec<Arc<dyn Kind>> = test.kinds.drain(..).map(Build::build).collect();
        let own = test.thresholds.iter().chain(given.all("fail_if"));
        let thresholds = own
            .map(|text| {
                Threshold::parse(text)
                    .map_err(|error| Problem::failed(format!("This is no threshold:\n{error}")))
            })
            .collect::<Result<_, _>>()?;
        let shape = match given.text("stages") {
            Some(asked) => {
                let plan = Stages::parse(asked).map_err(Problem::usage)?;
                Some(Box::new(plan) as Box<dyn Shape>)
            }
            None => test.shape.take(),
        };
        let host = given.text("host").map(str::to_owned).or(test.host.take());
        if let Some(host) = &host {
            check_host(host)?;
        }
        for kind in &kinds {
            if let Some(problem) = kind.problem() {
                return Err(Problem::failed(problem));
            }
            if let Some(host) = kind.host() {
                check_host(host)?;
            }
        }
        if rate.is_some() && kinds.iter().all(|kind| kind.class().fixed_count > 0) {
            return Err(Problem::failed(
                "--rate needs users: every kind has a fixed number of them, and those run beside it",
            ));
        }
        let run_time = given.time("run_time").filter(|time| !time.is_zero());
        let spawn_rate: f64 = given.number("spawn_rate").unwrap_or(1.0);
        if !(spawn_rate.is_finite() && spawn_rate > 0.0) {
            return Err(Problem::usage(format!(
                "--spawn-rate: users per second are a number above zero, and not {spawn_rate}"
            )));
        }
        Ok(Self {
            part,
            name,
            kinds,
            shape,
            rate,
            push: push(&given)?,
            thresholds,
            known_tags,
            host,
            users: given.number("num_users").unwrap_or(1).max(1),
            spawn_rate,
            run_time,
            stop_timeout: given.time("stop_timeout").unwrap_or_default(),
            iterations: given.number("iteration_limit"),
            store: store(&given),
            keep: keep(&given),
            headless: given.flag("headless") && !given.flag("headful"),
            autostart: given.flag("autostart"),
            is_insecure: false,
            given,
        })
    }
}

impl Settings {
    /// Requests for URLs: they begin at once, and end by themselves.
    pub(crate) fn of_urls(given: Given) -> Result<Self, Problem> {
        let one = |name: &str| given.urls.get(name).and_then(|values| values.last());
        let all = |name: &str| given.urls.get(name).map_or(&[][..], Vec::as_slice);
        let is_set = |name: &str| given.urls.contains_key(name);
        let mut urls = Urls::parse(all("urls")).map_err(Problem::usage)?;
        let body = match (one("data"), one("body_file")) {
            (Some(_), Some(_)) => {
                return Err(Problem::usage(
                    "-d and --body-file both give a body; leave one out",
                ));
            }
            (Some(text), None) => Some(text.clone().into_bytes().into()),
            (None, Some(path)) => {
                let bytes = std::fs::read(path);
                let wrong = |error| Problem::usage(format!("--body-file: {path}: {error}"));
                Some(bytes.map_err(wrong)?.into())
            }
            (None, None) => None,
        };
        urls.ask(one("method").map(String::as_str), body)
            .map_err(Problem::usage)?;
        for line in all("header") {
            urls.header(line).map_err(Problem::usage)?;
        }
        urls.follows = is_set("follow");
        if let Some(text) = one("timeout") {
            urls.wait(text).map_err(Problem::usage)?;
        }
        let requests = one("requests").map(|text| {
            let count = text.parse().ok().filter(|count: &u64| *count > 0);
            let wrong = || Problem::usage(format!("-n: {text:?} is not a number above zero"));
            count.ok_or_else(wrong)
        });
        let requests = requests.transpose()?;
        let (is_insecure, host, title) = (is_set("insecure"), urls.host(), urls.title());
        let users = given.number("num_users");
        let has_page = given.flag("autostart");
        let test = Test {
            kinds: vec![Box::new(urls)],
            host,
            ..Test::new()
        };
        let given_time = given.is_given("run_time");
        let spawn_rate = given.number::<f64>("spawn_rate");
        let mut settings = Self::of(given, test.name(title), "katydid")?;
        settings.users = users.unwrap_or(URL_USERS).max(1);
        settings.spawn_rate = spawn_rate.unwrap_or_else(|| f64::from(settings.users));
        settings.iterations = requests;
        settings.is_insecure = is_insecure;
        settings.headless = !has_page;
        if !given_time && requests.is_none() && settings.shape.is_none() {
            settings.run_time = Some(URL_TIME);
        }
        Ok(settings)
    }
}

/// Refuses options of the load that contradict each other, and those that mean nothing by themselves.
fn check_load(given: &Given) -> Result<(), Problem> {
    let has_rate = given.is_given("iteration_rate");
    if has_rate && given.is_given("stages") {
        return Err(Problem::failed(
            "--rate and --stages both say what the load is: leave one of them out",
        ));
    }
    let of_a_rate = [
        ("iteration_rate_users", "--rate-users"),
        ("iteration_arrivals", "--arrivals"),
    ];
    match of_a_rate
        .iter()
        .find(|(dest, _)| given.is_given(dest) && !has_rate)
    {
        Some((_, name)) => Err(Problem::usage(format!(
            "{name} is only meaningful in combination with --rate"
        ))),
        None => Ok(()),
    }
}

/// Where metrics go, by the command line and the environment.
fn push(given: &Given) -> Result<Option<katydid_push::Settings>, Problem> {
    let text = |dest| given.text(dest).map(str::to_owned);
    let interval = given.time("push_interval");
    let asked = katydid_push::Given {
        otlp_metrics: text("push_otlp"),
        influx: text("push_influx"),
        statsd: text("push_statsd"),
        statsd_prefix: text("push_statsd_prefix"),
        statsd_tags: given.flag("push_statsd_tags"),
        push_interval: interval.map(|interval| interval.as_secs()),
        push_tags: text("push_tags"),
    };
    let env = |name: &str| std::env::var(name).ok();
    katydid_push::Settings::read(&asked, env).map_err(Problem::usage)
}

/// What `--rate` says.
fn arrivals(given: &Given, text: &str) -> Result<Arrivals, Problem> {
    let schedule: Schedule = text
        .parse()
        .map_err(|error| Problem::usage(format!("--rate: {error}")))?;
    let is_poisson = given
        .text("iteration_arrivals")
        .is_some_and(|word| word.eq_ignore_ascii_case("poisson"));
    Ok(Arrivals {
        schedule: if is_poisson {
            schedule.spaced(Spacing::Poisson)
        } else {
            schedule
        },
        most_users: given.number("iteration_rate_users").unwrap_or(MOST_USERS),
    })
}

/// Leaves the users and tasks that the command line chooses; all tags there were.
fn choose(given: &Given, test: &mut Test) -> Result<BTreeSet<String>, Problem> {
    let chosen: Vec<String> = given.all("user_classes").to_vec();
    let known: Vec<String> = test
        .kinds
        .iter()
        .map(|kind| kind.name().to_owned())
        .collect();
    if let Some(stranger) = chosen.iter().find(|name| !known.contains(name)) {
        return Err(Problem::failed(format!(
            "Unknown User(s): {stranger}. There are: {}",
            known.join(", ")
        )));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = known.iter().find(|name| !seen.insert(*name)) {
        return Err(Problem::failed(format!(
            "Two kinds of users are called {twice}; each needs a name of its own"
        )));
    }
    if !chosen.is_empty() {
        test.kinds
            .retain(|kind| chosen.contains(&kind.name().to_owned()));
    }
    if test.kinds.is_empty() {
        return Err(Problem::failed(
            "The test has no users: add some with Test::new().user(..)",
        ));
    }
    let mut tags = BTreeSet::new();
    for kind in &mut test.kinds {
        kind.collect_tags(&mut tags);
        kind.choose_by_tags(given.all("tags"), given.all("exclude_tags"));
        if given.flag("equal_weights") {
            kind.equal_weights();
        }
    }
    Ok(tags)
}

/// Whether requests can go there.
pub(crate) fn check_host(host: &str) -> Result<(), Problem> {
    match Target::parse(host) {
        Ok(_) => Ok(()),
        Err(error) => Err(Problem::usage(format!(
            "The host cannot be used, {}; write it as in https://shop.example",
            error.chain()
        ))),
    }
}

/// How many runs are kept, and how much room they may take.
fn keep(given: &Given) -> Keep {
    let usual = Keep::default();
    Keep {
        runs: given.number("store_keep").unwrap_or(usual.runs),
        bytes: given
            .text("store_size")
            .and_then(size)
            .unwrap_or(usual.bytes),
    }
}

/// A number of bytes as it is written: `500MB`, `5GB`.
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_uppercase();
    let digits = text.find(|it: char| !it.is_ascii_digit() && it != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit.trim() {
        "" | "B" => 1.0,
        "K" | "KB" => 1e3,
        "M" | "MB" => 1e6,
        "G" | "GB" => 1e9,
        "T" | "TB" => 1e12,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, which is what is wanted"
    )]
    (bytes.is_finite() && bytes >= 1.0).then_some(bytes as u64)
}

/// Where runs are kept.
fn store(given: &Given) -> Option<PathBuf> {
    if given.flag("no_store") {
        return None;
    }
    if let Some(path) = given.text("store") {
        return Some(crate::runs::expanded(path));
    }
    crate::runs::usual_store()
}
