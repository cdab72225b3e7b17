//! Everything that was counted, by name, in total and by error.
//!
//! A [`Stats`] is either the delta one thread counted since the last tick or the sum of all of
//! them; [`Stats::merge`] gives the same result in any order and any grouping. Entries are
//! shared with the snapshots that show them and copied only when they change after that.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::histogram::Histogram;
use crate::iteration::Iterations;
use crate::locust::{Buckets, View};
use crate::per_second::PerSecond;
use crate::registry::{ErrorId, KeyId};
use crate::sample::{Sample, Times};
use crate::trip::Trips;
use crate::units::Nanos;

/// Everything counted over all names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// By [`KeyId::index`].
    entries: Vec<Option<Arc<Entry>>>,
    total: Arc<Entry>,
    errors: BTreeMap<ErrorId, ErrorCount>,
    iterations: Arc<Iterations>,
}

/// Everything counted under one name, or over all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Finished requests, failed ones included.
    pub requests: u64,
    /// Those of them that have no response time.
    pub none_requests: u64,
    /// Failed requests, and errors reported without a request.
    pub failures: u64,
    /// Sum of all response times.
    pub total_time: Nanos,
    /// The shortest response time.
    pub min_time: Option<Nanos>,
    /// The longest response time, zero if there is none.
    pub max_time: Nanos,
    /// Bytes of all responses.
    pub bytes_in: u64,
    /// Bytes of all requests.
    pub bytes_out: u64,
    /// When counting began, since the Unix epoch.
    pub start: Option<Nanos>,
    /// When the last request was complete, since the Unix epoch.
    pub last: Option<Nanos>,
    /// Requests in the last seconds.
    pub requests_by_second: PerSecond,
    /// Failures in the last seconds.
    pub failures_by_second: PerSecond,
    /// Response times as Locust rounds them.
    pub buckets: Buckets,
    /// The same and other times, not rounded.
    pub histograms: Histograms,
    /// What the wire told of the requests that were sent over it by us.
    pub trips: Trips,
}

/// The true times of the requests of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histograms {
    /// Taken up to last byte of requests that succeeded.
    pub service_ok: Histogram,
    /// Taken up to last byte of requests that failed.
    pub service_failed: Histogram,
    /// The same with the lateness, of requests that succeeded.
    pub response_ok: Histogram,
    /// The same with the lateness, of requests that failed.
    pub response_failed: Histogram,
    /// Taken up to first byte.
    pub first_byte: Histogram,
    /// Waiting for the engine: due to taken up, and last byte to noticed.
    pub lateness: Histogram,
}

/// How often, and when, an error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCount {
    /// How often.
    pub occurrences: u64,
    /// The first time, since the Unix epoch.
    pub first_seen: Nanos,
    /// The last time, since the Unix epoch.
    pub last_seen: Nanos,
}

impl Stats {
    /// Nothing counted, from a point of time on.
    pub fn starting(now: Nanos) -> Self {
        Self {
            total: Arc::new(Entry::starting(now)),
            ..Self::default()
        }
    }

    /// The sum of entries; how a recorder hands over what it counted.
    pub(crate) fn of(
        entries: impl Iterator<Item = Option<Box<Entry>>>,
        errors: BTreeMap<ErrorId, ErrorCount>,
        iterations: Iterations,
    ) -> Self {
        let mut total = Entry::default();
        let entries = entries.map(|entry| {
            let entry = entry?;
            total.merge(&entry);
            Some(Arc::from(entry))
        });
        let entries = entries.collect();
        Self {
            entries,
            total: Arc::new(total),
            errors,
            iterations: Arc::new(iterations),
        }
    }

    /// What was counted elsewhere, put together; entries of one name are added up.
    pub fn from_parts(
        entries: impl IntoIterator<Item = (KeyId, Entry)>,
        errors: impl IntoIterator<Item = (ErrorId, ErrorCount)>,
    ) -> Self {
        let mut stats = Self::default();
        let mut total = Entry::default();
        for (key, entry) in entries {
            total.merge(&entry);
            if stats.entries.len() <= key.index() {
                stats.entries.resize(key.index() + 1, None);
            }
            match &mut stats.entries[key.index()] {
                Some(known) => Arc::make_mut(known).merge(&entry),
                none => *none = Some(Arc::new(entry)),
            }
        }
        stats.total = Arc::new(total);
        for (error, count) in errors {
            let known = stats.errors.entry(error);
            known
                .and_modify(|known| known.merge(&count))
                .or_insert(count);
        }
        stats
    }

