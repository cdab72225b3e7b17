//! `katydid show`

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use katydid_core::histogram::Histogram;
use katydid_core::units::Micros;
use katydid_core::window::Count;
use katydid_store::{Run, Store, StoreError, Summary};
use serde_json::{Value, json};

use super::table::{self, Table};
use super::{Kept, Problem, about, choose, now_ms, read_of, report};
use crate::timespan;

/// Which part of a run.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Part {
    /// From so long after its start: 90, 90s, 1m30s
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) from: Option<u64>,
    /// Up to so long after its start
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) to: Option<u64>,
    /// The last so long of it
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with_all = ["from", "to"])]
    pub(super) last: Option<u64>,
    /// Only while all users were there
    #[arg(long, conflicts_with_all = ["from", "to", "last"])]
    pub(super) steady: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Csv,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct Options {
    /// An id or the beginning of one, last, last~1
    #[arg(default_value = "last")]
    run: String,
    #[command(flatten)]
    part: Part,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// With --format json: also all else that is known of the run, such as its script, samples of
    /// failures, exceptions, workers and log
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    kept: Kept,
}

fn time(text: &str) -> Result<u64, String> {
    let time = timespan::parse(text).ok_or("write 90, 90s, 5m or 1h30m")?;
    Ok(time.as_secs())
}

impl Part {
    /// The seconds of the Unix epoch that are meant, the last not included.
    pub(super) fn of(&self, run: &Run, span: (u64, u64)) -> Result<(u64, u64), Problem> {
        let (first, end) = span;
        let begin = (run.started_ms / 1000).min(first);
        let (from, to) = if let Some(last) = self.last {
            (end.saturating_sub(last).max(first), end)
        } else if self.steady {
            steady(run).ok_or_else(|| {
                let text = format!("{} never had all of its users at once", run.id);
                Problem::Words(text)
            })?
        } else {
            let at = |time: Option<u64>, or| time.map_or(or, |time| begin.saturating_add(time));
            (at(self.from, first), at(self.to, end).min(end))
        };
        if from >= to {
            let text = format!(
                "that is no part of {}, which lasted {}",
                run.id,
                table::span(end - begin)
            );
            return Err(Problem::Words(text));
        }
        Ok((from, to))
    }
}

/// From the second after all users were there up to that in which they began to stop.
fn steady(run: &Run) -> Option<(u64, u64)> {
    let marks: Value = serde_json::from_str(&run.marks).ok()?;
    let marks = marks.as_array()?;
    let at = |kind: &str| {
        let mark = marks.iter().find(|mark| mark["kind"] == kind)?;
        mark["t"].as_u64().map(|ms| ms / 1000)
    };
    Some((
        at("reached")? + 1,
        at("stop").unwrap_or(run.ended_ms / 1000),
    ))
}

/// Prints what was counted.
pub(super) fn run(options: &Options) -> Result<(), Problem> {
    if options.full && options.format != Format::Json {
        return Err(Problem::Words("--full goes with --format json".into()));
    }
    let store = options.kept.look()?;
    let runs = store.runs(now_ms())?;
    let run = choose::one(&runs, &options.run)?;
    let mut out = io::stdout().lock();
    match options.format {
        Format::Text => {
            let summary = read(&store, run, &options.part)?;
            write!(
                out,
                "{}\n{}",
                headline(run, &summary),
                counted(run, &summary).plain()
            )?;
            write!(out, "{}", clocks(&summary))?;
            if !summary.faults.is_empty() {
                write!(out, "\n{}", faults(&summary).plain())?;
            }
            let judged = judged(run);
            if !judged.is_empty() {
                write!(out, "\n{judged}")?;
            }
        }
        Format::Markdown => {
            let report = report::of(&store, run, &options.part)?;
            out.write_all(report.markdown().as_bytes())?;
        }
        Format::Csv => {
            let report = report::of(&store, run, &options.part)?;
            out.write_all(report.requests_csv().as_bytes())?;
        }
        Format::Json => {
            let report = report::of(&store, run, &options.part)?;
            let mut described = report.json();
            if options.full {
                described["known"] = read_of(run, known(&store, run))?;
            }
            writeln!(out, "{described:#}")?;
        }
    }
    Ok(())
}

/// What is known of a run besides what was counted.
fn known(store: &Store, run: &Run) -> Result<Value, StoreError> {
    let logs = store.logs(&run.id)?;
    Ok(json!({
        "scripts": store.scripts(&run.id)?,
        "samples": store.samples(&run.id)?,
        "exceptions": store.exceptions(&run.id)?,
        "workers": store.workers(&run.id)?,
        "moments": store.moments(&run.id)?,
        "findings": store.findings(&run.id)?,
        "losses": store.losses(&run.id)?,
        "lines": logs.lines,
        "lines_dropped": logs.dropped,
    }))
}

