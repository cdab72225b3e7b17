//! Percentiles of the last seconds, which the page shows beside the current rates.
//!
//! They come from the difference of two histograms of the whole run, so they are as exact as
//! those are, however the requests are spread over the seconds.

use std::collections::VecDeque;
use std::sync::Arc;

use katydid_core::histogram::Histogram;
use katydid_core::snapshot::Snapshot;
use katydid_core::stats::Entry;
use serde::Serialize;

/// How far back the percentiles reach.
const WINDOW_MS: u64 = 10_000;
/// Publications that follow each other faster than this are looked at once.
const STEP_MS: u64 = 500;

/// The total as it was now and then during the last seconds, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Window(VecDeque<Moment>);

#[derive(Clone, Debug)]
struct Moment {
    at_ms: u64,
    total: Arc<Entry>,
}

/// Times in milliseconds that parts of the latest requests stayed within.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Recent {
    /// How many seconds the requests are from.
    seconds: u64,
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

impl Window {
    /// Takes in a snapshot of the same run and says what is true of its last seconds.
    ///
    /// None for the first one, as there is nothing to compare it with.
    pub(crate) fn advance(&mut self, snapshot: &Snapshot) -> Option<Recent> {
        let at_ms = snapshot.at_ms;
        let is_old = |moment: &Moment| moment.at_ms + WINDOW_MS <= at_ms;
        while self.0.get(1).is_some_and(is_old) {
            self.0.pop_front();
        }
        let total = Arc::clone(snapshot.stats.total());
        let recent = self.0.front().map(|first| first.until(at_ms, &total));
        if self
            .0
            .back()
            .is_none_or(|last| last.at_ms + STEP_MS <= at_ms)
        {
            self.0.push_back(Moment { at_ms, total });
        }
        recent
    }
}

impl Moment {
    fn until(&self, at_ms: u64, total: &Entry) -> Recent {
        let service = difference(
            &total.histograms.service(),
            &self.total.histograms.service(),
        );
        let longest = total.max_time.to_micros();
        let times = service.values_at([0.5, 0.95, 0.99]);
        let [p50, p95, p99] =
            times.map(|time| (!service.is_empty()).then(|| time.min(longest).as_millis_f64()));
        Recent {
            seconds: at_ms.saturating_sub(self.at_ms).div_ceil(1000),
            p50,
            p95,
            p99,
        }
    }
}

/// What a histogram has counted since it was like an earlier one.
fn difference(later: &Histogram, earlier: &Histogram) -> Histogram {
    let mut counted = Histogram::default();
    let mut known = earlier.bins().peekable();
    for bin in later.bins() {
        let before = known.next_if(|known| known.upper == bin.upper);
        let before = before.map_or(0, |known| known.count);
        counted.record_n(bin.upper, bin.count.saturating_sub(before));
    }
    counted
}

#[cfg(test)]
mod tests {
    use katydid_core::units::Micros;

    use super::*;

    #[test]
    fn what_was_counted_before_is_taken_away() {
        let [mut earlier, mut added] = [Histogram::default(), Histogram::default()];
        for micros in [5, 700, 700, 1_000_000] {
            earlier.record(Micros::from_micros(micros));
        }
        for micros in [3, 700, 20_000, 3_000_000] {
            added.record(Micros::from_micros(micros));
        }
        let mut later = earlier.clone();
        later.merge(&added);
        let counted = difference(&later, &earlier);
        assert_eq!(counted.count(), 4);
        assert!(counted.bins().eq(added.bins()));
    }
}