    /// The same with these iterations besides what it has of them.
    #[must_use]
    pub fn with_iterations(mut self, iterations: &Iterations) -> Self {
        Arc::make_mut(&mut self.iterations).merge(iterations);
        self
    }

    /// Whether nothing at all was counted.
    pub fn is_empty(&self) -> bool {
        self.total.requests == 0 && self.total.failures == 0 && self.iterations.is_empty()
    }

    /// How often users ran tasks, over all of them.
    pub fn iterations(&self) -> &Arc<Iterations> {
        &self.iterations
    }

    /// When the last of all that was counted happened, since the Unix epoch.
    pub fn last(&self) -> Option<Nanos> {
        self.total.last.max(self.iterations.last)
    }

    /// What was counted under a name.
    pub fn entry(&self, key: KeyId) -> Option<&Arc<Entry>> {
        self.entries.get(key.index())?.as_ref()
    }

    /// What was counted under each name, in the order the names were met.
    pub fn entries(&self) -> impl Iterator<Item = (KeyId, &Arc<Entry>)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(index, entry)| Some((KeyId::at(index), entry.as_ref()?)))
    }

    /// What was counted over all names.
    pub fn total(&self) -> &Arc<Entry> {
        &self.total
    }

    /// The errors that occurred, in the order they were met.
    pub fn errors(&self) -> impl Iterator<Item = (ErrorId, &ErrorCount)> {
        self.errors.iter().map(|(&error, count)| (error, count))
    }

    /// Locust's numbers of one of these entries, or of the total.
    pub fn view<'a>(&'a self, entry: &'a Entry) -> View<'a> {
        View::new(entry, &self.total)
    }

    /// Adds everything another one has counted.
    pub fn merge(&mut self, other: &Self) {
        if self.entries.len() < other.entries.len() {
            self.entries.resize(other.entries.len(), None);
        }
        for (mine, theirs) in self.entries.iter_mut().zip(&other.entries) {
            match (mine, theirs) {
                (_, None) => {}
                (mine @ None, Some(theirs)) => *mine = Some(Arc::clone(theirs)),
                (Some(mine), Some(theirs)) => Arc::make_mut(mine).merge(theirs),
            }
        }
        Arc::make_mut(&mut self.total).merge(&other.total);
        if !other.iterations.is_empty() {
            Arc::make_mut(&mut self.iterations).merge(&other.iterations);
        }
        for (&error, count) in &other.errors {
            let mine = self.errors.entry(error);
            mine.and_modify(|mine| mine.merge(count)).or_insert(*count);
        }
    }

    /// Has everything have happened so many seconds later, or earlier: what a worker counted whose
    /// clock is wrong.
    pub fn shift(&mut self, seconds: i64) {
        if seconds == 0 {
            return;
        }
        for entry in self.entries.iter_mut().flatten() {
            Arc::make_mut(entry).shift(seconds);
        }
        Arc::make_mut(&mut self.total).shift(seconds);
        Arc::make_mut(&mut self.iterations).shift(seconds);
        for count in self.errors.values_mut() {
            count.first_seen = shifted(count.first_seen, seconds);
            count.last_seen = shifted(count.last_seen, seconds);
        }
    }

    /// Forgets everything.
    pub fn clear_all(&mut self, now: Nanos) {
        *self = Self::starting(now);
    }

    /// Sets one entry to zero; the total keeps what was counted.
    pub fn reset_entry(&mut self, key: KeyId, now: Nanos) {
        if let Some(Some(entry)) = self.entries.get_mut(key.index()) {
            *entry = Arc::new(Entry::starting(now));
        }
    }

    /// Sets every entry to zero and forgets the errors, but keeps the names.
    pub fn reset_all(&mut self, now: Nanos) {
        let zero = Arc::new(Entry::starting(now));
        for entry in self.entries.iter_mut().flatten() {
            *entry = Arc::clone(&zero);
        }
        self.total = zero;
        self.errors.clear();
        self.iterations = Arc::default();
    }
}

