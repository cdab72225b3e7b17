//! The tables on the console, byte for byte as Locust prints them.
//!
//! Each table ends with the empty line that follows it on the console.

use std::borrow::Cow;
use std::fmt::Write;

use crate::locust::View;
use crate::registry::{Name, Registry};
use crate::stats::Stats;

/// The percentiles shown unless a script says otherwise, and their headings: Locust's
/// `PERCENTILES_TO_REPORT`.
pub const PERCENTILES: [(f64, &str); 11] = [
    (0.5, "50%"),
    (0.66, "66%"),
    (0.75, "75%"),
    (0.8, "80%"),
    (0.9, "90%"),
    (0.95, "95%"),
    (0.98, "98%"),
    (0.99, "99%"),
    (0.999, "99.9%"),
    (0.9999, "99.99%"),
    (1.0, "100%"),
];

/// Widths of the columns that depend on the terminal or the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// Locust's `STATS_NAME_WIDTH`.
    pub name: usize,
    /// Locust's `STATS_TYPE_WIDTH`.
    pub kind: usize,
}

impl Default for Widths {
    /// Without a terminal.
    fn default() -> Self {
        Self { name: 80, kind: 8 }
    }
}

/// Which rates the request table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// Of the last seconds, while the test runs.
    Current,
    /// Of the whole run, at its end.
    Total,
}

/// The table of requests, failures, times and rates.
pub fn requests(stats: &Stats, registry: &Registry, rates: Rates, widths: Widths) -> String {
    // Here the name column gives up what the method takes; too narrow, it is as wide again.
    let kind = widths.kind;
    let column = (widths.name + 4).abs_diff(kind);
    let dashes = (widths.name + 4).saturating_sub(kind);
    let separator = separator(&[kind, dashes, 7, 13, 7, 7, 7, 7, 8, 11]);
    let mut table = Table::default();
    table.line(format_args!(
        "{:kind$} {:column$} {:>7} {:>12} |{:>7} {:>7} {:>7}{:>7} | {:>7} {:>11}",
        "Type", "Name", "# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s",
    ));
    table.line(format_args!("{separator}"));
    for row in rows(stats, registry) {
        row.requests(&mut table, rates, kind, column);
    }
    table.line(format_args!("{separator}"));
    Row::total(stats).requests(&mut table, rates, kind, column);
    table.finish()
}

/// The table of percentiles: parts of one, and their headings.
pub fn percentiles(
    stats: &Stats,
    registry: &Registry,
    widths: Widths,
    parts: &[(f64, &str)],
) -> String {
    let Widths { name: column, kind } = widths;
    let mut dashes = vec![kind, column, 8];
    dashes.resize(dashes.len() + parts.len(), 6);
    let separator = separator(&dashes);
    let mut table = Table::default();
    table.line(format_args!("Response time percentiles (approximated)"));
    let labels = parts.iter().map(|(_, label)| label);
    table.line(format_args!(
        "{:kind$} {:column$} {} {:>6}",
        "Type",
        "Name",
        percentile_cells(labels),
        "# reqs"
    ));
    table.line(format_args!("{separator}"));
    for row in rows(stats, registry).filter(Row::has_times) {
        row.percentiles(&mut table, widths, parts);
    }
    table.line(format_args!("{separator}"));
    let total = Row::total(stats);
    if total.has_times() {
        total.percentiles(&mut table, widths, parts);
    }
    table.finish()
}

/// The table of errors, empty if there are none.
pub fn errors(stats: &Stats, registry: &Registry, widths: Widths) -> String {
    let mut errors = stats.errors().peekable();
    if errors.peek().is_none() {
        return String::new();
    }
    let separator = separator(&[18, (widths.name + 61)]);
    let mut table = Table::default();
    table.line(format_args!("Error report"));
    table.line(format_args!("{:18} {:100}", "# occurrences", "Error"));
    table.line(format_args!("{separator}"));
    for (error, count) in errors {
        let error = registry.error_name(error);
        let Name { method, name } = registry.name(error.key);
        let text = format!("{method} {name}: {}", as_given(&error.text));
        table.line(format_args!("{:<18} {:100}", count.occurrences, text));
    }
    table.line(format_args!("{separator}"));
    table.finish()
}

