//! Iterations: the times users run a task, how many there were, and whether they began when due.
//!
//! In a closed model a user begins its next iteration when it likes. Where load is given as a rate
//! (see [`crate::arrival`]) each has a time at which it is due. It begins then if a user is free,
//! later if none is, and never if none becomes free in time: such an iteration is dropped.

use crate::histogram::Histogram;
use crate::per_second::PerSecond;
use crate::units::Nanos;

/// How long after it was due an iteration may begin without being late.
pub const LATE: Nanos = Nanos::from_millis(10);

/// Iterations that were counted.
///
/// Those that are due and have neither begun nor been dropped wait for a user; those that have begun
/// and not finished are under way, or were cut short with their user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Iterations {
    /// Iterations that became due by a schedule.
    pub due: u64,
    /// Iterations that have begun.
    pub started: u64,
    /// Iterations whose task has ended, also by a failure.
    pub finished: u64,
    /// Those that have begun later than [`LATE`] after they were due.
    pub late: u64,
    /// Those that were due and never began.
    pub dropped: u64,
    /// From due to begun, of those that a schedule had begin.
    pub lateness: Histogram,
    /// When the last of all this happened, since the Unix epoch.
    pub last: Option<Nanos>,
    /// `due` in the last seconds.
    pub due_by_second: PerSecond,
    /// `started` in the last seconds.
    pub started_by_second: PerSecond,
    /// `late` in the last seconds.
    pub late_by_second: PerSecond,
    /// `dropped` in the last seconds.
    pub dropped_by_second: PerSecond,
}

impl Iterations {
    /// So many have begun at this time that no schedule asked for.
    pub fn begin(&mut self, count: u64, at: Nanos) {
        self.started += count;
        self.started_by_second.add(at.as_secs(), small(count));
        self.note(count, at);
    }

    /// So many became due at this time.
    pub fn fall_due(&mut self, count: u64, at: Nanos) {
        self.due += count;
        self.due_by_second.add(at.as_secs(), small(count));
        self.note(count, at);
    }

    /// One has begun at this time, so long after it was due.
    pub fn begin_due(&mut self, lateness: Nanos, at: Nanos) {
        self.begin(1, at);
        self.lateness.record(lateness.to_micros());
        if lateness > LATE {
            self.late += 1;
            self.late_by_second.add(at.as_secs(), 1);
        }
    }

    /// So many have ended at this time.
    pub fn finish(&mut self, count: u64, at: Nanos) {
        self.finished += count;
        self.note(count, at);
    }

    /// It was found at this time that so many never begin.
    pub fn give_up(&mut self, count: u64, at: Nanos) {
        self.dropped += count;
        self.dropped_by_second.add(at.as_secs(), small(count));
        self.note(count, at);
    }

    fn note(&mut self, count: u64, at: Nanos) {
        if count > 0 {
            self.last = self.last.max(Some(at));
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.due == 0 && self.started == 0 && self.finished == 0 && self.dropped == 0
    }

    /// Whether a schedule asked for any of them.
    pub fn are_scheduled(&self) -> bool {
        self.due > 0 || self.dropped > 0 || !self.lateness.is_empty()
    }

    /// Those that are due and wait for a user.
    pub fn waiting(&self) -> u64 {
        self.due.saturating_sub(self.settled())
    }

    /// The part of those that have begun or never will that was late; none without any.
    pub fn late_ratio(&self) -> Option<f64> {
        self.part(self.late)
    }

    /// The part of those that have begun or never will that was dropped; none without any.
    pub fn dropped_ratio(&self) -> Option<f64> {
        self.part(self.dropped)
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more digits")]
    fn part(&self, count: u64) -> Option<f64> {
        let settled = self.settled();
        (settled > 0).then(|| count as f64 / settled as f64)
    }

    /// Those that have begun by a schedule or never will.
    fn settled(&self) -> u64 {
        self.lateness.count().saturating_add(self.dropped)
    }

    /// The same without what is known of single seconds.
    #[must_use]
    pub fn summed(&self) -> Self {
        Self {
            due: self.due,
            started: self.started,
            finished: self.finished,
            late: self.late,
            dropped: self.dropped,
            lateness: self.lateness.clone(),
            ..Self::default()
        }
    }

    /// Adds everything another one has counted.
    pub fn merge(&mut self, other: &Self) {
        self.due = self.due.saturating_add(other.due);
        self.started = self.started.saturating_add(other.started);
        self.finished = self.finished.saturating_add(other.finished);
        self.late = self.late.saturating_add(other.late);
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.lateness.merge(&other.lateness);
        self.last = self.last.max(other.last);
        for (mine, theirs) in [
            (&mut self.due_by_second, &other.due_by_second),
            (&mut self.started_by_second, &other.started_by_second),
            (&mut self.late_by_second, &other.late_by_second),
            (&mut self.dropped_by_second, &other.dropped_by_second),
        ] {
            mine.merge(theirs);
        }
    }

    /// Has everything have happened so many seconds later, or earlier.
    pub(crate) fn shift(&mut self, seconds: i64) {
        let nanos = seconds.saturating_mul(1_000_000_000);
        self.last = self
            .last
            .map(|at| Nanos::from_nanos(at.as_nanos().saturating_add_signed(nanos)));
        for counts in [
            &mut self.due_by_second,
            &mut self.started_by_second,
            &mut self.late_by_second,
            &mut self.dropped_by_second,
        ] {
            *counts = counts.shifted(seconds);
        }
    }
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted() -> impl Strategy<Value = Iterations> {
        let event = (0_u8..5, 1_u64..4, 0_u64..40_000_000, 100_u64..110);
        prop::collection::vec(event, 0..40).prop_map(|events| {
            let mut all = Iterations::default();
            for (kind, count, lateness, second) in events {
                let at = Nanos::from_secs(second);
                match kind {
                    0 => all.begin(count, at),
                    1 => all.fall_due(count, at),
                    2 => all.begin_due(Nanos::from_nanos(lateness), at),
                    3 => all.finish(count, at),
                    _ => all.give_up(count, at),
                }
            }
            all
        })
    }

    proptest! {
        #[test]
        fn they_merge_in_any_grouping(one in counted(), two in counted(), three in counted()) {
            let mut left = one.clone();
            left.merge(&two);
            left.merge(&three);
            let mut right = two;
            right.merge(&three);
            let mut all = one;
            all.merge(&right);
            prop_assert_eq!(left, all);
        }

        #[test]
        fn there_and_back_in_time_changes_nothing(all in counted(), by in -50_i64..50) {
            let mut shifted = all.clone();
            shifted.shift(by);
            shifted.shift(-by);
            prop_assert_eq!(shifted, all);
        }
    }

    #[test]
    fn what_is_due_waits_until_it_begins_or_is_dropped() {
        let at = Nanos::from_secs(7);
        let mut all = Iterations::default();
        assert_eq!(all.late_ratio(), None);
        all.fall_due(10, at);
        all.begin_due(Nanos::ZERO, at);
        all.begin_due(LATE, at);
        all.begin_due(LATE.saturating_add(Nanos::from_nanos(1)), at);
        all.give_up(1, at);
        assert_eq!((all.waiting(), all.started, all.late), (6, 3, 1));
        assert_eq!(all.late_ratio(), Some(0.25));
        assert_eq!(all.dropped_ratio(), Some(0.25));
        assert_eq!(all.late_by_second.get(7), 1);
    }
}
