//! The shapes of numbers in our own web API: short arrays, so that a second of a big run is small.
//!
//! Times are milliseconds with their fraction, from the histograms; what is unknown is null.

use std::collections::BTreeMap;

use katydid_core::health;
use katydid_core::histogram::Histogram;
use katydid_core::iteration;
use katydid_core::mark;
use katydid_core::redact;
use katydid_core::series;
use katydid_core::snapshot::{Loss, Snapshot, State, Worker};
use katydid_core::stats::Entry;
use katydid_core::threshold::{Metric, Watched};
use katydid_core::units::{Micros, Nanos};
use serde::ser::{SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer};

/// Rates are means over so many seconds.
const RATE_SECONDS: u64 = 10;
/// The row that counts all requests.
pub(crate) const TOTAL: i64 = -1;

/// State and settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Run {
    state: &'static str,
    revision: u64,
    host: Option<String>,
    users: u32,
    target_users: u32,
    users_by_class: BTreeMap<String, u32>,
    spawn_rate: f64,
    started: Option<u64>,
    ended: Option<u64>,
    /// How long it is to last, in seconds.
    #[serde(rename = "run_time")]
    lasts: Option<f64>,
    cpu_percent: f64,
    memory_bytes: u64,
    refused_connections: u64,
    in_flight: u32,
    /// How long the oldest request under way has been waiting, in milliseconds.
    oldest_ms: Option<u64>,
    open_files: Option<u64>,
    file_limit: Option<u64>,
    /// Workers that are heard of, and that are not; null where the users run in this process.
    workers: Option<Workers>,
    /// Where load is given as a rate; null where it is the number of users.
    rate: Option<Rate>,
    iterations: Iterations,
}

/// Load that is given as a rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Rate {
    /// As it is written.
    text: String,
    /// Iterations a second that it asks for now.
    now: f64,
    /// When it began, in milliseconds since the Unix epoch.
    since: u64,
    /// The most users there may be.
    most_users: Option<u32>,
}

/// How often users ran tasks since the run began; times from due to begun are milliseconds, null
/// where no schedule asked for any.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Iterations {
    due: u64,
    started: u64,
    finished: u64,
    late: u64,
    dropped: u64,
    waiting: u64,
    lateness_p50: Option<f64>,
    lateness_p99: Option<f64>,
    lateness_max: Option<f64>,
}

impl From<&iteration::Iterations> for Iterations {
    fn from(all: &iteration::Iterations) -> Self {
        let [half, most, longest] = within(&all.lateness, [0.5, 0.99, 1.0]);
        Self {
            due: all.due,
            started: all.started,
            finished: all.finished,
            late: all.late,
            dropped: all.dropped,
            waiting: all.waiting(),
            lateness_p50: half,
            lateness_p99: most,
            lateness_max: longest,
        }
    }
}

/// How many workers there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
struct Workers {
    connected: usize,
    missing: usize,
}

impl From<&Snapshot> for Run {
    fn from(snapshot: &Snapshot) -> Self {
        let run = &snapshot.run;
        let workers = snapshot.workers.as_ref().map(|all| {
            let is_missing = |worker: &&Worker| worker.state == State::Missing;
            let missing = all.iter().filter(is_missing).count();
            Workers {
                connected: all.len() - missing,
                missing,
            }
        });
        Self {
            state: if run.is_paused && run.state.is_active() {
                "paused"
            } else {
                run.state.as_str()
            },
            revision: run.revision,
            host: run.host.as_deref().map(redact::url),
            users: run.users,
            target_users: run.target_users,
            users_by_class: run.users_by_class.clone(),
            spawn_rate: run.spawn_rate,
            started: run.started_ms,
            ended: run.ended_ms,
            lasts: run.run_time.map(|time| time.as_secs_f64()),
            cpu_percent: rounded(run.cpu_percent, 10.0),
            memory_bytes: run.memory_bytes,
            refused_connections: run.refused_connections,
            in_flight: run.in_flight,
            oldest_ms: run
                .oldest
                .and_then(|age| u64::try_from(age.as_millis()).ok()),
            open_files: run.files.map(|(open, _)| open),
            file_limit: run.files.map(|(_, limit)| limit),
            workers,
            rate: run.rate.as_ref().map(|rate| Rate {
                text: rate.schedule.to_string(),
                now: rounded(rate.at(snapshot.at_ms), 1000.0),
                since: rate.since_ms,
                most_users: rate.most_users,
            }),
            iterations: Iterations::from(&**snapshot.stats.iterations()),
        }
    }
}