impl Entry {
    /// Nothing counted, from a point of time on.
    pub fn starting(now: Nanos) -> Self {
        Self {
            start: Some(now),
            ..Self::default()
        }
    }

    /// Counts one sample of this name.
    pub(crate) fn record(&mut self, sample: &Sample) {
        let second = sample.at.as_secs();
        self.start = earlier(self.start, Some(sample.at));
        if sample.counts_request {
            self.requests += 1;
            self.requests_by_second.add(second, 1);
            self.last = self.last.max(Some(sample.at));
            self.bytes_in = self.bytes_in.saturating_add(sample.bytes_in);
            self.bytes_out = self.bytes_out.saturating_add(sample.bytes_out);
            match &sample.times {
                Some(times) => self.record_times(times, sample.error.is_some()),
                None => self.none_requests += 1,
            }
        }
        if sample.error.is_some() {
            self.failures += 1;
            self.failures_by_second.add(second, 1);
        }
    }

    fn shift(&mut self, seconds: i64) {
        self.start = self.start.map(|at| shifted(at, seconds));
        self.last = self.last.map(|at| shifted(at, seconds));
        self.requests_by_second = self.requests_by_second.shifted(seconds);
        self.failures_by_second = self.failures_by_second.shifted(seconds);
    }

    fn record_times(&mut self, times: &Times, failed: bool) {
        self.total_time = self.total_time.saturating_add(times.service);
        let min = self
            .min_time
            .map_or(times.service, |min| min.min(times.service));
        self.min_time = Some(min);
        self.max_time = self.max_time.max(times.service);
        self.buckets.record(times.service);
        self.histograms.record(times, failed);
    }

    /// Adds everything another entry has counted.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.none_requests += other.none_requests;
        self.failures += other.failures;
        self.total_time = self.total_time.saturating_add(other.total_time);
        self.min_time = earlier(self.min_time, other.min_time);
        self.max_time = self.max_time.max(other.max_time);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.start = earlier(self.start, other.start);
        self.last = self.last.max(other.last);
        self.requests_by_second.merge(&other.requests_by_second);
        self.failures_by_second.merge(&other.failures_by_second);
        self.buckets.merge(&other.buckets);
        self.histograms.merge(&other.histograms);
        self.trips.merge(&other.trips);
    }
}

impl Histograms {
    fn record(&mut self, times: &Times, failed: bool) {
        let (service, response) = if failed {
            (&mut self.service_failed, &mut self.response_failed)
        } else {
            (&mut self.service_ok, &mut self.response_ok)
        };
        service.record(times.service.to_micros());
        response.record(times.response().to_micros());
        self.lateness.record(times.lateness.to_micros());
        if let Some(first_byte) = times.first_byte {
            self.first_byte.record(first_byte.to_micros());
        }
    }

    fn merge(&mut self, other: &Self) {
        self.service_ok.merge(&other.service_ok);
        self.service_failed.merge(&other.service_failed);
        self.response_ok.merge(&other.response_ok);
        self.response_failed.merge(&other.response_failed);
        self.first_byte.merge(&other.first_byte);
        self.lateness.merge(&other.lateness);
    }

    /// Taken up to last byte of all requests.
    pub fn service(&self) -> Histogram {
        let mut all = self.service_ok.clone();
        all.merge(&self.service_failed);
        all
    }

    /// Taken up to last byte with the lateness, of all requests.
    pub fn response(&self) -> Histogram {
        let mut all = self.response_ok.clone();
        all.merge(&self.response_failed);
        all
    }
}

impl ErrorCount {
    /// An error that occurred once.
    pub const fn once(at: Nanos) -> Self {
        Self {
            occurrences: 1,
            first_seen: at,
            last_seen: at,
        }
    }

    /// Adds other occurrences of the same error.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.occurrences += other.occurrences;
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
    }
}

fn shifted(at: Nanos, seconds: i64) -> Nanos {
    let nanos = seconds.saturating_mul(1_000_000_000);
    Nanos::from_nanos(at.as_nanos().saturating_add_signed(nanos))
}

/// The smaller of what there is.
fn earlier(one: Option<Nanos>, other: Option<Nanos>) -> Option<Nanos> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
