//! What a report tells: plain values, from wherever they come.

use std::time::Duration;

use katydid_core::calendar::under_way;
use katydid_core::fingerprint::KINDS;
use katydid_core::histogram::Histogram;
use katydid_core::iteration::Iterations;
use katydid_core::mark::Kind;
use katydid_core::track;
use katydid_core::trip::{PHASES, Trips};
use katydid_core::units::Micros;
use katydid_core::window::Count;
use katydid_store::{Fault, Judged};
use serde_json::Value;

/// All that a report tells of a run, or of a stretch of one.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its name in the store, if it is kept there.
    pub run: Option<String>,
    /// What became of the run, in a word: running, interrupted, failed, passed or finished.
    pub result: String,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// When it ended, or was heard of last.
    pub ended_ms: u64,
    /// The first second of the Unix epoch that this is of.
    pub from: u64,
    /// The first second after it.
    pub to: u64,
    /// Whether that is all of the run.
    pub is_whole: bool,
    /// What else is known of the run; nothing of it is secret.
    pub about: Value,
    /// Seconds that a step covers.
    pub step: u64,
    /// How all requests fared, step by step.
    pub steps: Vec<Step>,
    /// All requests.
    pub total: Count,
    /// The names, those first whose requests took the most time together.
    pub rows: Vec<Row>,
    /// Failures, the most frequent first.
    pub faults: Vec<Fault>,
    /// How long requests waited for the generator.
    pub lateness: Histogram,
    /// Iterations of users, also those that began late or never.
    pub iterations: Iterations,
    /// What the run is judged by.
    pub thresholds: Vec<Judged>,
    /// What happened, in its order.
    pub marks: Vec<Happened>,
    /// What scripts did not catch.
    pub exceptions: Vec<Raised>,
    /// What is missing from the numbers because workers went with it, in words.
    pub losses: Vec<String>,
    /// What was wrong with the generator.
    pub findings: Vec<Found>,
    /// Requests that failed, for example.
    pub samples: Vec<Sample>,
    /// Those who ran the users.
    pub workers: Vec<Worker>,
    /// Tasks as they were planned: how deep each lies in others, its name, and its share of all.
    pub ratios: Vec<(usize, String, f64)>,
    /// An earlier run beside which this one is put.
    pub baseline: Option<Baseline>,
}

/// What was counted under a name.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The method, empty for none.
    pub method: String,
    /// The name.
    pub name: String,
    /// Its requests.
    pub count: Count,
    /// How they fared, step by step, those without any left out.
    pub steps: Vec<Step>,
}

/// What was counted in one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// The second of the Unix epoch in which it began.
    pub t: u64,
    /// Seconds that it covers.
    pub seconds: u64,
    /// Users there were at its end.
    pub users: u32,
    /// Users that were wanted then.
    pub wanted: u32,
    /// Requests that succeeded.
    pub ok: u64,
    /// Requests that failed.
    pub failed: u64,
    /// What 50, 90, 95 and 99 % of the requests stayed within, and the longest; none where that is not
    /// known, or there was no request.
    pub times: [Option<Micros>; 5],
    /// Bytes of the responses.
    pub bytes_in: u64,
    /// Bytes of the requests.
    pub bytes_out: u64,
    /// Responses by the first digit of their status, those that did not come first.
    pub statuses: [u32; 6],
    /// How long each of [`PHASES`] took all requests together.
    pub phases: [Micros; PHASES.len()],
    /// Failures by the place of their kind in [`KINDS`].
    pub kinds: [u64; KINDS.len()],
    /// The generator's own delay that 99 % of the requests stayed within.
    pub lateness_p99: Option<Micros>,
    /// How many requests took how long, in the bars of a heat map; none in the steps of a name.
    pub cells: Vec<(i32, u64)>,
    /// Times of all requests, to be merged with those of other steps; empty where only percentiles are known.
    pub all: Histogram,
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What it is about.
    pub kind: Kind,
    /// What, in words.
    pub text: String,
    /// Who did it, if known.
    pub by: Option<String>,
}

/// An exception that a script did not catch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raised {
    /// How often.
    pub count: u64,
    /// What it says.
    pub message: String,
    /// Where it was raised.
    pub traceback: String,
}