/// Something that happened besides requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mark<'a>(pub(crate) &'a mark::Mark);

impl Serialize for Mark<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(mark) = self;
        let mut map = serializer.serialize_struct("Mark", 5)?;
        map.serialize_field("id", &mark.id)?;
        map.serialize_field("t", &mark.at_ms)?;
        map.serialize_field("kind", mark.kind.as_str())?;
        map.serialize_field("text", &mark.text)?;
        map.serialize_field("by", &mark.by)?;
        map.end()
    }
}

/// Something that is wrong with the generator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Finding<'a>(pub(crate) &'a health::Finding);

impl Serialize for Finding<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(finding) = self;
        let mut map = serializer.serialize_struct("Finding", 4)?;
        map.serialize_field("level", finding.level.as_str())?;
        map.serialize_field("code", finding.code)?;
        map.serialize_field("text", &finding.text)?;
        map.serialize_field("since", &finding.since_ms)?;
        map.end()
    }
}

/// What the run is judged by, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold<'a>(pub(crate) &'a Watched);

impl Serialize for Threshold<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(watched) = self;
        let threshold = &watched.threshold;
        let metric = threshold.metric();
        let part = match metric {
            Metric::Quantile(part) => Some(part),
            _ => None,
        };
        let mut map = serializer.serialize_struct("Threshold", 13)?;
        map.serialize_field("text", threshold.text())?;
        map.serialize_field("standing", watched.standing.as_str())?;
        map.serialize_field("metric", metric.as_str())?;
        map.serialize_field("clock", threshold.clock().as_str())?;
        map.serialize_field("part", &part)?;
        map.serialize_field("limit", &threshold.limit())?;
        map.serialize_field("ceiling", &threshold.is_ceiling())?;
        map.serialize_field("all", &threshold.selects_all())?;
        map.serialize_field("value", &watched.verdict.value)?;
        map.serialize_field("shown", &threshold.shown(&watched.verdict))?;
        map.serialize_field("first_crossed", &watched.first_crossed_ms)?;
        map.serialize_field("crossed_seconds", &(watched.crossed_ms as f64 / 1000.0))?;
        map.serialize_field("added", &watched.added_ms)?;
        map.end()
    }
}

/// What a worker that is gone has not told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lost<'a>(pub(crate) &'a Loss);

impl Serialize for Lost<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(loss) = self;
        let mut map = serializer.serialize_struct("Lost", 5)?;
        map.serialize_field("worker", &loss.worker)?;
        map.serialize_field("users", &loss.users)?;
        map.serialize_field("from", &loss.from_ms)?;
        map.serialize_field("until", &loss.until_ms)?;
        map.serialize_field("requests", &loss.requests)?;
        map.end()
    }
}

/// One second of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point(pub(crate) series::Point);

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(point) = self;
        let ms = |time: Option<Micros>| time.map(Micros::as_millis_f64);
        let counts = [
            point.t,
            point.ok,
            point.failed,
            point.users.into(),
            point.target.into(),
        ];
        let times = [
            point.p50,
            point.p90,
            point.p95,
            point.p99,
            point.lateness_p99,
        ];
        let iterations = &point.iterations;
        let of_iterations = (
            iterations.due,
            iterations.started,
            iterations.late,
            iterations.dropped,
            ms(iterations.lateness_p50),
            ms(iterations.lateness_p99),
            ms(iterations.lateness_max),
        );
        let mut array = serializer.serialize_tuple(12)?;
        for count in counts {
            array.serialize_element(&count)?;
        }
        for time in times {
            array.serialize_element(&ms(time))?;
        }
        // How many seconds it covers; the page knows that of the run under way.
        array.serialize_element(&None::<u64>)?;
        array.serialize_element(&of_iterations)?;
        array.end()
    }
}

