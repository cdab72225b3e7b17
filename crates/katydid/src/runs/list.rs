//! `katydid runs`

use std::io::{self, Write as _};
use std::time::Duration;

use clap::Args;
use katydid_core::calendar::rounded;
use katydid_store::{Run, Store, StoreError};
use serde_json::{Value, json};

use super::table::{self, Table};
use super::{Kept, Problem, about, now_ms};

/// The result of a run whose numbers cannot be read.
const DAMAGED: &str = "damaged";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Only runs of scripts whose name has this in it
    #[arg(long, value_name = "TEXT")]
    script: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 20, value_parser = some)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    kept: Kept,
}

fn some(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| *limit > 0);
    limit.ok_or_else(|| "write a number of runs, 1 or more".to_owned())
}

/// Prints the runs.
pub(super) fn run(options: &Options) -> Result<(), Problem> {
    let store = options.kept.look()?;
    let all = store.runs(now_ms())?;
    let wanted = |run: &&Run| {
        let wanted = options.script.as_deref().unwrap_or_default();
        about(run)["name"]
            .as_str()
            .unwrap_or_default()
            .contains(wanted)
    };
    let listed: Vec<_> = all.iter().filter(wanted).collect();
    let shown: Result<Vec<_>, _> = listed
        .iter()
        .take(options.limit)
        .map(|run| described(&store, run))
        .collect();
    let shown = shown?;
    let mut out = io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &shown).map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    if shown.is_empty() {
        let words = if all.is_empty() {
            "No run is kept yet."
        } else {
            "No run of such a script is kept."
        };
        writeln!(out, "{words}")?;
        return Ok(());
    }
    let heads = [
        "Run", "Script", "Result", "Users", "Length", "Requests", "Failed", "p50", "p95", "p99",
    ];
    let mut table = Table::new(3, heads);
    for run in &shown {
        let text = |field: &str| run[field].as_str().unwrap_or_default().to_owned();
        let number = |field: &str| run[field].as_u64().unwrap_or(0);
        let requests = run["requests"].as_u64();
        table.row(vec![
            text("id"),
            text("script"),
            text("result"),
            number("peak_users").to_string(),
            table::span(number("seconds")),
            requests.map_or_else(|| "—".to_owned(), |requests| requests.to_string()),
            table::percent(run["fail_ratio"].as_f64()),
            table::millis(run["p50"].as_f64()),
            table::millis(run["p95"].as_f64()),
            table::millis(run["p99"].as_f64()),
        ]);
    }
    write!(out, "{}", table.plain())?;
    for run in shown.iter().filter(|run| run["result"] == DAMAGED) {
        let id = run["id"].as_str().unwrap_or_default();
        writeln!(
            out,
            "{id} is damaged, and what it came to cannot be read; katydid delete {id} removes it"
        )?;
    }
    let more = listed.len() - shown.len();
    if more > 0 {
        writeln!(out, "and {more} more; --limit shows them")?;
    }
    writeln!(out, "\n{}", kept(&store, &all)?)?;
    Ok(())
}

/// What is kept, in words, and what goes next.
fn kept(store: &Store, all: &[Run]) -> Result<String, Problem> {
    let (keep, usage) = (store.limits()?, store.usage()?);
    let mut words = format!(
        "{} {} {}. Up to {} runs and {} are kept, and those that are pinned.",
        all.len(),
        if all.len() == 1 {
            "run takes"
        } else {
            "runs take"
        },
        table::bytes(usage.used),
        keep.runs,
        table::bytes(keep.bytes),
    );
    let going = store.going(all, keep)?;
    if let Some((first, others)) = going.split_first() {
        let more = match others.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        words += " As another run begins, ";
        words += &first.id;
        words += &more;
        words += " will go.";
    }
    Ok(words)
}

/// A run and what all of it came to.
fn described(store: &Store, run: &Run) -> Result<Value, Problem> {
    let about = about(run);
    let (total, result) = match store.total(&run.id) {
        Ok(total) => (Some(total), run.result()),
        // The others can be listed.
        Err(StoreError::Foreign(_)) => (None, DAMAGED),
        Err(error) => return Err(error.into()),
    };
    let seconds = match &total {
        Some(total) => run.length(total.from, total.to),
        None => Duration::from_millis(run.ended_ms.saturating_sub(run.started_ms)),
    };
    let count = total.map(|total| total.count);
    let quantile = |part| table::quantile(count.as_ref()?, part);
    Ok(json!({
        "id": run.id,
        "script": about["name"],
        "host": about["host"],
        "result": result,
        "started_ms": run.started_ms,
        "ended_ms": run.ended_ms,
        "seconds": rounded(seconds),
        "peak_users": about["peak_users"].as_u64().or(about["users"].as_u64()),
        "requests": count.as_ref().map(|count| count.requests),
        "failures": count.as_ref().map(|count| count.failures),
        "fail_ratio": count.as_ref().and_then(table::failed),
        "p50": quantile(0.5),
        "p95": quantile(0.95),
        "p99": quantile(0.99),
        "thresholds": run.judged(),
    }))
}
