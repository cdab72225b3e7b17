//! What was counted in each second of a run, until somebody takes it to be kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use katydid_core::mark::Mark;
use katydid_core::snapshot::RunInfo;
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;

/// What was counted in one second.
#[derive(Clone, Debug)]
pub struct Second {
    /// When its run was started, in milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// The second of the Unix epoch.
    pub t: u64,
    /// Users there were when it was over.
    pub users: u32,
    /// Users that were wanted then.
    pub wanted: u32,
    /// What was counted in it.
    pub stats: Stats,
}

/// What is to be kept of a run.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Seconds that are over and were not taken before, of this run or the end of the one before it.
    pub seconds: Vec<Second>,
    /// State and settings of the run now.
    pub run: RunInfo,
    /// What happened in it so far.
    pub marks: Arc<Vec<Mark>>,
}

/// The seconds that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Record {
    is_kept: bool,
    started_ms: u64,
    open: BTreeMap<u64, Stats>,
    done: Vec<Second>,
    /// The first second that is not over.
    next: u64,
    users: (u32, u32),
}

impl Record {
    /// From now on seconds are kept to be taken.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Another run begins in this second.
    pub(crate) fn start(&mut self, started_ms: u64, second: u64) {
        self.finish_before(u64::MAX);
        self.started_ms = started_ms;
        self.next = second;
    }

    /// How many users there are, and are wanted.
    pub(crate) fn note_users(&mut self, users: u32, wanted: u32) {
        self.users = (users, wanted);
    }

    /// Takes in what was counted since the last time: it belongs to the second of the newest request.
    pub(crate) fn add(&mut self, delta: &Stats, now: Nanos) {
        if self.is_kept && !delta.is_empty() {
            let second = delta.total().last.unwrap_or(now).as_secs().max(self.next);
            self.open.entry(second).or_default().merge(delta);
        }
    }

    /// All seconds before this one are over.
    pub(crate) fn finish_before(&mut self, end: u64) {
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() < end) {
            let (t, stats) = first.remove_entry();
            let (users, wanted) = self.users;
            self.done.push(Second {
                started_ms: self.started_ms,
                t,
                users,
                wanted,
                stats,
            });
        }
        if end != u64::MAX {
            self.next = self.next.max(end);
        }
    }

    /// The seconds that are over and were not taken yet.
    pub(crate) fn take(&mut self) -> Vec<Second> {
        std::mem::take(&mut self.done)
    }
}