/// What was counted under one name, or over all of them, since the run began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    id: i64,
    requests: u64,
    failures: u64,
    rates: Rates,
    times: Times,
    mean_size: Option<f64>,
    /// What 50, 95 and 99 % of the requests stayed within, from when they were due.
    response: [Option<f64>; 3],
    /// The part of it that is the generator's, which 99 % stayed within.
    lateness_p99: Option<f64>,
}

/// Means of the last seconds, per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rates {
    requests: f64,
    failures: f64,
}

/// Response times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Times {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let array = (
            self.id,
            self.requests,
            self.failures,
            self.rates.requests,
            self.rates.failures,
            self.times.p50,
            self.times.p95,
            self.times.p99,
            self.times.mean,
            self.times.min,
            self.times.max,
            self.mean_size,
            self.response[0],
            self.response[1],
            self.response[2],
            self.lateness_p99,
        );
        array.serialize(serializer)
    }
}

impl Row {
    /// Everything about an entry.
    pub(crate) fn new(id: i64, entry: &Entry, snapshot: &Snapshot) -> Self {
        let size = entry.bytes_in as f64 / entry.requests as f64;
        Self {
            id,
            requests: entry.requests,
            failures: entry.failures,
            rates: Rates::new(entry, snapshot),
            times: Times::new(entry),
            mean_size: (entry.requests > 0).then(|| rounded(size, 10.0)),
            response: within(&entry.histograms.response(), [0.5, 0.95, 0.99]),
            lateness_p99: within(&entry.histograms.lateness, [0.99])[0],
        }
    }

    /// The same row at a later time; only rates are worked out again if nothing was counted.
    pub(crate) fn renewed(&self, entry: &Entry, snapshot: &Snapshot) -> Self {
        if self.requests != entry.requests || self.failures != entry.failures {
            return Self::new(self.id, entry, snapshot);
        }
        Self {
            rates: Rates::new(entry, snapshot),
            ..*self
        }
    }
}

/// Milliseconds that these parts stayed within. A bin reaches beyond the longest time in it; a
/// percentile must not.
fn within<const N: usize>(times: &Histogram, parts: [f64; N]) -> [Option<f64>; N] {
    let Some(longest) = times.max() else {
        return [None; N];
    };
    let times = times.values_at(parts);
    times.map(|time| Some(time.min(longest).as_millis_f64()))
}

impl Rates {
    /// Over the last whole seconds before the snapshot, or those there were since the start.
    fn new(entry: &Entry, snapshot: &Snapshot) -> Self {
        let end = snapshot.at_ms / 1000;
        let start = snapshot.stats.total().start.map_or(end, Nanos::as_secs);
        let seconds = end.saturating_sub(RATE_SECONDS).max(start.min(end))..end;
        let length = seconds.end - seconds.start;
        if length == 0 {
            return Self::default();
        }
        let mean = |count: u64| rounded(count as f64 / length as f64, 100.0);
        Self {
            requests: mean(entry.requests_by_second.sum(seconds.clone())),
            failures: mean(entry.failures_by_second.sum(seconds)),
        }
    }
}

impl Times {
    fn new(entry: &Entry) -> Self {
        let histograms = &entry.histograms;
        if histograms.service_failed.is_empty() {
            Self::with(entry, &histograms.service_ok)
        } else {
            Self::with(entry, &histograms.service())
        }
    }

    fn with(entry: &Entry, service: &Histogram) -> Self {
        if service.is_empty() {
            return Self::default();
        }
        // A bin reaches beyond the longest time in it; a percentile must not.
        let longest = entry.max_time.to_micros();
        let [p50, p95, p99] = service
            .values_at([0.5, 0.95, 0.99])
            .map(|time| Some(time.min(longest).as_millis_f64()));
        let timed = entry.requests.saturating_sub(entry.none_requests);
        let ms = |time: Nanos| rounded(time.as_millis_f64(), 1000.0);
        Self {
            p50,
            p95,
            p99,
            mean: Some(rounded(
                entry.total_time.as_millis_f64() / timed as f64,
                1000.0,
            )),
            min: entry.min_time.map(ms),
            max: Some(ms(entry.max_time)),
        }
    }
}

/// A number to the nearest `1 / parts`.
pub(crate) fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
