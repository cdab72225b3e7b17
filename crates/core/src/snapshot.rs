//! An immutable picture of a run, published once a second and whenever its state changes.
//!
//! Pages, tables, reports and exports read nothing else, so they cannot disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arrival::Schedule;
use crate::health::Finding;
use crate::locust::Recent;
use crate::mark::Mark;
use crate::registry::Registry;
use crate::series::Series;
use crate::stats::Stats;
use crate::threshold::Watched;
use crate::track::Tracks;
use crate::units::Nanos;

/// What a run looks like at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Grows by one with every publication of a node.
    pub seq: u64,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// State and settings of the run.
    pub run: RunInfo,
    /// Everything counted so far.
    pub stats: Arc<Stats>,
    /// The names and errors the statistics refer to.
    pub registry: Arc<Registry>,
    /// Exceptions that scripts did not catch.
    pub exceptions: Arc<Vec<Exception>>,
    /// One point for each second of the run.
    pub series: Arc<Series>,
    /// What happened under each name over time, up to now and not only to this moment.
    pub tracks: Arc<Tracks>,
    /// What Locust's charts need besides.
    pub recent: Recent,
    /// What happened besides requests, in the order it did.
    pub marks: Arc<Vec<Mark>>,
    /// What is wrong with the generator now, the worst first.
    pub health: Arc<Vec<Finding>>,
    /// What the run is judged by, as it stood a second ago at the most.
    pub thresholds: Arc<Vec<Watched>>,
    /// What workers that are gone have not told.
    pub lost: Arc<Vec<Loss>>,
    /// The workers of a master; none where the users run in this process.
    pub workers: Option<Arc<Vec<Worker>>>,
}

impl Snapshot {
    /// Rounded response time in milliseconds that a part of the requests of about the last ten
    /// seconds stayed within, as Locust's charts show it.
    pub fn current_percentile(&self, part: f64) -> Option<u64> {
        let now = Nanos::from_millis(self.at_ms);
        self.recent.percentile(self.stats.total(), now, part)
    }
}

/// State and settings of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunInfo {
    /// What the run is doing.
    pub state: State,
    /// Where its requests go.
    pub host: Option<String>,
    /// Users wanted.
    pub target_users: u32,
    /// Users running.
    pub users: u32,
    /// Users running, by class.
    pub users_by_class: BTreeMap<String, u32>,
    /// Users started or stopped per second while the number changes.
    pub spawn_rate: f64,
    /// The rate at which iterations are to begin, where that is given and not the number of users.
    pub rate: Option<Rate>,
    /// Whether users start no new tasks for the time being.
    pub is_paused: bool,
    /// Grows with every change of what is wanted, in all runs of a node.
    pub revision: u64,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: Option<u64>,
    /// When it had stopped.
    pub ended_ms: Option<u64>,
    /// How long it is to last.
    pub run_time: Option<Duration>,
    /// Processor time this process uses, 100 for one core.
    pub cpu_percent: f64,
    /// Memory this process holds.
    pub memory_bytes: u64,
    /// How many connections a master has refused since it began.
    pub refused_connections: u64,
    /// Requests of this process that were sent and have no answer yet.
    pub in_flight: u32,
    /// How long the oldest of them has been waiting.
    pub oldest: Option<Duration>,
    /// Open files of this process and how many it may have, where the system tells.
    pub files: Option<(u64, u64)>,
}

/// Load that is given as a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// When iterations are due.
    pub schedule: Schedule,
    /// How many users there may be, over all workers; none where each worker decides by itself.
    pub most_users: Option<u32>,
    /// When the schedule began, in milliseconds since the Unix epoch; so much later as it was paused.
    pub since_ms: u64,
    /// Since when nothing is due because the test is paused.
    pub paused_ms: Option<u64>,
}

