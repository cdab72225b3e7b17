//! The options as they are given: on the command line, or else by the environment, or else in files.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command};
use katydid_core::threshold::Threshold;

use super::files::Files;
use super::settings::Problem;
use crate::options::{Default, Kind, OPTIONS, OptionSpec};
use crate::timespan;

/// Options that only Python scripts have a use for.
const PYTHONS: &[&str] = &[
    "locustfile",
    "config_users",
    "web_auth",
    "web_login",
    "class_picker",
    "legacy_ui",
    "build_path",
    "skip_log_setup",
    "otel",
    "profile",
    "step_load",
    "step_clients",
    "step_time",
    "no_reset_stats",
    "show_task_ratio",
    "show_task_ratio_json",
];

/// Values by the options' destinations; those that were not given are not there.
#[derive(Debug, Default)]
pub(crate) struct Given {
    values: BTreeMap<&'static str, Vec<String>>,
    /// What only requests for URLs take.
    pub(crate) urls: BTreeMap<String, Vec<String>>,
    pub(crate) command: Vec<String>,
    /// What runs the command again, if not this program alone.
    pub(crate) launcher: Vec<String>,
}

impl Given {
    pub(crate) fn text(&self, dest: &str) -> Option<&str> {
        let given = self.values.get(dest).and_then(|values| values.last());
        given.map(String::as_str).or_else(|| default(dest))
    }

    pub(crate) fn all(&self, dest: &str) -> &[String] {
        self.values.get(dest).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn flag(&self, dest: &str) -> bool {
        self.text(dest).is_some_and(|text| text == "true")
    }

    pub(crate) fn is_given(&self, dest: &str) -> bool {
        self.values.contains_key(dest)
    }

    /// A number; the option's kind has been checked.
    pub(crate) fn number<T: std::str::FromStr>(&self, dest: &str) -> Option<T> {
        match self.values.get(dest).and_then(|values| values.last()) {
            Some(text) => text.parse().ok(),
            None => {
                OPTIONS
                    .iter()
                    .find(|option| option.dest == dest)
                    .and_then(|option| match option.default {
                        Default::Int(number) => number.to_string().parse().ok(),
                        Default::Text(text) => text.parse().ok(),
                        _ => None,
                    })
            }
        }
    }

    /// Whether this is about URLs and not about a test.
    pub(crate) fn is_of_urls(&self) -> bool {
        self.urls.contains_key("urls")
    }

    pub(crate) fn time(&self, dest: &str) -> Option<std::time::Duration> {
        timespan::parse(self.text(dest)?)
    }
}

fn default(dest: &str) -> Option<&'static str> {
    let option = OPTIONS.iter().find(|option| option.dest == dest)?;
    match option.default {
        Default::Text(text) => Some(text),
        _ => None,
    }
}

fn options(mode: Mode) -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS
        .iter()
        .filter(|option| !PYTHONS.contains(&option.dest) && option.kind != Kind::Version)
        .filter(move |option| mode == Mode::Test || !OF_TESTS.contains(&option.dest))
}

/// What only requests for URLs take, by names that curl's users know.
fn urls() -> Vec<Arg> {
    let value = |name: &'static str, short: Option<char>, long, metavar: &'static str, help| {
        let arg = Arg::new(name).long(long).help(help);
        let arg = arg.help_heading("Requests").action(ArgAction::Set);
        let arg = match metavar {
            "" => arg.action(ArgAction::SetTrue),
            metavar => arg.value_name(metavar),
        };
        match short {
            Some(short) => arg.short(short),
            None => arg,
        }
    };
    vec![
        Arg::new("urls")
            .value_name("URL")
            .num_args(1..)
            .action(ArgAction::Append)
            .required(true)
            .help("What to ask for. A number behind a URL is its weight: http://a/ 3 http://b/ 1"),
        value(
            "method",
            Some('X'),
            "request",
            "METHOD",
            "Method; GET, or POST with a body",
        ),
        value(
            "data",
            Some('d'),
            "data",
            "BODY",
            "Body to send with each request",
        ),
        value(
            "body_file",
            None,
            "body-file",
            "FILE",
            "File whose bytes are sent with each request",
        ),
        value(
            "header",
            Some('H'),
            "header",
            "HEADER",
            "Header to send, as in 'Accept: text/html'; may be given again",
        )
        .action(ArgAction::Append),
        value(
            "requests",
            Some('n'),
            "requests",
            "COUNT",
            "End after so many requests",
        ),
        value(
            "timeout",
            None,
            "timeout",
            "TIME",
            "How long an answer may take; 60 seconds without it",
        ),
        value(
            "http1",
            None,
            "http1",
            "",
            "Speak HTTP/1.1; it is what is always spoken so far",
        ),
        value(
            "insecure",
            Some('k'),
            "insecure",
            "",
            "Trust any certificate",
        ),
        value("follow", None, "location", "", "Follow redirects"),
    ]
}

