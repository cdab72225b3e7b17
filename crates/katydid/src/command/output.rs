//! What is printed and written: tables, JSON, CSV files, `JUnit`'s XML, the report.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use katydid_core::report::text::{self, Rates, Widths};
use katydid_core::snapshot::Snapshot;
use katydid_web::{About, document};
use katydid_wire::{Value, report};
use serde::Serialize as _;

use super::settings::Settings;

/// The table of requests, as it is printed while a test runs and at its end.
pub(crate) fn requests(snapshot: &Snapshot, rates: Rates) -> String {
    text::requests(&snapshot.stats, &snapshot.registry, rates, widths())
}

/// The tables at the end.
pub(crate) fn tables(snapshot: &Snapshot) -> String {
    let (stats, registry) = (&snapshot.stats, &snapshot.registry);
    let mut out = requests(snapshot, Rates::Total);
    out += &text::percentiles(stats, registry, widths(), &text::PERCENTILES);
    out += &text::errors(stats, registry, widths());
    out
}

/// As wide as the terminal has room for, at least what Locust takes.
fn widths() -> Widths {
    let columns = terminal_size::terminal_size_of(io::stderr())
        .map_or(80, |(terminal_size::Width(columns), _)| {
            usize::from(columns)
        });
    let usual = Widths::default();
    match columns {
        0..=80 => usual,
        columns => Widths {
            name: columns.saturating_sub(80).clamp(12, usual.name),
            ..usual
        },
    }
}

/// The statistics as Locust's `--json` has them.
pub(crate) fn json(snapshot: &Snapshot) -> String {
    let encoded = report::encode(&snapshot.stats, &snapshot.registry);
    let stats = encoded
        .into_iter()
        .find(|(key, _)| key.as_str() == Some("stats"))
        .map_or(serde_json::Value::Null, |(_, value)| plain(value));
    let mut out = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut out, style);
    stats
        .serialize(&mut writer)
        .expect("a vector takes everything");
    out.push(b'\n');
    String::from_utf8_lossy(&out).into_owned()
}

/// A value of the wire as JSON; what only our own nodes read is left out.
fn plain(value: Value) -> serde_json::Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Map(pairs) => {
            let pairs = pairs.into_iter().filter_map(|(key, value)| {
                let key = match key {
                    Value::String(key) => key.into_str()?,
                    other => other.to_string(),
                };
                (key != report::EXACT).then(|| (key, plain(value)))
            });
            serde_json::Value::Object(pairs.collect())
        }
        Value::Boolean(it) => it.into(),
        Value::Integer(it) => match (it.as_u64(), it.as_i64()) {
            (Some(it), _) => it.into(),
            (None, Some(it)) => it.into(),
            _ => serde_json::Value::Null,
        },
        Value::F32(it) => f64::from(it).into(),
        Value::F64(it) => it.into(),
        Value::String(it) => it.into_str().unwrap_or_default().into(),
        _ => serde_json::Value::Null,
    }
}

/// Writes a file whole or not at all: whoever reads it may come at any time.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

/// The files that are written at the end of a run.
pub(super) fn files(settings: &Settings) -> Vec<String> {
    let given = &settings.given;
    let (users, rate, time) = (settings.users, settings.spawn_rate, settings.run_time);
    let html = given.text("html_file");
    let html = html.map(|path| html_path(path, users, rate, time));
    let json = given.text("json_file").map(|path| format!("{path}.json"));
    let junit = given.text("junit_file").map(str::to_owned);
    [html, json, junit].into_iter().flatten().collect()
}

/// Where the report goes: with the number of users, the spawn rate and the run time where the name has tags for them.
pub(super) fn html_path(
    path: &str,
    users: u32,
    spawn_rate: f64,
    run_time: Option<Duration>,
) -> String {
    let time = run_time.map_or_else(|| "None".to_owned(), |time| time.as_secs().to_string());
    path.replace("{u}", &users.to_string())
        .replace("{r}", &spawn_rate.to_string())
        .replace("{t}", &time)
}

/// Finds out before a run what would keep a file from being written after it.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    File::create(&beside)?;
    fs::remove_file(&beside)
}

/// The files of `--csv`, kept up to date.
pub(crate) struct CsvFiles {
    prefix: String,
    history: File,
    is_full: bool,
}

const HISTORY: &str = "Timestamp,User Count,Type,Name,Requests/s,Failures/s,\
    50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%,\
    Total Request Count,Total Failure Count,Total Median Response Time,\
    Total Average Response Time,Total Min Response Time,Total Max Response Time,\
    Total Average Content Size\r\n";

impl CsvFiles {
    /// Begins the files whose names begin with this.
    pub(crate) fn begin(prefix: &str, is_full: bool) -> io::Result<Self> {
        let path = PathBuf::from(format!("{prefix}_stats_history.csv"));
        if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut history = File::create(path)?;
        history.write_all(HISTORY.as_bytes())?;
        Ok(Self {
            prefix: prefix.to_owned(),
            history,
            is_full,
        })
    }

    /// Brings them up to date.
    pub(crate) fn write(&mut self, snapshot: &Snapshot, about: &About) -> io::Result<()> {
        for (kind, path) in [
            ("stats", "/stats/requests/csv"),
            ("failures", "/stats/failures/csv"),
            ("exceptions", "/exceptions/csv"),
        ] {
            if let Some(found) = document(path, snapshot, about) {
                fs::write(format!("{}_{kind}.csv", self.prefix), found.body)?;
            }
        }
        let rows = self.rows(snapshot);
        self.history.write_all(rows.as_bytes())?;
        self.history.flush()
    }

    fn rows(&self, snapshot: &Snapshot) -> String {
        let stats = &snapshot.stats;
        let mut rows = Vec::new();
        if self.is_full {
            for (key, entry) in stats.entries() {
                let name = snapshot.registry.name(key);
                rows.push((name.method.to_string(), name.name.to_string(), entry));
            }
            rows.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
        }
        rows.push((String::new(), "Aggregated".to_owned(), stats.total()));
        let mut out = String::new();
        for (method, name, entry) in rows {
            let view = stats.view(entry);
            let parts = text::PERCENTILES.map(|(part, _)| match entry.requests {
                0 => "N/A".to_owned(),
                _ => view.percentile(part).to_string(),
            });
            write!(
                out,
                "{},{},{},{},{:.6},{:.6},{},{},{},{},{},{},{},{}\r\n",
                snapshot.at_ms / 1_000,
                snapshot.run.users,
                cell(&method),
                cell(&name),
                view.current_rps(),
                view.current_fail_per_sec(),
                parts.join(","),
                entry.requests,
                entry.failures,
                view.median_response_time(),
                view.avg_response_time(),
                entry.min_time.unwrap_or_default().as_millis_f64(),
                entry.max_time.as_millis_f64(),
                view.avg_content_length(),
            )
            .expect("a string takes everything");
        }
        out
    }
}

/// A cell of a CSV file: quoted where it must be, and never taken for a formula.
fn cell(text: &str) -> String {
    let text = match text.chars().next() {
        Some('=' | '+' | '-' | '@') => format!("'{text}"),
        _ => text.to_owned(),
    };
    if text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}
