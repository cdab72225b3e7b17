//! What is known of a run whoever runs its users: counts, seconds, exceptions, and the pictures
//! of all that.

use std::sync::Arc;
use std::time::Duration;

use katydid_core::dispatch::Users;
use katydid_core::locust::Recent;
use katydid_core::registry::{KeyId, Registry};
use katydid_core::snapshot::{RunInfo, Snapshot, State};
use katydid_core::stats::Stats;

use crate::event::Now;
use crate::exceptions::Exceptions;
use crate::seconds::Seconds;

/// How long after its end a second is shown; all that was counted in it is here by then.
const SETTLED: Duration = Duration::from_millis(250);
const SECOND: Duration = Duration::from_secs(1);

/// The record of a run.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) run: RunInfo,
    /// Monotonic time at which the run is over.
    run_until: Option<Duration>,
    registry: Arc<Registry>,
    pub(crate) stats: Arc<Stats>,
    recent: Recent,
    seconds: Seconds,
    pub(crate) exceptions: Exceptions,
    /// How often the run was to be published.
    seq: u64,
    /// Monotonic time of the next regular snapshot.
    publish_at: Duration,
    /// Something changed that is to be shown at once.
    publish: bool,
}

impl Book {
    pub(crate) fn new(registry: Arc<Registry>, now: Now) -> Self {
        Self {
            run: RunInfo::default(),
            run_until: None,
            registry,
            stats: Arc::new(Stats::starting(now.nanos())),
            recent: Recent::default(),
            seconds: Seconds::default(),
            exceptions: Exceptions::default(),
            seq: 0,
            publish_at: now.monotonic + until_settled(now),
            publish: false,
        }
    }

    /// Everything as at the beginning of a run, but for what was counted: the host clears that
    /// before it tells listeners, whose requests belong to the run.
    pub(crate) fn begin(&mut self, now: Now) {
        self.exceptions.clear();
        self.seconds.start(now.epoch.as_secs());
        self.run_until = None;
        self.run = RunInfo {
            started_ms: Some(now.millis()),
            cpu_percent: self.run.cpu_percent,
            memory_bytes: self.run.memory_bytes,
            refused_connections: self.run.refused_connections,
            ..RunInfo::default()
        };
    }

    /// The run is over.
    pub(crate) fn end(&mut self, now: Now) {
        self.run_until = None;
        self.run.users = 0;
        self.run.users_by_class.clear();
        if self.run.started_ms.is_some() && self.run.ended_ms.is_none() {
            self.run.ended_ms = Some(now.millis());
            self.seconds.end(now.epoch.as_secs());
        }
        self.set_state(State::Stopped);
    }

    pub(crate) fn set_state(&mut self, state: State) {
        tracing::debug!(%state, "run");
        self.run.state = state;
        self.publish = true;
    }

    pub(crate) fn set_users(&mut self, counts: Users) {
        self.run.users = counts.values().sum();
        self.run.users_by_class = counts;
        self.publish = true;
    }

    pub(crate) fn set_run_time(&mut self, run_time: Option<Duration>, now: Now) {
        self.run.run_time = run_time;
        self.run_until = run_time.map(|run_time| now.monotonic.saturating_add(run_time));
        self.publish = true;
    }

    /// The run lasts no longer than its users take to stop.
    pub(crate) fn stopping(&mut self) {
        self.run_until = None;
        self.set_state(State::Stopping);
    }

    pub(crate) fn set_load(&mut self, cpu_percent: f64, memory_bytes: u64) {
        self.run.cpu_percent = cpu_percent;
        self.run.memory_bytes = memory_bytes;
    }

    pub(crate) fn count(&mut self, delta: &Stats) {
        if let Some(newest) = delta.total().last {
            self.recent.keep(self.stats.total(), newest);
        }
        self.seconds.add(delta.total());
        Arc::make_mut(&mut self.stats).merge(delta);
    }

    pub(crate) fn clear_stats(&mut self, now: Now) {
        Arc::make_mut(&mut self.stats).clear_all(now.nanos());
        self.recent.clear();
        self.publish = true;
    }

    pub(crate) fn reset_stats(&mut self, now: Now) {
        Arc::make_mut(&mut self.stats).reset_all(now.nanos());
        self.recent.clear();
        self.publish = true;
    }

    pub(crate) fn reset_entry(&mut self, key: KeyId, now: Now) {
        Arc::make_mut(&mut self.stats).reset_entry(key, now.nanos());
        self.publish = true;
    }

    /// Monotonic time at which the next [`Book::tick`] is needed.
    pub(crate) fn deadline(&self) -> Duration {
        let until = self.run_until.unwrap_or(Duration::MAX);
        until.min(self.publish_at)
    }

    /// Time has passed; true if the run has lasted as long as it was to.
    pub(crate) fn tick(&mut self, now: Now) -> bool {
        if self.publish_at <= now.monotonic {
            self.publish_at = now.monotonic + until_settled(now);
            let settled = now.epoch.saturating_sub(SETTLED).as_secs();
            self.seconds
                .finish_before(settled, self.run.users, self.run.target_users);
            self.publish = true;
        }
        let is_over = self.run_until.is_some_and(|until| until <= now.monotonic);
        if is_over {
            self.run_until = None;
        }
        is_over
    }

    /// Something changed that is to be shown at once.
    pub(crate) fn touch(&mut self) {
        self.publish = true;
    }

    /// Whether something changed since the last time that is to be shown at once.
    pub(crate) fn take_publish(&mut self) -> bool {
        let publish = std::mem::take(&mut self.publish);
        self.seq += u64::from(publish);
        publish
    }

    /// A picture of the run as it is now.
    pub(crate) fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            seq: self.seq,
            at_ms: now.millis(),
            run: self.run.clone(),
            stats: Arc::clone(&self.stats),
            registry: Arc::clone(&self.registry),
            exceptions: Arc::clone(self.exceptions.all()),
            series: Arc::clone(self.seconds.series()),
            recent: self.recent.clone(),
            workers: None,
        }
    }
}

/// How long it takes until the next second is over and settled.
fn until_settled(now: Now) -> Duration {
    let passed = now.epoch.saturating_sub(SETTLED).subsec_nanos();
    SECOND.saturating_sub(Duration::from_nanos(passed.into()))
}
