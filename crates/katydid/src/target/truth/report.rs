//! The ground truth as JSON and as a CSV log.

use std::collections::BTreeMap;
use std::io::{self, Write};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::super::routes;
use super::{Record, Tally, Truth};

/// Quantiles in reports, with their names.
const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p999", 0.999),
];

/// A copy of everything counted, taken at one moment.
struct Copied {
    tallies: BTreeMap<Tally, u64>,
    paths: Vec<u64>,
    records: Vec<Record>,
    names: Vec<Box<str>>,
    dropped: u64,
    unfinished: u64,
}

impl Copied {
    fn of(truth: &Truth) -> Self {
        let ledgers: Vec<_> = truth.ledgers.iter().map(Mutex::lock).collect();
        let mut copied = Self {
            tallies: BTreeMap::new(),
            paths: Vec::new(),
            records: Vec::new(),
            names: truth.names.lock().texts.clone(),
            dropped: 0,
            unfinished: 0,
        };
        copied.paths.resize(copied.names.len(), 0);
        for ledger in &ledgers {
            for (tally, count) in ledger.tallies.iter().collect::<BTreeMap<_, _>>() {
                *copied.tallies.entry(*tally).or_default() += count;
            }
            for (sum, count) in copied.paths.iter_mut().zip(&ledger.paths) {
                *sum += count;
            }
            copied.records.extend_from_slice(&ledger.records);
            copied.dropped += ledger.dropped;
            copied.unfinished += ledger.unfinished;
        }
        copied
    }
}

/// Counts by route, status and path, and the target's own durations.
pub(crate) fn report(truth: &Truth) -> Value {
    let copied = Copied::of(truth);
    let mut routes: BTreeMap<String, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
    for (tally, count) in &copied.tallies {
        let name = format!("{} {}", tally.method.name(), routes::template(tally.route));
        let route = routes.entry(name).or_default();
        route.0 += count;
        *route.1.entry(status_name(tally.status)).or_default() += count;
    }
    let by_route: Map<String, Value> = routes
        .into_iter()
        .map(|(name, (count, by_status))| (name, json!({ "count": count, "by_status": by_status })))
        .collect();
    let by_path: Map<String, Value> = copied
        .names
        .iter()
        .zip(&copied.paths)
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| (name.to_string(), json!(count)))
        .collect();
    let mut spans = vec![Vec::new(); copied.names.len()];
    for record in copied.records.iter().filter(|record| record.last > 0) {
        spans[record.path as usize].push(record.last.saturating_sub(record.arrival));
    }
    let durations: Map<String, Value> = copied
        .names
        .iter()
        .zip(&mut spans)
        .filter(|(_, spans)| !spans.is_empty())
        .map(|(name, spans)| (name.to_string(), quantiles(spans)))
        .collect();
    json!({
        "total": copied.tallies.values().sum::<u64>(),
        "unfinished": copied.unfinished,
        "records": copied.records.len(),
        "records_dropped": copied.dropped,
        "by_route": by_route,
        "by_path": by_path,
        "durations_us": durations,
    })
}

/// Exact quantiles (nearest rank) of durations in nanoseconds, as microseconds.
fn quantiles(spans: &mut [u64]) -> Value {
    spans.sort_unstable();
    let micros = |nanos: u64| json!(nanos as f64 / 1000.0);
    let mut row = Map::new();
    row.insert("count".into(), json!(spans.len()));
    row.insert("min".into(), micros(spans[0]));
    for (name, quantile) in QUANTILES {
        row.insert(name.into(), micros(spans[rank(spans.len(), quantile)]));
    }
    row.insert("max".into(), micros(spans[spans.len() - 1]));
    Value::Object(row)
}

/// The index of a quantile among so many sorted values.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the count"
)]
fn rank(count: usize, quantile: f64) -> usize {
    ((count as f64 * quantile).ceil() as usize).clamp(1, count) - 1
}

fn status_name(status: u16) -> String {
    match status {
        0 => "none".into(),
        status => status.to_string(),
    }
}

/// Writes every record as CSV, in order of arrival.
pub(crate) fn write_log(truth: &Truth, out: &mut impl Write) -> io::Result<()> {
    let mut copied = Copied::of(truth);
    copied.records.sort_unstable_by_key(|record| record.arrival);
    writeln!(
        out,
        "arrival_ns,first_byte_ns,last_byte_ns,delay_us,status,connection,route,request"
    )?;
    for record in &copied.records {
        writeln!(
            out,
            "{},{},{},{},{},{},{},\"{}\"",
            record.arrival,
            record.first,
            record.last,
            record.delay,
            record.status,
            record.connection,
            routes::template(record.route),
            copied.names[record.path as usize].replace('"', "\"\""),
        )?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_the_nearest_ranks() {
        let mut spans: Vec<u64> = (1..=1000).rev().map(|ms| ms * 1_000_000).collect();
        let row = quantiles(&mut spans);
        assert_eq!(row["count"], 1000);
        assert_eq!(row["min"], 1000.0);
        assert_eq!(row["p50"], 500_000.0);
        assert_eq!(row["p999"], 999_000.0);
        assert_eq!(row["max"], 1_000_000.0);
    }

    #[test]
    fn one_value_is_every_quantile() {
        let row = quantiles(&mut [5]);
        assert_eq!((&row["p50"], &row["p999"]), (&json!(0.005), &json!(0.005)));
    }
}