impl From<&katydid_core::snapshot::Exception> for Raised {
    fn from(exception: &katydid_core::snapshot::Exception) -> Self {
        Self {
            count: exception.count,
            message: exception.msg.clone(),
            traceback: exception.traceback.clone(),
        }
    }
}

/// A request that failed, as it went over the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The failure in a line.
    pub title: String,
    /// Request and response, their secrets hidden.
    pub text: String,
}

/// Something that was wrong with the generator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Since when, in milliseconds since the Unix epoch.
    pub from_ms: u64,
    /// Until when.
    pub to_ms: u64,
    /// What was wrong and what helps, in words.
    pub text: String,
}

/// A process that ran users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// What else there is to tell of it, in words.
    pub told: String,
    /// The most processor time it used, 100 for one core.
    pub peak_cpu_percent: f64,
    /// The most memory it held.
    pub peak_memory: u64,
    /// By step since `from`: processor time, and the lateness that 99 % of its requests stayed within.
    pub course: Vec<(u64, f64, Option<Micros>)>,
}

/// How this run compares with an earlier one.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// The earlier one.
    pub run: String,
    /// What the runs do not have in common, in words.
    pub warnings: Vec<String>,
    /// The differences.
    pub found: katydid_core::compare::Comparison,
}

impl Report {
    /// How long the run was under way in it.
    pub fn length(&self) -> Duration {
        under_way((self.started_ms, self.ended_ms), (self.from, self.to))
    }

    /// How many of so many there were in a second.
    pub fn per_second(&self, number: u64) -> f64 {
        number as f64 / self.length().as_secs_f64()
    }

    /// Seconds from the start of the run to a second.
    pub fn elapsed(&self, second: u64) -> f64 {
        second as f64 - self.started_ms as f64 / 1e3
    }

    /// The script, or what else names the run.
    pub fn title(&self) -> &str {
        self.about["title"]
            .as_str()
            .or_else(|| self.about["name"].as_str())
            .filter(|name| !name.is_empty())
            .unwrap_or("a load test")
    }

    /// Where the requests went.
    pub fn host(&self) -> &str {
        self.about["host"].as_str().unwrap_or_default()
    }

    /// The most users there were at a time.
    pub fn peak_users(&self) -> u32 {
        self.steps.iter().map(|step| step.users).max().unwrap_or(0)
    }

    /// Thresholds by which the run has failed.
    pub fn failed_by(&self) -> impl Iterator<Item = &Judged> {
        self.thresholds.iter().filter(|it| it.failed)
    }
}

impl Step {
    /// What a window's counts come to, under one name or all.
    pub(crate) fn of(count: &Count) -> Self {
        let times = count.times();
        let longest = times.max();
        let mut point = track::Point::default();
        point.count(&count.trips);
        Self {
            ok: count.requests.saturating_sub(count.failures),
            failed: count.failures,
            times: longest.map_or([None; 5], |longest| {
                let [p50, p90, p95, p99] = times.values_at([0.5, 0.9, 0.95, 0.99]);
                // A bin reaches beyond the longest time in it; a percentile must not.
                [p50, p90, p95, p99, longest].map(|time| Some(time.min(longest)))
            }),
            bytes_in: count.bytes_in,
            bytes_out: count.bytes_out,
            statuses: point.statuses,
            phases: point.phases,
            ..Self::default()
        }
    }

    /// Requests, failed ones included.
    pub fn requests(&self) -> u64 {
        self.ok + self.failed
    }
}

/// The milliseconds that a part of the requests stayed within; none without a request that was timed.
pub fn quantile(times: &Histogram, part: f64) -> Option<f64> {
    // A bin reaches beyond the longest time in it; a percentile must not.
    let longest = times.max()?;
    Some(times.value_at_quantile(part).min(longest).as_millis_f64())
}

/// The part of the requests that failed; none without requests.
pub fn fail_ratio(count: &Count) -> Option<f64> {
    (count.requests > 0).then(|| count.failures as f64 / count.requests as f64)
}

/// Status codes as texts, the most frequent first; a response that did not come is one, too.
pub(crate) fn statuses(trips: &Trips) -> Vec<(String, u64)> {
    let mut all: Vec<_> = trips
        .statuses()
        .iter()
        .map(|&(status, count)| match status {
            0 => ("no response".to_owned(), count),
            status => (status.to_string(), count),
        })
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.1));
    all
}
