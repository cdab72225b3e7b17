//! What the page and the store are told of a run, and where the page is served.

use std::fs;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use katydid_core::redact;
use katydid_host::{machine, service};
use katydid_push::{Level, Push};
use katydid_web::{About, Defaults, Tags};
use serde_json::{Map, Value, json};

use super::given::Given;
use super::run::Run;
use super::settings::{Part, Problem, Settings, size};
use crate::options::{Default, Kind as OptionKind, OPTIONS};
use crate::shape::Shape;
use crate::timespan;

impl Run {
    /// Has the metrics of all runs from now on go where the command line says.
    pub(super) fn push_metrics(&self) -> Result<(), Problem> {
        let Some(settings) = self.settings.push.clone() else {
            return Ok(());
        };
        if self.settings.part == Part::Worker {
            return Ok(());
        }
        let pushing = self.pushing.clone();
        let tell = Arc::new(move |level, text| drop(pushing.send((level, text))));
        let push = Push::start(Arc::clone(&self.node), settings, tell)
            .map_err(|error| Problem::usage(format!("Metrics cannot be sent: {error}")))?;
        self.push.set(push).ok();
        Ok(())
    }

    pub(super) fn push_told(&self, level: Level, text: &str) {
        let mut letters = text.chars();
        let first = letters.next().map(char::to_uppercase);
        let text: String = first.into_iter().flatten().chain(letters).collect();
        match level {
            Level::Info => self.console.info(text),
            Level::Warning => self.console.warn(text),
        }
    }

    /// What is known of every run of this process. Secrets among the options are hidden when it is written.
    pub(super) fn known(&self) -> Map<String, Value> {
        let settings = &self.settings;
        let kinds = settings.kinds.iter().map(|kind| kind.class().name);
        let shape = self.shape.borrow();
        let known = json!({
            "name": settings.name,
            "user_classes": kinds.collect::<Vec<_>>(),
            "classes": self.about.borrow().user_classes,
            "shape": shape.as_ref().map(|shape| shape.name()),
            "stages": shape.as_deref().and_then(stages),
            "version": env!("CARGO_PKG_VERSION"),
            "machine": std::env::consts::ARCH,
            "system": system(),
            "platform": platform(),
            "cpu": processor(),
            "memory_bytes": memory(),
            "cores": available_parallelism().map_or(1, std::num::NonZero::get),
            "options": options(&settings.given),
            "tags": settings.given.all("tags"),
            "exclude_tags": settings.given.all("exclude_tags"),
        });
        match known {
            Value::Object(known) => known,
            _ => Map::new(),
        }
    }

    /// Shows the page what there is to know, as it is now.
    pub(super) fn describe(&self) {
        let mut about = self.about.borrow_mut();
        let chosen = self.chosen.borrow();
        about.host.clone_from(&chosen.host);
        about.defaults = Defaults {
            users: Some(chosen.users.max(1)),
            spawn_rate: Some(chosen.spawn_rate),
            run_time: chosen.run_time.map(|time| time.as_secs().into()),
        };
        let shape = self.shape.borrow();
        about.shape = shape.as_ref().map(|shape| shape.name().to_owned());
        about.stages = shape.as_deref().and_then(stages);
        self.service.describe(about.clone());
    }

    /// Says what a number of users means beside a rate, where it may have been meant as the most there may be.
    fn tell_of_users(&self) {
        let (settings, given) = (&self.settings, &self.settings.given);
        let is_open = given.is_given("num_users") && !given.is_given("iteration_rate_users");
        let rate = settings.rate.as_ref().filter(|_| is_open);
        if let Some(rate) = rate.filter(|_| settings.part != Part::Worker) {
            self.console.warn(format_args!(
                "With --rate there are as many users as it takes, at most {}: --users is how many there are to begin \
                 with, and --rate-users the most there may be",
                rate.most_users
            ));
        }
    }

    /// Serves the page, unless there is none.
    pub(super) fn serve(&self) -> Result<(), Problem> {
        self.tell_of_users();
        let settings = &self.settings;
        if settings.headless || settings.part == Part::Worker {
            return Ok(());
        }
        let given = &settings.given;
        let without = if given.is_of_urls() {
            "leave out --autostart"
        } else {
            "run without the page with --headless"
        };
        let text = |dest| given.text(dest).unwrap_or_default().to_owned();
        let base_path = text("web_base_path");
        if !base_path.is_empty() && !base_path.starts_with('/') {
            return Err(Problem::failed(
                "--web-base-path must start with a slash, such as /load",
            ));
        }
        let (tls_cert, tls_key) = (text("tls_cert"), text("tls_key"));
        if tls_cert.is_empty() != tls_key.is_empty() {
            return Err(Problem::failed(
                "--tls-cert and --tls-key are only meaningful together",
            ));
        }
        let users = secret(given.text("web_users"), "KATYDID_WEB_USERS")?;
        let token = secret(given.text("web_token"), "KATYDID_WEB_TOKEN")?;
        let asks = !(users.is_empty() && token.is_empty());
        let asked = text("web_host");
        // A page that asks nobody who they are is for this machine, unless it is told otherwise.
        let is_private = asked.is_empty() && !asks;
        let host = if is_private { "127.0.0.1" } else { &asked };
        let port = given.number("web_port").unwrap_or(8089);
        let display = text("web_host_display_name");
        let scheme = if tls_cert.is_empty() { "http" } else { "https" };
        let served = self.service.serve(
            host,
            port,
            service::Settings {
                base_path: base_path.clone(),
                names: if display.is_empty() {
                    Vec::new()
                } else {
                    vec![display.clone()]
                },
                tls_cert,
                tls_key,
                users,
                token: token.trim().to_owned(),
            },
        );
        let port = served.map_err(|error| {
            Problem::failed(format!(
                "Could not start the web interface on {host}:{port}: {error}. Choose another port with -P, \
                 or {without}."
            ))
        })?;
        let names = [asked, display, "localhost".to_owned()];
        let shown = names.iter().find(|name| !name.is_empty());
        let shown = shown.map_or("localhost", String::as_str);
        let shown = if shown.contains(':') {
            format!("[{shown}]")
        } else {
            shown.to_owned()
        };
        let reach = if is_private {
            " (from this machine only, --web-host 0.0.0.0 opens it to others)"
        } else {
            ""
        };
        self.console.info(format_args!(
            "Starting web interface at {scheme}://{shown}:{port}{base_path}{reach}"
        ));
        Ok(())
    }
}

