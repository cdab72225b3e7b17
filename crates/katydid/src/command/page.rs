//! What the page and the store are told of a run, and where the page is served.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use katydid_host::{machine, service};
use katydid_push::{Level, Push};
use katydid_web::{About, Defaults, Tags};
use serde_json::{Map, Value, json};

use super::run::Run;
use super::settings::{Part, Problem, Settings};

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

    /// What is known of every run of this process; nothing of it is secret.
    pub(super) fn known(&self) -> Map<String, Value> {
        let settings = &self.settings;
        let kinds = settings.kinds.iter().map(|kind| kind.class().name);
        let known = json!({
            "name": settings.name,
            "user_classes": kinds.collect::<Vec<_>>(),
            "classes": self.about.borrow().user_classes,
            "shape": self.about.borrow().shape,
            "stages": self.about.borrow().stages,
            "version": env!("CARGO_PKG_VERSION"),
            "machine": std::env::consts::ARCH,
            "system": std::env::consts::OS,
            "cores": available_parallelism().map_or(1, std::num::NonZero::get),
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
        about.stages = shape.as_ref().and_then(|shape| {
            let stages = shape.stages()?.into_iter();
            let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
            Some(stages.map(|(time, users)| (seconds(time), users)).collect())
        });
        self.service.describe(about.clone());
    }

    /// Serves the page, unless there is none.
    pub(super) fn serve(&self) -> Result<(), Problem> {
        let settings = &self.settings;
        if settings.headless || settings.part == Part::Worker {
            return Ok(());
        }
        let given = &settings.given;
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
                 or run without the page with --headless."
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
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Problem::failed(format!("Could not read {path}: {error}"))),
        None => Ok(std::env::var(variable).unwrap_or_default()),
    }
}
