//! Counts requests on the thread that made them.
//!
//! Each thread owns one [`Recorder`]; nothing in it is shared, so recording never waits. The
//! thread hands over with [`Recorder::take`] on its tick. Totals are added up there and not
//! for every request; percentiles and rates are nobody's business here.

use std::collections::BTreeMap;

use crate::iteration::Iterations;
use crate::registry::ErrorId;
use crate::sample::Sample;
use crate::stats::{Entry, ErrorCount, Stats};
use crate::trip::Trip;
use crate::units::Nanos;

/// What one thread has counted since it last handed over.
#[derive(Debug, Default)]
pub struct Recorder {
    /// By [`crate::registry::KeyId::index`].
    entries: Vec<Option<Box<Entry>>>,
    errors: BTreeMap<ErrorId, ErrorCount>,
    iterations: Iterations,
    is_empty: bool,
}

impl Recorder {
    /// A recorder that has counted nothing.
    pub fn new() -> Self {
        Self {
            is_empty: true,
            ..Self::default()
        }
    }

    /// Counts one sample; allocates only for what was not met since the last hand-over.
    pub fn record(&mut self, sample: &Sample) {
        self.is_empty = false;
        self.entry(sample.key.index()).record(sample);
        if let Some(error) = sample.error {
            let once = ErrorCount::once(sample.at);
            let counted = self.errors.entry(error);
            counted
                .and_modify(|counted| counted.merge(&once))
                .or_insert(once);
        }
    }

    /// Counts one sample of a request of which the wire told more.
    pub fn record_trip(&mut self, sample: &Sample, trip: &Trip) {
        self.record(sample);
        self.entry(sample.key.index()).trips.record(trip);
    }

    /// The iterations it has counted, to count more.
    pub fn iterations(&mut self) -> &mut Iterations {
        self.is_empty = false;
        &mut self.iterations
    }

    /// Whether there is nothing to hand over.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Hands over what was counted and starts again from nothing.
    pub fn take(&mut self) -> Stats {
        self.is_empty = true;
        let entries = self.entries.iter_mut().map(Option::take);
        let iterations = std::mem::take(&mut self.iterations);
        Stats::of(entries, std::mem::take(&mut self.errors), iterations)
    }

    fn entry(&mut self, index: usize) -> &mut Entry {
        if index >= self.entries.len() {
            self.entries.resize_with(index + 1, || None);
        }
        self.entries[index].get_or_insert_default()
    }
}

/// Keeps what was counted in one second apart from the next, so that each second's is exact.
///
/// Requests are not counted quite in the order they were complete in, so the second before the newest
/// is still open.
#[derive(Debug)]
pub struct BySecond {
    newest: u64,
    now: Recorder,
    before: Recorder,
    done: Vec<Stats>,
}

impl Default for BySecond {
    fn default() -> Self {
        Self {
            newest: 0,
            now: Recorder::new(),
            before: Recorder::new(),
            done: Vec::new(),
        }
    }
}

impl BySecond {
    /// The recorder for what was complete at this moment.
    pub fn of(&mut self, at: Nanos) -> &mut Recorder {
        let second = at.as_secs();
        if second < self.newest {
            return &mut self.before;
        }
        if second > self.newest {
            if !self.before.is_empty() {
                self.done.push(self.before.take());
            }
            std::mem::swap(&mut self.now, &mut self.before);
            self.newest = second;
        }
        &mut self.now
    }

    /// Hands over what was counted, the oldest seconds first.
    pub fn take(&mut self) -> Vec<Stats> {
        let mut taken = std::mem::take(&mut self.done);
        for recorder in [&mut self.before, &mut self.now] {
            if !recorder.is_empty() {
                taken.push(recorder.take());
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn what_was_counted_in_one_second_is_apart_from_the_next() {
        let registry = Registry::new();
        let mut recorders = BySecond::default();
        for millis in [1_000, 1_900, 2_001, 1_999, 2_500, 3_000, 2_999, 3_100] {
            let at = Nanos::from_millis(millis);
            let sample = Sample {
                key: registry.key("GET", "/"),
                at,
                times: None,
                bytes_in: 0,
                bytes_out: 0,
                error: None,
                counts_request: true,
            };
            recorders.of(at).record(&sample);
        }
        let taken = recorders.take();
        let seconds = taken.iter().map(|stats| {
            let total = stats.total();
            (total.last.map(Nanos::as_secs), total.requests)
        });
        let seconds: Vec<_> = seconds.collect();
        assert_eq!(seconds, [(Some(1), 3), (Some(2), 3), (Some(3), 2)]);
        assert!(recorders.take().is_empty());
    }

    #[test]
    fn iterations_are_handed_over_once_also_without_a_request() {
        let mut recorders = BySecond::default();
        for second in [4, 5] {
            let at = Nanos::from_secs(second);
            recorders.of(at).iterations().begin(second, at);
        }
        let taken = recorders.take();
        let started: Vec<_> = taken.iter().map(|it| it.iterations().started).collect();
        assert_eq!(started, [4, 5]);
        assert_eq!(taken[1].last(), Some(Nanos::from_secs(5)));
        assert!(!taken[0].is_empty() && recorders.take().is_empty());
    }
}