fn read(store: &Store, run: &Run, part: &Part) -> Result<Summary, Problem> {
    let span = read_of(run, store.span(&run.id))?;
    let span = span.ok_or_else(|| Problem::Words(format!("nothing was counted in {}", run.id)))?;
    let (from, to) = part.of(run, span)?;
    read_of(run, store.summary(&run.id, from, to))
}

fn headline(run: &Run, summary: &Summary) -> String {
    let about = about(run);
    let begin = (run.started_ms / 1000).min(summary.from);
    format!(
        "{} of {}, {}: {} to {} after its start\n",
        run.id,
        about["name"].as_str().unwrap_or("a script"),
        run.result(),
        table::span(summary.from - begin),
        table::span(summary.to - begin),
    )
}

/// Counts with the method and the name they stand under, the total at the end.
fn rows(summary: &Summary) -> impl Iterator<Item = (&str, &str, &Count)> {
    let rows = summary.rows.iter();
    let rows = rows.map(|(name, count)| (&*name.method, &*name.name, count));
    rows.chain([("", "Aggregated", &summary.total)])
}

fn counted(run: &Run, summary: &Summary) -> Table {
    let length = run.length(summary.from, summary.to);
    let heads = [
        "Method", "Name", "Requests", "Failures", "Failed", "req/s", "p50", "p95", "p99", "Max",
        "Mean",
    ];
    let mut table = Table::new(2, heads);
    for (method, name, count) in rows(summary) {
        let times = count.times();
        table.row(vec![
            method.to_owned(),
            name.to_owned(),
            count.requests.to_string(),
            count.failures.to_string(),
            table::percent(table::failed(count)),
            table::rate(count.requests, length),
            table::millis(table::quantile(count, 0.5)),
            table::millis(table::quantile(count, 0.95)),
            table::millis(table::quantile(count, 0.99)),
            table::millis(times.max().map(Micros::as_millis_f64)),
            table::millis(times.mean().map(|micros| micros / 1e3)),
        ]);
    }
    table
}

/// The times from when requests were due, the generator's part of them, and iterations.
fn clocks(summary: &Summary) -> String {
    let quantiles = |times: &Histogram| {
        let longest = times.max();
        let shown = times
            .values_at([0.5, 0.95, 0.99])
            .map(|time| table::millis(longest.map(|longest| time.min(longest).as_millis_f64())));
        let [half, most, nearly] = shown;
        format!(
            "p50 {half}, p95 {most}, p99 {nearly}, max {}",
            table::millis(longest.map(Micros::as_millis_f64))
        )
    };
    let mut lines = Vec::new();
    let response = summary.total.response_times();
    if !response.is_empty() {
        lines.push(format!(
            "\nFrom when they were due:    {}\n",
            quantiles(&response)
        ));
    }
    if !summary.lateness.is_empty() {
        lines.push(format!(
            "The generator's own delay:  {}\n",
            quantiles(&summary.lateness)
        ));
    }
    let all = &summary.iterations;
    if all.are_scheduled() {
        lines.push(format!(
            "Iterations: {} due, {} begun, {} of them late, {} dropped; due to begun: {}\n",
            all.due,
            all.started,
            all.late,
            all.dropped,
            quantiles(&all.lateness)
        ));
    } else if !all.is_empty() {
        lines.push(format!(
            "Iterations: {} begun. Closed model: users wait for answers, so all times are service times.\n",
            all.started
        ));
    }
    lines.concat()
}

fn faults(summary: &Summary) -> Table {
    let mut table = Table::new(3, ["Failure", "Kind", "Of", "Count"]);
    for fault in &summary.faults {
        let of = format!("{} {}", fault.method, fault.name);
        table.row(vec![
            fault.pattern.clone(),
            fault.kind.to_owned(),
            of.trim().to_owned(),
            fault.count.to_string(),
        ]);
    }
    table
}

/// What became of the run's thresholds, over all of it.
fn judged(run: &Run) -> String {
    let thresholds = run.judged();
    if thresholds.is_empty() {
        return String::new();
    }
    let mut table = Table::new(2, ["Result", "Fails if", "Measured, in all"]);
    for threshold in thresholds {
        let result = if threshold.failed { "FAILED" } else { "ok" };
        table.row(vec![result.to_owned(), threshold.text, threshold.measured]);
    }
    table.plain()
}
