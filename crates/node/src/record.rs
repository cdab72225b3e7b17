//! What was counted in each second of a run, until somebody takes it to be kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use katydid_core::crew::{FOLLOWED, Moment};
use katydid_core::mark::Mark;
use katydid_core::snapshot::RunInfo;
use katydid_core::stats::Stats;
use katydid_core::threshold::Watched;
use katydid_core::units::Nanos;

/// More idle seconds than this (the clock was set) are skipped.
const MOST_BEHIND: u64 = 120;

/// What was counted in one second.
#[derive(Clone, Debug, PartialEq)]
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
    /// What it is judged by, and how it stands.
    pub thresholds: Arc<Vec<Watched>>,
    /// How those who run the users fared in the seconds since the last time.
    pub crew: Vec<Moment>,
}

/// The seconds that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Record {
    is_kept: bool,
    started_ms: u64,
    open: BTreeMap<u64, Stats>,
    done: Vec<Second>,
    /// Those that were taken last, as long as it is not known that they are written.
    handed: Vec<Second>,
    /// The first second that is not over.
    next: u64,
    /// The last second of the run: none before the first run, and a far one while a run goes on.
    last: Option<u64>,
    /// Users there were, and were wanted, at the end of seconds.
    users: BTreeMap<u64, (u32, u32)>,
    crew: Vec<Moment>,
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
        self.crew.clear();
        self.last = Some(u64::MAX);
    }

    /// Goes on with a run of which another process has not written these seconds.
    pub(crate) fn go_on(&mut self, started_ms: u64, now: u64, unwritten: &[Second]) {
        self.start(started_ms, now);
        for second in unwritten {
            self.next = self.next.min(second.t);
            self.open.insert(second.t, second.stats.clone());
            self.users.insert(second.t, (second.users, second.wanted));
        }
    }

    /// What may not be written yet, also of seconds that are not over.
    pub(crate) fn unwritten(&self) -> Vec<Second> {
        let mut all = self.handed.clone();
        all.extend(self.done.iter().cloned());
        all.retain(|second| second.started_ms == self.started_ms);
        let open = self.open.iter().map(|(&t, stats)| {
            let (users, wanted) = self.users_at(t);
            Second {
                started_ms: self.started_ms,
                t,
                users,
                wanted,
                stats: stats.clone(),
            }
        });
        all.extend(open);
        all
    }

    /// Users there were, and were wanted, at the end of a second.
    fn users_at(&self, second: u64) -> (u32, u32) {
        let noted = self.users.range(..=second).next_back();
        let noted = noted.or_else(|| self.users.first_key_value());
        noted.map_or((0, 0), |(_, users)| *users)
    }

    /// This second is the last one of the run.
    pub(crate) fn end(&mut self, second: u64) {
        self.last = self.last.map(|last| last.min(second));
    }

    /// How many users there are, and are wanted, at the end of a second.
    pub(crate) fn note_users(&mut self, second: u64, users: u32, wanted: u32) {
        if self.is_kept {
            self.users.insert(second, (users, wanted));
        }
    }

    /// How those who run the users fared in a second; the first workers are followed.
    pub(crate) fn note_crew(&mut self, mut moment: Moment) {
        if self.is_kept {
            moment.members.retain(|member| member.index < FOLLOWED);
            moment.members.sort_by_key(|member| member.index);
            self.crew.push(moment);
        }
    }

    /// How they fared since this was last called.
    pub(crate) fn take_crew(&mut self) -> Vec<Moment> {
        std::mem::take(&mut self.crew)
    }

    /// Takes in what was counted since the last time: it belongs to the second of the newest request,
    /// but never to one that is to come, which would be the stamp of a clock that is wrong.
    pub(crate) fn add(&mut self, delta: &Stats, now: Nanos) {
        if self.is_kept && !delta.is_empty() {
            let newest = delta.last().unwrap_or(now).min(now);
            let second = newest.as_secs().max(self.next);
            self.open.entry(second).or_default().merge(delta);
        }
    }

    /// All seconds before this one are over.
    pub(crate) fn finish_before(&mut self, end: u64) {
        if let Some(last) = self
            .last
            .filter(|&last| self.is_kept && end.min(last) != u64::MAX)
        {
            // A second in which nothing was counted is one, too, and has its users.
            let over = end.min(last.saturating_add(1));
            for t in self.next.max(over.saturating_sub(MOST_BEHIND))..over {
                self.open.entry(t).or_default();
            }
            self.next = self.next.max(over);
        }
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() < end) {
            let (t, stats) = first.remove_entry();
            let (users, wanted) = self.users_at(t);
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
            // The newest of them stands for seconds in which nobody looked.
            let kept = self
                .users
                .range(..end)
                .next_back()
                .map(|(&second, _)| second);
            self.users.retain(|&second, _| Some(second) >= kept);
        }
    }

    /// The seconds that are over and were not taken yet. Those of the time before have been written, or wait with
    /// whoever took them.
    pub(crate) fn take(&mut self) -> Vec<Second> {
        let taken = std::mem::take(&mut self.done);
        self.handed.clone_from(&taken);
        taken
    }
}

