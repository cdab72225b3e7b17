//! Iterations as Python's thread counts them, until the I/O thread hands them over.

use std::sync::atomic::{AtomicI64, Ordering};

use katydid_core::recorder::BySecond;
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use parking_lot::Mutex;

/// Counts of iterations.
#[derive(Default)]
pub(crate) struct Tally {
    /// Those that a schedule had begin; only Python's thread and, four times a second, the I/O thread
    /// lock it.
    pub(crate) scheduled: Mutex<BySecond>,
    begun: AtomicI64,
    ended: AtomicI64,
}

impl Tally {
    /// A user begins an iteration because it likes to.
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// An iteration has ended.
    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted as begun, and will be as ended, is a task set: its tasks are iterations.
    pub(crate) fn take_back(&self) {
        self.begun.fetch_sub(1, Ordering::Relaxed);
        self.ended.fetch_sub(1, Ordering::Relaxed);
    }

    /// Hands over what was counted since the last time, the oldest seconds first.
    pub(crate) fn take(&self, now: Nanos) -> Vec<Stats> {
        let (begun, ended) = (taken(&self.begun), taken(&self.ended));
        let mut recorder = self.scheduled.lock();
        if begun > 0 || ended > 0 {
            let iterations = recorder.of(now).iterations();
            iterations.begin(begun, now);
            iterations.finish(ended, now);
        }
        recorder.take()
    }
}

/// A counter's value, and sets it to zero; what was taken back too early stays.
fn taken(counter: &AtomicI64) -> u64 {
    let count = counter.swap(0, Ordering::Relaxed);
    if count < 0 {
        counter.fetch_add(count, Ordering::Relaxed);
    }
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_is_not_counted_even_if_it_was_handed_over() {
        let (tally, now) = (Tally::default(), Nanos::from_secs(3));
        let begun = |taken: &[Stats]| taken.iter().map(|it| it.iterations().started).sum::<u64>();
        tally.begin();
        assert_eq!(begun(&tally.take(now)), 1);
        tally.take_back();
        tally.begin();
        assert_eq!(begun(&tally.take(now)), 0);
        tally.begin();
        assert_eq!(begun(&tally.take(now)), 1);
    }
}
