//! What a worker has counted, as Locust's dictionaries and back.
//!
//! Locust's own keys carry what a stock peer needs: counts, and response times rounded to two
//! digits. Under [`EXACT`], which stock peers ignore, our nodes add what Locust has no key for:
//! times in nanoseconds and the histograms, so that a fleet's numbers are those of one process.

use katydid_core::histogram::Histogram;
use katydid_core::iteration::Iterations;
use katydid_core::locust::Buckets;
use katydid_core::per_second::PerSecond;
use katydid_core::registry::{Name, Registry};
use katydid_core::stats::{Entry, ErrorCount, Histograms, Stats};
use katydid_core::trip::{PHASES, Phase, Trips};
use katydid_core::units::{Micros, Nanos};
use rmpv::Value;
use thiserror::Error;

use crate::message::field;

/// The key of an entry's exact numbers.
pub const EXACT: &str = "katydid";
/// The key of the iterations, in the total; stock peers have none.
const ITERATIONS: &str = "katydid_iterations";
/// The largest count that is believed: nine years of a million a second.
const MOST: u64 = 1 << 48;
/// Histograms of an entry.
const HISTOGRAMS: usize = 6;
/// Entries and errors that are looked at in one report.
const ROWS: usize = 20_000;

/// A report that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a report whose {0} is not what Locust sends")]
pub struct ReportError(&'static str);

/// A worker's statistics since its last report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was counted.
    pub stats: Stats,
    /// Whether every entry came with its exact times.
    pub is_exact: bool,
}

/// The keys `stats`, `stats_total` and `errors` of a worker's report.
pub fn encode(stats: &Stats, registry: &Registry) -> Vec<(Value, Value)> {
    let entries = stats
        .entries()
        .filter(|(_, entry)| entry.requests > 0 || entry.failures > 0)
        .map(|(key, entry)| {
            let Name { method, name } = registry.name(key);
            entry_value(entry, &name, &method)
        });
    let mut total = entry_value(stats.total(), "Aggregated", "");
    if let (Value::Map(fields), false) = (&mut total, stats.iterations().is_empty()) {
        fields.push((ITERATIONS.into(), iterations_value(stats.iterations())));
    }
    let errors = stats.errors().map(|(error, count)| {
        let error = registry.error_name(error);
        let Name { method, name } = registry.name(error.key);
        let key = format!("{method}.{name}.{}", error.text);
        let row = map([
            ("name", (&*name).into()),
            ("method", (&*method).into()),
            ("error", (&*error.text).into()),
            ("occurrences", count.occurrences.into()),
            ("first_seen", count.first_seen.as_secs_f64().into()),
            ("last_seen", count.last_seen.as_secs_f64().into()),
            (
                EXACT,
                Value::Array(vec![
                    count.first_seen.as_nanos().into(),
                    count.last_seen.as_nanos().into(),
                ]),
            ),
        ]);
        (Value::from(key), row)
    });
    vec![
        ("stats".into(), Value::Array(entries.collect())),
        ("stats_total".into(), total),
        ("errors".into(), Value::Map(errors.collect())),
    ]
}