#[cfg(test)]
mod tests {
    use katydid_core::recorder::Recorder;
    use katydid_core::registry::Registry;
    use katydid_core::sample::Sample;

    use super::*;

    fn counted(registry: &Registry, second: u64) -> Stats {
        let mut recorder = Recorder::new();
        recorder.record(&Sample {
            key: registry.key("GET", "/"),
            at: Nanos::from_secs(second),
            times: None,
            bytes_in: 0,
            bytes_out: 0,
            error: None,
            counts_request: true,
        });
        recorder.take()
    }

    #[test]
    fn what_may_not_be_written_is_gone_on_with() {
        let registry = Registry::new();
        let mut record = Record::default();
        record.keep();
        record.start(7, 10);
        for second in 10..13 {
            record.add(&counted(&registry, second), Nanos::from_secs(second));
            record.note_users(second, 3, 5);
        }
        record.finish_before(12);
        let times = |seconds: &[Second]| seconds.iter().map(|it| it.t).collect::<Vec<_>>();
        assert_eq!(times(&record.unwritten()), [10, 11, 12]);
        // Whoever has taken them may not have written them yet.
        assert_eq!(times(&record.take()), [10, 11]);
        assert_eq!(times(&record.unwritten()), [10, 11, 12]);
        assert_eq!(times(&record.take()), []);
        let unwritten = record.unwritten();
        assert_eq!(times(&unwritten), [12]);

        let mut other = Record::default();
        other.go_on(7, 20, &unwritten);
        other.keep();
        // What a worker reports of the time without a master has its own seconds.
        other.add(&counted(&registry, 13), Nanos::from_secs(20));
        other.finish_before(15);
        let seconds = other.take();
        assert_eq!(times(&seconds), [12, 13, 14]);
        let counts = seconds.iter().map(|it| it.stats.total().requests);
        assert_eq!(counts.collect::<Vec<_>>(), [1, 1, 0]);
        assert_eq!((seconds[0].users, seconds[0].wanted), (3, 5));
    }

    #[test]
    fn a_second_has_the_users_of_its_end_and_is_taken_once() {
        let registry = Registry::new();
        let mut record = Record::default();
        record.keep();
        record.start(7, 10);
        for (users, second) in (1..).zip(10..14) {
            record.add(&counted(&registry, second), Nanos::from_secs(second));
            record.note_users(second, users, 20);
        }
        // What comes after its second was taken goes to the first one that was not.
        record.finish_before(12);
        record.add(&counted(&registry, 11), Nanos::from_secs(13));
        // Nor does anything go to a second that is to come.
        record.add(&counted(&registry, 7_200), Nanos::from_secs(12));
        record.finish_before(13);
        let seconds = record.take();
        let told = seconds.iter().map(|second| {
            let requests = second.stats.total().requests;
            (second.started_ms, second.t, second.users, requests)
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(7, 10, 1, 1), (7, 11, 2, 1), (7, 12, 3, 3)]);
        record.finish_before(u64::MAX);
        assert_eq!(record.take().len(), 1);
        assert!(record.users.len() <= 2);
    }

    #[test]
    fn idle_seconds_are_told_from_the_first_to_the_last() {
        let registry = Registry::new();
        let mut record = Record::default();
        record.keep();
        record.finish_before(9);
        assert!(record.take().is_empty());
        record.start(7, 10);
        record.note_users(10, 5, 5);
        record.add(&counted(&registry, 12), Nanos::from_secs(12));
        record.finish_before(14);
        record.end(14);
        record.finish_before(20);
        let seconds = record.take();
        let told = seconds.iter().map(|second| {
            let requests = second.stats.total().requests;
            (second.t, second.users, requests)
        });
        let told: Vec<_> = told.collect();
        assert_eq!(
            told,
            [(10, 5, 0), (11, 5, 0), (12, 5, 1), (13, 5, 0), (14, 5, 0)]
        );
        record.finish_before(30);
        assert!(record.take().is_empty());
    }
}