/// The stages of a shape, if it has some: seconds, and users at their end.
fn stages(shape: &dyn Shape) -> Option<Vec<(u32, u32)>> {
    let stages = shape.stages()?.into_iter();
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    Some(stages.map(|(time, users)| (seconds(time), users)).collect())
}

/// The options that were given, by the names that scripts' runs have for them.
fn options(given: &Given) -> Map<String, Value> {
    let told = OPTIONS.iter().filter_map(|option| {
        let values = given.all(option.dest);
        let value = match option.kind {
            OptionKind::Words | OptionKind::Threshold if values.is_empty() => return None,
            OptionKind::Words | OptionKind::Threshold => json!(values),
            kind => meant(kind, values.last()?),
        };
        let usual = match option.default {
            Default::Text(text) => meant(option.kind, text),
            usual => serde_json::to_value(usual).unwrap_or_default(),
        };
        (value != usual).then(|| (option.dest.to_owned(), value))
    });
    let mut told: Map<_, _> = told.collect();
    for (name, values) in &given.urls {
        let value = match (name.as_str(), values.last()) {
            // What is sent may be long, and is nobody's business.
            ("data", _) | (_, None) => continue,
            ("urls", _) => values.iter().map(|word| redact::url(word)).collect(),
            ("header", _) => values.iter().map(|line| header(line)).collect(),
            ("requests", Some(count)) => meant(OptionKind::Count, count),
            (_, Some(text)) if text == "true" => true.into(),
            (_, Some(text)) => text.as_str().into(),
        };
        told.insert(name.clone(), value);
    }
    told
}

/// A header as it may be shown.
fn header(line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    format!("{name}: {}", redact::header(name.trim(), value.trim()))
}

/// The value of an option: a number where it is one, times as seconds.
fn meant(kind: OptionKind, text: &str) -> Value {
    let value = match kind {
        OptionKind::Flag => Some(json!(text == "true")),
        OptionKind::Int | OptionKind::Count | OptionKind::Users => {
            text.parse::<i64>().ok().map(Value::from)
        }
        OptionKind::Float => text.parse::<f64>().ok().map(Value::from),
        OptionKind::TimeSpan => timespan::parse(text).map(|time| time.as_secs().into()),
        OptionKind::Size => size(text).map(Value::from),
        OptionKind::Choice => Some(text.to_ascii_uppercase().into()),
        _ => None,
    };
    value.unwrap_or_else(|| text.into())
}

/// The system, as Python names it.
fn system() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Darwin",
        "windows" => "Windows",
        other => other,
    }
}

/// The system and its version, as Python names them; none where this cannot be read.
fn platform() -> Option<String> {
    let read = |name| fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok();
    let (system, release) = (read("ostype")?, read("osrelease")?);
    let machine = std::env::consts::ARCH;
    Some(format!("{}-{}-{machine}", system.trim(), release.trim()))
}

/// What the processor calls itself, where the system tells.
fn processor() -> Option<String> {
    let cores = fs::read_to_string("/proc/cpuinfo").ok()?;
    let mut lines = cores.lines().filter_map(|line| line.split_once(':'));
    let (_, name) = lines.find(|(key, _)| key.trim() == "model name")?;
    Some(name.trim().to_owned())
}

/// The memory of this machine in bytes, where the system tells.
fn memory() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/meminfo").ok()?;
    let all = sizes
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = all.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

/// What the page shows of a test.
pub(super) fn about(settings: &Settings) -> About {
    About {
        locustfile: settings.name.clone(),
        tags: Tags {
            known: settings.known_tags.iter().cloned().collect(),
            only: settings.given.all("tags").to_vec(),
            without: settings.given.all("exclude_tags").to_vec(),
        },
        user_classes: settings.kinds.iter().map(|kind| kind.about()).collect(),
        utc_offset: machine::offset(0),
        ..About::default()
    }
}

/// A secret from a file, or from the environment.
fn secret(file: Option<&str>, variable: &str) -> Result<String, Problem> {
    match file {
        Some(path) => fs::read_to_string(path)
            .map_err(|error| Problem::failed(format!("Could not read {path}: {error}"))),
        None => Ok(std::env::var(variable).unwrap_or_default()),
    }
}