/// Reads the statistics of a report; names it has that are new get a number.
///
/// # Errors
///
/// A [`ReportError`] if a part of it is of another kind than Locust sends. Nothing of it counts
/// then, so that a report counts whole or not at all.
pub fn decode(data: &Value, registry: &Registry) -> Result<Report, ReportError> {
    let rows = field(data, "stats").and_then(Value::as_array);
    let rows = rows.ok_or(ReportError("stats"))?;
    let mut entries = Vec::with_capacity(rows.len().min(ROWS));
    let mut is_exact = true;
    for row in rows.iter().take(ROWS) {
        let key = registry.key(text(row, "method")?, text(row, "name")?);
        let entry = entry_of(row)?;
        is_exact &= field(row, EXACT).is_some();
        entries.push((key, entry));
    }
    let mut errors = Vec::new();
    let rows = field(data, "errors").and_then(Value::as_map);
    for (_, row) in rows.into_iter().flatten().take(ROWS) {
        let key = registry.key(text(row, "method")?, text(row, "name")?);
        let error = registry.error(key, text(row, "error")?);
        let seen = |place: usize, key| {
            let exact = field(row, EXACT).and_then(Value::as_array);
            match exact.and_then(|exact| exact.get(place)?.as_u64()) {
                Some(nanos) => Some(Nanos::from_nanos(nanos)),
                None => field(row, key).and_then(Value::as_f64).map(epoch),
            }
        };
        let count = ErrorCount {
            occurrences: count(row, "occurrences")?,
            // Workers of older versions do not say when.
            first_seen: seen(0, "first_seen").unwrap_or(Nanos::MAX),
            last_seen: seen(1, "last_seen").unwrap_or(Nanos::ZERO),
        };
        errors.push((error, count));
    }
    let iterations = field(data, "stats_total").and_then(|total| field(total, ITERATIONS));
    let iterations = match iterations {
        Some(value) => iterations_of(value).ok_or(ReportError("iterations"))?,
        None => Iterations::default(),
    };
    Ok(Report {
        stats: Stats::from_parts(entries, errors).with_iterations(&iterations),
        is_exact,
    })
}

fn entry_value(entry: &Entry, name: &str, method: &str) -> Value {
    let times = entry.buckets.iter();
    let times = times.map(|(time, count)| (time.into(), count.into()));
    let seconds = |seconds: &PerSecond| {
        let pairs = seconds.iter();
        Value::Map(pairs.map(|(at, count)| (at.into(), count.into())).collect())
    };
    let maybe = |time: Option<f64>| time.map_or(Value::Nil, Value::from);
    map([
        ("name", name.into()),
        ("method", method.into()),
        (
            "last_request_timestamp",
            maybe(entry.last.map(Nanos::as_secs_f64)),
        ),
        (
            "start_time",
            entry.start.unwrap_or_default().as_secs_f64().into(),
        ),
        ("num_requests", entry.requests.into()),
        ("num_none_requests", entry.none_requests.into()),
        ("num_failures", entry.failures.into()),
        (
            "total_response_time",
            entry.total_time.as_millis_f64().into(),
        ),
        ("max_response_time", entry.max_time.as_millis_f64().into()),
        (
            "min_response_time",
            maybe(entry.min_time.map(Nanos::as_millis_f64)),
        ),
        ("total_content_length", entry.bytes_in.into()),
        ("response_times", Value::Map(times.collect())),
        ("num_reqs_per_sec", seconds(&entry.requests_by_second)),
        ("num_fail_per_sec", seconds(&entry.failures_by_second)),
        (EXACT, exact_value(entry)),
    ])
}

/// Start, last, total, shortest and longest time in nanoseconds (zero for none, so one more than
/// the value where there may be none), bytes sent, the six histograms, and what the wire told.
fn exact_value(entry: &Entry) -> Value {
    let some = |time: Option<Nanos>| Value::from(time.map_or(0, |it| it.as_nanos() + 1));
    let mut parts = vec![
        some(entry.start),
        some(entry.last),
        entry.total_time.as_nanos().into(),
        some(entry.min_time),
        entry.max_time.as_nanos().into(),
        entry.bytes_out.into(),
    ];
    let all = histograms(&entry.histograms);
    parts.extend(all.map(|histogram| Value::Binary(histogram.to_bytes())));
    parts.extend(trips_value(&entry.trips));
    Value::Array(parts)
}

/// Due, started, finished, late and dropped ones, when the last was counted (one more, so that zero
/// is never), the histogram of their lateness, and by second those that were due, started, late and
/// dropped.
fn iterations_value(all: &Iterations) -> Value {
    let mut parts: Vec<Value> = vec![
        all.due.into(),
        all.started.into(),
        all.finished.into(),
        all.late.into(),
        all.dropped.into(),
        all.last.map_or(0, |at| at.as_nanos() + 1).into(),
        Value::Binary(all.lateness.to_bytes()),
    ];
    let seconds = [
        &all.due_by_second,
        &all.started_by_second,
        &all.late_by_second,
        &all.dropped_by_second,
    ];
    parts.extend(seconds.map(|seconds| {
        let flat = seconds.iter();
        let flat = flat.flat_map(|(at, count)| [Value::from(at), count.into()]);
        Value::Array(flat.collect())
    }));
    Value::Array(parts)
}