impl Rate {
    /// Iterations a second that the schedule asks for at a time, in milliseconds since the Unix epoch.
    pub fn at(&self, now_ms: u64) -> f64 {
        if self.paused_ms.is_some() {
            return 0.0;
        }
        self.schedule.rate(self.passed(now_ms))
    }

    /// How much of the schedule is over, without pauses.
    pub fn passed(&self, now_ms: u64) -> Duration {
        let until = self.paused_ms.unwrap_or(now_ms);
        Duration::from_millis(until.saturating_sub(self.since_ms))
    }

    /// Nothing is due until [`Rate::resume`].
    pub fn pause(&mut self, now_ms: u64) {
        self.paused_ms.get_or_insert(now_ms);
    }

    /// The schedule goes on where it was paused.
    pub fn resume(&mut self, now_ms: u64) {
        if let Some(paused_ms) = self.paused_ms.take() {
            self.since_ms += now_ms.saturating_sub(paused_ms);
        }
    }
}

/// What a run is doing; the names are Locust's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing was started yet.
    #[default]
    Ready,
    /// The number of users is changing.
    Spawning,
    /// All users wanted are there.
    Running,
    /// Stopped and about to be ready again.
    Cleanup,
    /// Users are being stopped.
    Stopping,
    /// No user is left.
    Stopped,
    /// A worker that was not heard of for too long.
    Missing,
}

impl State {
    /// The word Locust uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Spawning => "spawning",
            Self::Running => "running",
            Self::Cleanup => "cleanup",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Missing => "missing",
        }
    }

    /// The state a word of Locust's stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Ready,
            Self::Spawning,
            Self::Running,
            Self::Cleanup,
            Self::Stopping,
            Self::Stopped,
            Self::Missing,
        ];
        all.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether users are, or are about to be, at work.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Spawning | Self::Running)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A worker as its master knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Its id: host name, `_`, and something unique.
    pub id: String,
    /// Its place in the order workers were first seen in; never given to another one.
    pub index: u32,
    /// What it says it is doing, or that it was not heard of for too long.
    pub state: State,
    /// Users it runs.
    pub users: u32,
    /// Users it runs, by class.
    pub users_by_class: BTreeMap<String, u32>,
    /// Processor time it uses, 100 for one core.
    pub cpu_percent: f64,
    /// Memory it holds.
    pub memory_bytes: u64,
    /// Whether its statistics come with exact times, and not only with Locust's two digits.
    pub is_exact: bool,
    /// How far its clock is ahead of the master's, in milliseconds, once that is known; stock
    /// workers do not tell. Its times are corrected by whole seconds.
    pub clock_ahead_ms: Option<i64>,
    /// The version it says it speaks.
    pub version: Option<String>,
    /// When it was heard of last, in milliseconds since the Unix epoch.
    pub heard_ms: u64,
    /// Requests per second of its last report; zero if there was none for long.
    pub requests_per_second: f64,
    /// How it is; workers of other kinds do not say.
    pub vitals: Option<Vitals>,
}

/// What a process has under way and open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Requests that were sent and have no answer yet.
    pub in_flight: u32,
    /// How long the oldest of them has been waiting.
    pub oldest: Option<Duration>,
    /// Open files, and how many there may be, where the system tells.
    pub files: Option<(u64, u64)>,
}

/// Load of which a master knows that it was, but not what became of it: its worker has not been
/// heard of since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The worker's id.
    pub worker: String,
    /// Users it ran; others were started in their place.
    pub users: u32,
    /// When it last reported, in milliseconds since the Unix epoch: all before is counted.
    pub from_ms: u64,
    /// When its connection ended, or else when it was given up.
    pub until_ms: u64,
    /// About how many requests it would have made in between, at the rate of its last report.
    pub requests: u64,
}

/// An exception that a script did not catch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// How often it was raised.
    pub count: u64,
    /// The exception as text.
    pub msg: String,
    /// Where it was raised.
    pub traceback: String,
    /// The nodes it was raised on.
    pub nodes: BTreeSet<String>,
}