fn is_flag(option: &OptionSpec) -> bool {
    matches!(option.kind, Kind::Flag | Kind::GoneFlag)
}

fn arg(option: &'static OptionSpec) -> Arg {
    let mut arg = Arg::new(option.dest).help(option.help).hide(option.hidden);
    let short = |flag: &str| flag.chars().nth(1).expect("a short name has a letter");
    for flag in option.flags {
        arg = match flag.strip_prefix("--") {
            Some(long) => arg.long(long),
            None => arg.short(short(flag)),
        };
    }
    for alias in option.aliases {
        arg = match alias.strip_prefix("--") {
            Some(long) => arg.alias(long.to_owned()),
            None => arg.short_alias(short(alias)),
        };
    }
    if let Ok(serde_json::Value::String(heading)) = serde_json::to_value(option.group)
        && !option.flags.is_empty()
    {
        arg = arg.help_heading(heading);
    }
    if is_flag(option) {
        return arg.action(ArgAction::SetTrue);
    }
    arg = arg.value_name(option.metavar.unwrap_or("VALUE"));
    match option.kind {
        Kind::Words => arg.num_args(0..).action(ArgAction::Append),
        Kind::Threshold => arg.action(ArgAction::Append),
        _ => arg.action(ArgAction::Set).allow_negative_numbers(true),
    }
}

/// What is run: a test, or requests for URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Test,
    Urls,
}

/// Options of a test that requests for URLs have no use for, or that mean something else there.
const OF_TESTS: &[&str] = &[
    "host",
    "user_classes",
    "list_commands",
    "tags",
    "exclude_tags",
    "equal_weights",
    "iteration_limit",
    "headless",
    "headful",
];

/// The command line, as clap knows it.
fn command(program: &str, mode: Mode) -> Command {
    let command = Command::new(program.to_owned())
        .version(env!("CARGO_PKG_VERSION"))
        .args_override_self(true);
    let command = match mode {
        Mode::Test => command
            .about(
                "A load test made with Katydid: runs its users against a system, and measures it",
            )
            .args(options(mode).map(arg)),
        Mode::Urls => command
            .about("Sends requests for URLs, and measures the answers; no script is needed")
            .override_usage(format!(
                "{program} [OPTIONS] URL [WEIGHT] [URL [WEIGHT]]..."
            ))
            .args(urls())
            .args(options(mode).map(arg)),
    };
    command.disable_version_flag(true).arg(
        Arg::new("version")
            .short('V')
            .long("version")
            .help("Print the version and exit")
            .action(ArgAction::Version),
    )
}

/// Reads the arguments, the first of which is the program, the environment, and files of options.
pub(crate) fn parse(program: &str, arguments: &[String], mode: Mode) -> Result<Given, Problem> {
    let matches = command(program, mode)
        .try_get_matches_from(arguments)
        .map_err(|error| Problem::Clap(Box::new(error)))?;
    let mut given = Given {
        command: arguments.to_vec(),
        ..Given::default()
    };
    if mode == Mode::Urls {
        for arg in urls() {
            let name = arg.get_id().as_str();
            let values: Vec<String> = if matches!(arg.get_action(), ArgAction::SetTrue) {
                let is_set = matches.get_flag(name);
                is_set.then(|| "true".to_owned()).into_iter().collect()
            } else {
                matches
                    .get_many(name)
                    .into_iter()
                    .flatten()
                    .cloned()
                    .collect()
            };
            if !values.is_empty() {
                given.urls.insert(name.to_owned(), values);
            }
        }
    }
    let config = matches.get_one::<String>("config").map(String::as_str);
    let files = Files::read(config)?;
    for option in options(mode) {
        let from_command =
            matches.value_source(option.dest) == Some(clap::parser::ValueSource::CommandLine);
        let mut place = None;
        let values = if !from_command {
            environment(option).or_else(|| {
                let setting = files.get(option)?;
                place = Some(setting.place.as_str());
                Some(switched(option, setting.values.clone()))
            })
        } else if is_flag(option) {
            Some(vec!["true".to_owned()])
        } else {
            let values = matches.get_many::<String>(option.dest);
            Some(values.into_iter().flatten().cloned().collect())
        };
        if let Some(values) = values {
            for value in &values {
                check(option, value).map_err(|problem| problem.at(place))?;
            }
            given.values.insert(option.dest, values);
        }
    }
    // A worker is one although a file that it shares with its master says what that is.
    let is_said = |dest| matches.value_source(dest) == Some(clap::parser::ValueSource::CommandLine);
    for (part, other) in [("worker", "master"), ("master", "worker")] {
        if is_said(part) && !is_said(other) {
            given.values.remove(other);
        }
    }
    Ok(given)
}