fn iterations_of(value: &Value) -> Option<Iterations> {
    let [
        due,
        started,
        finished,
        late,
        dropped,
        last,
        lateness,
        seconds @ ..,
    ] = &value.as_array()?[..]
    else {
        return None;
    };
    let number = |value: &Value| Some(value.as_u64()?.min(MOST));
    let mut seconds = seconds.iter().map(|flat| {
        let mut counts = PerSecond::default();
        for pair in flat.as_array()?.chunks_exact(2) {
            let count = u32::try_from(pair[1].as_u64()?).unwrap_or(u32::MAX);
            counts.add(pair[0].as_u64()?, count);
        }
        Some(counts)
    });
    let mut next = || seconds.next()?;
    Some(Iterations {
        due: number(due)?,
        started: number(started)?,
        finished: number(finished)?,
        late: number(late)?,
        dropped: number(dropped)?,
        lateness: Histogram::from_bytes(lateness.as_slice()?).ok()?,
        last: last.as_u64()?.checked_sub(1).map(Nanos::from_nanos),
        due_by_second: next()?,
        started_by_second: next()?,
        late_by_second: next()?,
        dropped_by_second: next()?,
    })
}

/// Status codes with their counts, and count, sum and longest time in microseconds of each phase.
fn trips_value(trips: &Trips) -> [Value; 2] {
    let statuses = trips.statuses().iter();
    let statuses = statuses.flat_map(|&(status, count)| [status.into(), count.into()]);
    let phases = trips.phases().iter().flat_map(|phase| {
        [
            phase.count.into(),
            phase.sum.as_micros().into(),
            phase.max.as_micros().into(),
        ]
    });
    [
        Value::Array(statuses.collect()),
        Value::Array(phases.collect()),
    ]
}

/// Nothing where a worker of an older version says nothing.
fn trips_of(parts: &[Value]) -> Option<Trips> {
    let [statuses, phases, ..] = parts else {
        return Some(Trips::default());
    };
    let number = |value: &Value| Some(value.as_u64()?.min(MOST));
    let mut known = [Phase::default(); PHASES.len()];
    for (phase, parts) in known.iter_mut().zip(phases.as_array()?.chunks_exact(3)) {
        *phase = Phase {
            count: number(&parts[0])?,
            sum: Micros::from_micros(number(&parts[1])?),
            max: Micros::from_micros(number(&parts[2])?),
        };
    }
    let statuses = statuses.as_array()?.chunks_exact(2);
    let statuses = statuses.map(|pair| {
        let status = u16::try_from(pair[0].as_u64()?).ok()?;
        Some((status, number(&pair[1])?))
    });
    Some(Trips::from_parts(
        statuses.collect::<Option<Vec<_>>>()?,
        known,
    ))
}

fn histograms(all: &Histograms) -> [&Histogram; 6] {
    [
        &all.service_ok,
        &all.service_failed,
        &all.response_ok,
        &all.response_failed,
        &all.first_byte,
        &all.lateness,
    ]
}

