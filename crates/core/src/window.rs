//! What was counted in a stretch of a run, by name, so that it can be added up to longer ones.
//!
//! A window is small enough to be kept for each second of a run: counts, bytes, status codes, phases,
//! and histograms of the times of good and of failed requests, from *taken up* on and from *due* on.
//! Windows merge to exactly what one over both would have counted, so every number of every stretch
//! comes from the same data.

use std::collections::BTreeMap;

use crate::histogram::Histogram;
use crate::iteration::Iterations;
use crate::stats::{Entry, Stats};
use crate::trip::Trips;

mod bytes;
mod seconds;

pub use bytes::WindowError;
pub use seconds::Second;

/// What was counted in a stretch of a run. Names and errors are known by the numbers they have in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// By the number of the name.
    pub counts: BTreeMap<u32, Count>,
    /// By the number of the error, how often it occurred.
    pub errors: BTreeMap<u32, u64>,
    /// How long requests of all names waited for the generator; empty for runs that were kept before
    /// this was.
    pub lateness: Histogram,
    /// How often users ran tasks, without what is known of single seconds; none for runs that were kept
    /// before this was.
    pub iterations: Iterations,
}

/// What was counted under one name, or under all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// Finished requests, failed ones included.
    pub requests: u64,
    /// Failed requests, and errors reported without one.
    pub failures: u64,
    /// Bytes of the responses.
    pub bytes_in: u64,
    /// Bytes of the requests.
    pub bytes_out: u64,
    /// Times of the requests that succeeded, from taken up to the last byte.
    pub ok: Histogram,
    /// Times of those that failed.
    pub failed: Histogram,
    /// Times of the requests that succeeded, with the generator's lateness: from due on. Empty, as the
    /// next two, for runs that were kept before these were.
    pub response_ok: Histogram,
    /// The same of those that failed.
    pub response_failed: Histogram,
    /// Status codes, and the parts of the requests' way.
    pub trips: Trips,
}

impl Window {
    /// The window of what was counted, with the numbers that names and errors are to have.
    pub fn of(
        stats: &Stats,
        mut name: impl FnMut(crate::registry::KeyId) -> u32,
        mut error: impl FnMut(crate::registry::ErrorId) -> u32,
    ) -> Self {
        let mut window = Self {
            lateness: stats.total().histograms.lateness.clone(),
            iterations: stats.iterations().summed(),
            ..Self::default()
        };
        for (key, entry) in stats.entries() {
            if entry.requests > 0 || entry.failures > 0 {
                let count = window.counts.entry(name(key)).or_default();
                count.merge(&Count::from(&**entry));
            }
        }
        for (id, seen) in stats.errors() {
            *window.errors.entry(error(id)).or_default() += seen.occurrences;
        }
        window
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (&name, count) in &other.counts {
            self.counts.entry(name).or_default().merge(count);
        }
        for (&error, &occurrences) in &other.errors {
            let mine = self.errors.entry(error).or_default();
            *mine = mine.saturating_add(occurrences);
        }
        self.lateness.merge(&other.lateness);
        self.iterations.merge(&other.iterations);
    }

    /// What was counted under all names.
    pub fn total(&self) -> Count {
        let mut total = Count::default();
        for count in self.counts.values() {
            total.merge(count);
        }
        total
    }
}

impl Count {
    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.failures = self.failures.saturating_add(other.failures);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.ok.merge(&other.ok);
        self.failed.merge(&other.failed);
        self.response_ok.merge(&other.response_ok);
        self.response_failed.merge(&other.response_failed);
        self.trips.merge(&other.trips);
    }

    /// The times of all requests, from taken up to the last byte.
    pub fn times(&self) -> Histogram {
        let mut times = self.ok.clone();
        times.merge(&self.failed);
        times
    }

    /// The times of all requests with the generator's lateness, from due on.
    pub fn response_times(&self) -> Histogram {
        let mut times = self.response_ok.clone();
        times.merge(&self.response_failed);
        times
    }
}

impl From<&Entry> for Count {
    fn from(entry: &Entry) -> Self {
        let histograms = &entry.histograms;
        Self {
            requests: entry.requests,
            failures: entry.failures,
            bytes_in: entry.bytes_in,
            bytes_out: entry.bytes_out,
            ok: histograms.service_ok.clone(),
            failed: histograms.service_failed.clone(),
            response_ok: histograms.response_ok.clone(),
            response_failed: histograms.response_failed.clone(),
            trips: entry.trips.clone(),
        }
    }
}
