//! Downloads for spreadsheets, column by column as Locust writes them.

use std::collections::BTreeSet;
use std::fmt::Write;

use katydid_core::calendar::{Moment, utc};
use katydid_core::locust::View;
use katydid_core::registry::Name;
use katydid_core::snapshot::Snapshot;
use katydid_core::units::Nanos;
use serde_json::Value;

use crate::about::About;
use crate::document::{median, or_zero};
use crate::flask;

const REQUESTS: &str = "Type,Name,Request Count,Failure Count,Median Response Time,\
    Average Response Time,Min Response Time,Max Response Time,Average Content Size,\
    Requests/s,Failures/s";
const FAILURES: &str = "Method,Name,Error,Occurrences,First Seen,Last Seen";
const EXCEPTIONS: &str = "Count,Message,Traceback,Nodes";

/// The statistics by name, and those of all names together.
pub(crate) fn requests(snapshot: &Snapshot, percentiles: &[f64]) -> String {
    let mut out = REQUESTS.to_owned();
    for &part in percentiles {
        write!(out, ",{}", percent(part)).expect("a string takes everything");
    }
    out.push_str("\r\n");
    for (name, view) in by_name(snapshot) {
        request(&name.method, &name.name, view, percentiles, &mut out);
    }
    let total = snapshot.stats.view(snapshot.stats.total());
    request("", "Aggregated", total, percentiles, &mut out);
    out
}

/// All requests so far in one row, in the columns of Locust 0.14.
pub(crate) fn old_history(snapshot: &Snapshot) -> String {
    const COLUMNS: &str = "\"Type\",\"Name\",\"Timestamp\",\"# requests\",\"# failures\",\
        \"Requests/s\",\"Requests Failed/s\",\"Median response time\",\
        \"Average response time\",\"Min response time\",\"Max response time\",\
        \"Average Content Size\",\"50%\",\"66%\",\"75%\",\"80%\",\"90%\",\"95%\",\"98%\",\
        \"99%\",\"99.9%\",\"99.99%\",\"99.999\",\"100%\"";
    const PARTS: [f64; 12] = [
        0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 0.99999, 1.0,
    ];
    let total = snapshot.stats.view(snapshot.stats.total());
    let entry = total.entry();
    let whole = |time: Nanos| time.as_millis_f64().round();
    let mut row = format!(
        "\"None\",\"Aggregated\",\"{}\",{},{},{:.2},{:.2},{},{},{},{},{}",
        snapshot.at_ms / 1000,
        entry.requests,
        entry.failures,
        total.current_rps(),
        total.current_fail_per_sec(),
        total.median_response_time().round(),
        total.avg_response_time().round(),
        entry.min_time.map_or(0.0, whole),
        whole(entry.max_time),
        total.avg_content_length().round(),
    );
    for part in PARTS {
        let cell = match entry.requests {
            0 => "\"N/A\"".to_owned(),
            _ => total.percentile(part).to_string(),
        };
        write!(row, ",{cell}").expect("a string takes everything");
    }
    format!("{COLUMNS}\n{row}\n")
}

/// The errors.
pub(crate) fn failures(snapshot: &Snapshot) -> String {
    let mut out = format!("{FAILURES}\r\n");
    for (error, count) in snapshot.stats.errors() {
        let error = snapshot.registry.error_name(error);
        let name = snapshot.registry.name(error.key);
        let cells = [
            name.method.to_string(),
            name.name.to_string(),
            error.text.to_string(),
            count.occurrences.to_string(),
            utc(count.first_seen),
            utc(count.last_seen),
        ];
        line(cells, &mut out);
    }
    out
}

/// The exceptions.
pub(crate) fn exceptions(snapshot: &Snapshot) -> String {
    let mut out = format!("{EXCEPTIONS}\r\n");
    for exception in snapshot.exceptions.iter() {
        let cells = [
            exception.count.to_string(),
            exception.msg.clone(),
            exception.traceback.clone(),
            list(&exception.nodes),
        ];
        line(cells, &mut out);
    }
    out
}