/// What a script gave to `response.failure(...)`, taken out of the exception around it; other
/// errors as they are.
fn as_given(error: &str) -> Cow<'_, str> {
    let Some(argument) = error
        .strip_prefix("CatchResponseError(")
        .and_then(|rest| rest.strip_suffix(')'))
    else {
        return Cow::Borrowed(error);
    };
    let quoted = ['\'', '"']
        .into_iter()
        .find_map(|quote| argument.strip_prefix(quote)?.strip_suffix(quote));
    quoted.map_or(Cow::Borrowed(argument), unescaped)
}

/// The text behind a Python string literal, its quotes taken off.
fn unescaped(literal: &str) -> Cow<'_, str> {
    if !literal.contains('\\') {
        return Cow::Borrowed(literal);
    }
    let mut text = String::with_capacity(literal.len());
    let mut rest = literal.chars();
    while let Some(letter) = rest.next() {
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some(kind @ ('x' | 'u' | 'U')) => {
                let digits = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let number: String = rest.by_ref().take(digits).collect();
                let letter = u32::from_str_radix(&number, 16)
                    .ok()
                    .and_then(char::from_u32);
                text.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => text.push(other),
            None => text.push('\\'),
        }
    }
    Cow::Owned(text)
}

/// Lines that end with an empty one.
#[derive(Default)]
struct Table {
    text: String,
}

impl Table {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes everything");
    }

    fn finish(mut self) -> String {
        self.text.push('\n');
        self.text
    }
}

/// Who a row is about, and what was counted.
struct Row<'a> {
    method: String,
    name: String,
    view: View<'a>,
}

/// The rows of all names, sorted.
fn rows<'a>(stats: &'a Stats, registry: &Registry) -> impl Iterator<Item = Row<'a>> {
    let entries = stats
        .entries()
        .map(|(key, entry)| (registry.name(key), entry));
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|(a, _), (b, _)| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
    entries
        .into_iter()
        .map(|(Name { method, name }, entry)| Row {
            // The blank is part of the column and widens it for long methods.
            method: if method.is_empty() {
                String::new()
            } else {
                format!("{method} ")
            },
            name: name.to_string(),
            view: stats.view(entry),
        })
}

impl<'a> Row<'a> {
    fn total(stats: &'a Stats) -> Self {
        let view = stats.view(stats.total());
        Self {
            method: String::new(),
            name: "Aggregated".to_owned(),
            view,
        }
    }

    fn has_times(&self) -> bool {
        self.view.entry().buckets.count() > 0
    }

    fn requests(&self, table: &mut Table, rates: Rates, kind: usize, column: usize) {
        let Self { method, name, view } = self;
        let entry = view.entry();
        let fails = format!("{}({:.2}%)", entry.failures, view.fail_ratio() * 100.0);
        let (rps, fails_per_second) = match rates {
            Rates::Current => (view.current_rps(), view.current_fail_per_sec()),
            Rates::Total => (view.total_rps(), view.total_fail_per_sec()),
        };
        let min = entry.min_time.unwrap_or_default().as_millis();
        table.line(format_args!(
            "{method:kind$} {name:column$} {:>7} {fails:>12} |{:>7} {min:>7} {:>7}{:>7} | {rps:>7.2} {fails_per_second:>11.2}",
            entry.requests,
            view.avg_response_time().trunc(),
            entry.max_time.as_millis(),
            view.median_response_time().trunc(),
        ));
    }

    fn percentiles(&self, table: &mut Table, widths: Widths, parts: &[(f64, &str)]) {
        let Self { method, name, view } = self;
        let Widths { name: column, kind } = widths;
        // Here the method stands without a blank of its own.
        let method = method.trim_end();
        let cells = percentile_cells(parts.iter().map(|&(part, _)| view.percentile(part)));
        let requests = view.entry().requests;
        table.line(format_args!(
            "{method:kind$} {name:column$} {cells} {requests:>6}"
        ));
    }
}

/// One cell for each percentile, the first a little wider.
fn percentile_cells<T: std::fmt::Display>(values: impl Iterator<Item = T>) -> String {
    let widths = [8].into_iter().chain(std::iter::repeat(6));
    let cells = values
        .zip(widths)
        .map(|(value, width)| format!("{value:>width$}"));
    cells.collect::<Vec<_>>().join(" ")
}

/// Runs of dashes under the columns of a table.
fn separator(widths: &[usize]) -> String {
    let runs = widths.iter().map(|&width| "-".repeat(width));
    runs.collect::<Vec<_>>().join("|")
}