fn entry_of(row: &Value) -> Result<Entry, ReportError> {
    let mut buckets = Buckets::default();
    for (time, count) in pairs(row, "response_times")? {
        buckets.add(time, count);
    }
    let mut entry = Entry {
        requests: count(row, "num_requests")?,
        none_requests: count(row, "num_none_requests")?,
        failures: count(row, "num_failures")?,
        total_time: millis(row, "total_response_time").unwrap_or_default(),
        min_time: millis(row, "min_response_time"),
        max_time: millis(row, "max_response_time").unwrap_or_default(),
        bytes_in: count(row, "total_content_length")?,
        start: field(row, "start_time").and_then(Value::as_f64).map(epoch),
        last: field(row, "last_request_timestamp")
            .and_then(Value::as_f64)
            .map(epoch),
        requests_by_second: per_second(row, "num_reqs_per_sec")?,
        failures_by_second: per_second(row, "num_fail_per_sec")?,
        buckets,
        ..Entry::default()
    };
    match field(row, EXACT) {
        Some(exact) => take_exact(&mut entry, exact).ok_or(ReportError("exact times"))?,
        None => {
            // Two digits are all a stock worker tells, and not which requests failed.
            for (time, count) in entry.buckets.iter() {
                let time = Micros::from_millis(time);
                entry.histograms.service_ok.record_n(time, count);
                entry.histograms.response_ok.record_n(time, count);
            }
        }
    }
    Ok(entry)
}

fn take_exact(entry: &mut Entry, exact: &Value) -> Option<()> {
    let [start, last, total, min, max, bytes_out, histograms @ ..] = &exact.as_array()?[..] else {
        return None;
    };
    let some = |value: &Value| {
        let nanos = value.as_u64()?;
        Some(nanos.checked_sub(1).map(Nanos::from_nanos))
    };
    entry.start = some(start)?;
    entry.last = some(last)?;
    entry.total_time = Nanos::from_nanos(total.as_u64()?);
    entry.min_time = some(min)?;
    entry.max_time = Nanos::from_nanos(max.as_u64()?);
    entry.bytes_out = bytes_out.as_u64()?;
    entry.trips = trips_of(histograms.get(HISTOGRAMS..).unwrap_or_default())?;
    let mut read = histograms.iter().map(|bytes| {
        let bytes = bytes.as_slice()?;
        Histogram::from_bytes(bytes).ok()
    });
    let mut next = || read.next()?;
    entry.histograms = Histograms {
        service_ok: next()?,
        service_failed: next()?,
        response_ok: next()?,
        response_failed: next()?,
        first_byte: next()?,
        lateness: next()?,
    };
    Some(())
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Map(pairs.map(|(key, value)| (key.into(), value)).into())
}

fn text<'a>(row: &'a Value, key: &'static str) -> Result<&'a str, ReportError> {
    let text = field(row, key).and_then(Value::as_str);
    text.ok_or(ReportError(key))
}

fn count(row: &Value, key: &'static str) -> Result<u64, ReportError> {
    let value = field(row, key).ok_or(ReportError(key))?;
    // Content lengths are sums of whatever a script gave, fractions and negatives included.
    number(value).ok_or(ReportError(key))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what is left is bounded"
)]
fn number(value: &Value) -> Option<u64> {
    let number = value.as_u64().or_else(|| Some(value.as_f64()? as u64))?;
    Some(number.min(MOST))
}

fn millis(row: &Value, key: &str) -> Option<Nanos> {
    field(row, key)
        .and_then(Value::as_f64)
        .map(Nanos::from_millis_f64)
}

fn epoch(seconds: f64) -> Nanos {
    Nanos::from_millis_f64(seconds * 1e3)
}

/// A map of numbers to counts. Keys may be texts, as JSON would have them.
fn pairs(row: &Value, key: &'static str) -> Result<Vec<(u64, u64)>, ReportError> {
    let pairs = field(row, key).and_then(Value::as_map);
    let pairs = pairs.ok_or(ReportError(key))?.iter();
    pairs
        .map(|(at, count)| {
            let at = match at.as_str() {
                Some(text) => text.parse().ok(),
                None => number(at),
            };
            Some((at?, number(count)?))
        })
        .map(|pair| pair.ok_or(ReportError(key)))
        .collect()
}

fn per_second(row: &Value, key: &'static str) -> Result<PerSecond, ReportError> {
    let mut seconds = PerSecond::default();
    for (at, count) in pairs(row, key)? {
        seconds.add(at, u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(seconds)
}