/// What the environment says: `KATYDID_` before `LOCUST_`, and names of the 0.14 generation last.
fn environment(option: &OptionSpec) -> Option<Vec<String>> {
    let ours = option
        .env
        .map(|name| name.replacen("LOCUST_", "KATYDID_", 1));
    let names = [ours.as_deref(), option.env, option.old_env];
    let text = names.into_iter().flatten().find_map(|name| {
        let value = std::env::var(name).ok()?;
        (!value.is_empty()).then_some(value)
    })?;
    Some(match option.kind {
        Kind::Words => text.split([',', ' ']).map(str::to_owned).collect(),
        _ => switched(option, vec![text]),
    })
}

/// Values of an option; that of a flag says whether it is on.
fn switched(option: &OptionSpec, values: Vec<String>) -> Vec<String> {
    if !is_flag(option) {
        return values;
    }
    let on = |word: &String| ["true", "1", "yes", "on"].contains(&&*word.to_ascii_lowercase());
    vec![values.iter().any(on).to_string()]
}

/// Whether a value is one that the option takes.
fn check(option: &OptionSpec, value: &str) -> Result<(), Problem> {
    let name = option.flags.last().copied().unwrap_or(option.dest);
    let wrong = |what: &str| Err(Problem::usage(format!("{name}: {value:?} is not {what}")));
    let number = value.parse::<i64>().ok();
    match option.kind {
        Kind::Int if number.is_none() => wrong("a whole number"),
        Kind::Count if number.is_none_or(|number| number < 1) => wrong("a whole number above zero"),
        Kind::Users if value.parse::<u32>().is_err() => wrong("a number of users"),
        Kind::Float
            if !value
                .parse::<f64>()
                .is_ok_and(|number| number.is_finite() && number > 0.0) =>
        {
            wrong("a number above zero")
        }
        Kind::TimeSpan if timespan::parse(value).is_none() => {
            wrong("a length of time; write 20, 20s, 3m, 2h, 1h20m or 3h30m10s")
        }
        Kind::Size if super::settings::size(value).is_none() => {
            wrong("a size; write for example 500MB or 5GB")
        }
        Kind::Threshold => match Threshold::parse(value) {
            Ok(_) => Ok(()),
            Err(error) => Err(Problem::usage(format!(
                "{name}: this is no threshold:\n{error}"
            ))),
        },
        Kind::Choice
            if !option
                .choices
                .contains(&value.to_ascii_uppercase().as_str()) =>
        {
            wrong(&format!("one of {}", option.choices.join(", ")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &[&str]) -> Result<Given, Problem> {
        let words: Vec<_> = ["shop"]
            .iter()
            .chain(words)
            .map(ToString::to_string)
            .collect();
        parse("shop", &words, Mode::Test)
    }

    #[test]
    fn the_command_is_sound() {
        command("shop", Mode::Test).debug_assert();
        command("katydid", Mode::Urls).debug_assert();
    }

    #[test]
    fn options_are_read_with_their_defaults() {
        let given = given(&[
            "-u",
            "5",
            "--headless",
            "-t",
            "1m30s",
            "--fail-if",
            "p95>1s",
        ])
        .unwrap();
        assert_eq!(given.number::<u32>("num_users"), Some(5));
        assert!(given.flag("headless") && !given.flag("autostart"));
        assert_eq!(
            given.time("run_time"),
            Some(std::time::Duration::from_secs(90))
        );
        assert_eq!(given.all("fail_if"), ["p95>1s"]);
        assert_eq!(given.number::<u16>("web_port"), Some(8089));
        assert_eq!(given.time("stop_timeout"), Some(std::time::Duration::ZERO));
    }

    #[test]
    fn values_that_an_option_does_not_take_are_refused() {
        for wrong in [
            &["-u", "-3"][..],
            &["-u", "many"],
            &["-r", "0"],
            &["-t", "soon"],
            &["-L", "LOUD"],
            &["--expect-workers", "0"],
            &["--fail-if", "p95>"],
            &["--no-such-option"],
        ] {
            assert!(given(wrong).is_err(), "{wrong:?}");
        }
    }
}