/// The name of a download, without its ending: when the run began, the script, the host and the kind of file.
pub fn file_name(kind: &str, snapshot: &Snapshot, about: &About) -> String {
    let start = snapshot.stats.total().start.map_or(0, Nanos::as_secs);
    let local = Moment::at(start.saturating_add_signed(about.utc_offset.into()));
    let Moment {
        year,
        month,
        day,
        hour,
        minute,
        ..
    } = local;
    let mut name = format!("Locust_{year}-{month:02}-{day:02}-{hour:02}h{minute:02}");
    let host = snapshot.run.host.as_ref().or(about.host.as_ref());
    let host = host.map_or("", String::as_str);
    for part in [about.locustfile.as_str(), host, kind] {
        if !part.is_empty() {
            name.push('_');
            name.extend(
                part.chars()
                    .map(|char| if is_harmless(char) { char } else { '_' }),
            );
        }
    }
    name
}

/// Names as one text.
pub(crate) fn list(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}

/// The statistics of each name, sorted by name and then method.
pub(crate) fn by_name(snapshot: &Snapshot) -> Vec<(Name, View<'_>)> {
    let entries = snapshot.stats.entries();
    let mut entries: Vec<_> = entries
        .map(|(key, entry)| (snapshot.registry.name(key), snapshot.stats.view(entry)))
        .collect();
    entries.sort_by(|(one, _), (other, _)| {
        (&one.name, &one.method).cmp(&(&other.name, &other.method))
    });
    entries
}

fn request(method: &str, name: &str, view: View, percentiles: &[f64], out: &mut String) {
    let entry = view.entry();
    let time = |time: Nanos| time.as_millis_f64();
    let max = time(entry.max_time);
    let mut cells = vec![
        method.to_owned(),
        name.to_owned(),
        entry.requests.to_string(),
        entry.failures.to_string(),
        number(&median(view)),
        flask::float(view.avg_response_time()),
        entry
            .min_time
            .map_or_else(|| "0".to_owned(), |min| flask::float(time(min))),
        number(&or_zero(entry.min_time.is_some(), max)),
        number(&or_zero(entry.requests > 0, view.avg_content_length())),
        flask::float(view.total_rps()),
        flask::float(view.total_fail_per_sec()),
    ];
    let times = percentiles.iter().map(|&part| match entry.requests {
        0 => "N/A".to_owned(),
        _ => view.percentile(part).to_string(),
    });
    cells.extend(times);
    line(cells, out);
}

fn number(value: &Value) -> String {
    match value.as_f64() {
        Some(float) if value.is_f64() => flask::float(float),
        _ => value.to_string(),
    }
}

/// A part as Locust's columns name it: 0.999 is 99.9%.
fn percent(part: f64) -> String {
    // Six decimals take away what the multiplication adds.
    let text = format!("{:.6}", part * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

fn line(cells: impl IntoIterator<Item = String>, out: &mut String) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

/// Whether a character may stand in a file name within a header.
fn is_harmless(char: char) -> bool {
    char.is_ascii_graphic() && !matches!(char, '"' | '\\' | ';' | ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_in_per_cent() {
        let names = [0.5, 0.66, 0.999, 0.9999, 1.0, 0.29].map(percent);
        assert_eq!(names, ["50%", "66%", "99.9%", "99.99%", "100%", "29%"]);
    }

    #[test]
    fn a_cell_is_quoted_only_where_it_must_be() {
        let mut out = String::new();
        line(
            [
                "a b".into(),
                "c,d".into(),
                "e\"f".into(),
                "g\nh".into(),
                String::new(),
            ],
            &mut out,
        );
        assert_eq!(out, "a b,\"c,d\",\"e\"\"f\",\"g\nh\",\r\n");
    }
}
