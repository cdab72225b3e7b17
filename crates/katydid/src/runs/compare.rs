//! `katydid compare`

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use katydid_core::compare::{
    Comparison, Difference, Measure, Row, Settings, Verdict, compare, stretches,
};
use katydid_report::comparison::{bounds, change, shown, word};
use katydid_store::{Run, Store};
use serde_json::{Value, json};

use super::show::Part;
use super::table::Table;
use super::{Kept, Problem, choose, now_ms, read_of};

/// Of a run that was worse.
const WORSE: i32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The run to compare with: an id or the beginning of one, last, last~1
    before: String,
    /// The run that may be worse
    #[arg(default_value = "last")]
    after: String,
    #[command(flatten)]
    part: Part,
    /// Exit with 3 if the second run is worse
    #[arg(long)]
    fail_if_worse: bool,
    /// Call changes of less than so many percent none
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0)]
    least_change: f64,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    kept: Kept,
}

/// Prints how two runs differ, and gives the exit code.
pub(super) fn run(options: &Options) -> Result<i32, Problem> {
    let is_part = options.least_change.is_finite() && options.least_change >= 0.0;
    if !is_part {
        let text = "--least-change is a number of percent, 0 or more".to_owned();
        return Err(Problem::Words(text));
    }
    let store = options.kept.look()?;
    let runs = store.runs(now_ms())?;
    let before = choose::one(&runs, &options.before)?;
    let after = choose::one(&runs, &options.after)?;
    if before.id == after.id {
        let text = format!("{} is both of the runs; name another one", before.id);
        return Err(Problem::Words(text));
    }
    let one = cut(&store, before, &options.part)?;
    let other = cut(&store, after, &options.part)?;
    let settings = Settings {
        least_change: options.least_change / 100.0,
        ..Settings::default()
    };
    let found = compare(&one, &other, settings);
    let warnings = before.unlike(after);
    let mut out = io::stdout().lock();
    match options.format {
        Format::Json => {
            let body = described(before, after, &found, &warnings);
            serde_json::to_writer_pretty(&mut out, &body).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => {
            writeln!(
                out,
                "{} beside {}: {}\n",
                after.id,
                before.id,
                sentence(found.verdict)
            )?;
            for warning in &warnings {
                writeln!(out, "Note: {warning}")?;
            }
            write!(out, "{}", table(&found).plain())?;
        }
        Format::Markdown => {
            writeln!(
                out,
                "### {} beside {}: {}\n",
                after.id,
                before.id,
                sentence(found.verdict)
            )?;
            for warning in &warnings {
                writeln!(out, "- {warning}")?;
            }
            write!(out, "\n{}", table(&found).markdown())?;
        }
    }
    let is_worse = found.verdict == Verdict::Worse;
    Ok(if options.fail_if_worse && is_worse {
        WORSE
    } else {
        0
    })
}

fn cut(
    store: &Store,
    run: &Run,
    part: &Part,
) -> Result<Vec<katydid_core::compare::Stretch>, Problem> {
    let span = read_of(run, store.span(&run.id))?;
    let span = span.ok_or_else(|| Problem::Words(format!("nothing was counted in {}", run.id)))?;
    let (from, to) = part.of(run, span)?;
    read_of(run, store.stretches(run, from, to, stretches(to - from)))
}

fn sentence(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "worse",
        Verdict::Better => "better",
        Verdict::WithinNoise => "no difference that is more than chance",
        Verdict::Unknown => "too short, or with too few requests, to tell",
    }
}

fn table(found: &Comparison) -> Table {
    let heads = [
        "Method", "Name", "Measure", "Verdict", "Before", "After", "Change", "Between",
    ];
    let mut table = Table::new(4, heads);
    let mut rows: Vec<_> = found.rows.iter().collect();
    rows.sort_by_key(|row| row.verdict);
    for row in [&found.total].into_iter().chain(rows) {
        let name = row.name.as_deref().unwrap_or("Aggregated");
        for difference in row.differences.iter().filter(|it| is_told(row, it)) {
            table.row(vec![
                row.method.clone(),
                name.to_owned(),
                difference.measure.as_str().to_owned(),
                word(row, difference).to_owned(),
                shown(difference.measure, difference.before),
                shown(difference.measure, difference.after),
                change(difference),
                bounds(difference),
            ]);
        }
    }
    table
}

/// Of a name, p95 says how it is, and whatever has changed.
fn is_told(row: &Row, difference: &Difference) -> bool {
    let has_changed = matches!(difference.verdict, Verdict::Worse | Verdict::Better);
    row.name.is_none() || has_changed || difference.measure == Measure::P95
}

fn described(before: &Run, after: &Run, found: &Comparison, warnings: &[String]) -> Value {
    json!({
        "before": before.id,
        "after": after.id,
        "verdict": found.verdict,
        "warnings": warnings,
        "total": found.total,
        "entries": found.rows,
    })
}
