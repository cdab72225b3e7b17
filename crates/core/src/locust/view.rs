//! The numbers Locust derives from an entry.

use crate::stats::Entry;
use crate::units::Nanos;

/// One entry as Locust's tables show it; rates need the clock of the total.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    entry: &'a Entry,
    total: &'a Entry,
}

impl<'a> View<'a> {
    /// An entry, and the total of the statistics it belongs to.
    pub fn new(entry: &'a Entry, total: &'a Entry) -> Self {
        Self { entry, total }
    }

    /// What the numbers are derived from.
    pub fn entry(&self) -> &'a Entry {
        self.entry
    }

    /// Failures for each request; one if there are only failures, zero if there is nothing.
    pub fn fail_ratio(&self) -> f64 {
        if self.entry.requests > 0 {
            self.entry.failures as f64 / self.entry.requests as f64
        } else if self.entry.failures > 0 {
            1.0
        } else {
            0.0
        }
    }

    /// Mean response time in milliseconds.
    pub fn avg_response_time(&self) -> f64 {
        let timed = self.entry.requests.saturating_sub(self.entry.none_requests);
        ratio(self.entry.total_time.as_millis_f64(), timed as f64)
    }

    /// The rounded median, but never outside the exact shortest and longest time.
    pub fn median_response_time(&self) -> f64 {
        let Some(min) = self.entry.min_time else {
            return 0.0;
        };
        let median = self.percentile(0.5) as f64;
        median
            .min(self.entry.max_time.as_millis_f64())
            .max(min.as_millis_f64())
    }

    /// Rounded response time in milliseconds that a part of all requests stays within.
    pub fn percentile(&self, part: f64) -> u64 {
        self.entry.buckets.percentile(part)
    }

    /// Requests per second about ten seconds back from the last request.
    pub fn current_rps(&self) -> f64 {
        self.current(&self.entry.requests_by_second)
    }

    /// Failures per second about ten seconds back from the last request.
    pub fn current_fail_per_sec(&self) -> f64 {
        self.current(&self.entry.failures_by_second)
    }

    /// Requests per second over the whole run.
    pub fn total_rps(&self) -> f64 {
        ratio(self.entry.requests as f64, self.run_seconds())
    }

    /// Failures per second over the whole run.
    pub fn total_fail_per_sec(&self) -> f64 {
        ratio(self.entry.failures as f64, self.run_seconds())
    }

    /// Mean size of a response in bytes.
    pub fn avg_content_length(&self) -> f64 {
        ratio(self.entry.bytes_in as f64, self.entry.requests as f64)
    }

    /// The seconds Locust looks at for current rates: from twelve before the last request, but
    /// not before the start, to the one three before it.
    fn current(&self, by_second: &crate::per_second::PerSecond) -> f64 {
        let Some(last) = self.total.last.map(Nanos::as_secs) else {
            return 0.0;
        };
        let start = self.total.start.map_or(0, Nanos::as_secs);
        let seconds = last.saturating_sub(12).max(start)..last.saturating_sub(2);
        let length = seconds.end.saturating_sub(seconds.start);
        ratio(by_second.sum(seconds) as f64, length as f64)
    }

    fn run_seconds(&self) -> f64 {
        match (self.total.start, self.total.last) {
            (Some(start), Some(last)) => last.as_secs_f64() - start.as_secs_f64(),
            _ => 0.0,
        }
    }
}

/// A quotient, zero where there is none.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
