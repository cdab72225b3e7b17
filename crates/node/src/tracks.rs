//! Turns deltas of statistics into points of each name's track.

use std::collections::BTreeMap;
use std::sync::Arc;

use katydid_core::failures::Failures;
use katydid_core::fingerprint::KINDS;
use katydid_core::heat::Column;
use katydid_core::histogram::Histogram;
use katydid_core::registry::{KeyId, Registry};
use katydid_core::stats::{Entry, Stats};
use katydid_core::track::{Point, TRACKS, Tracks};
use katydid_core::units::Nanos;

/// The seconds of each name that are not over, and the tracks of those that are.
#[derive(Debug, Default)]
pub(crate) struct Open {
    tracks: Arc<Tracks>,
    seconds: BTreeMap<Option<KeyId>, BTreeMap<u64, Second>>,
    failures: BTreeMap<u64, Failures>,
    /// The first second that is not a point yet; none outside a run.
    next: Option<u64>,
}

#[derive(Debug, Default)]
struct Second {
    requests: u64,
    point: Point,
    service: Histogram,
}

impl Open {
    /// A new run begins in this second.
    pub(crate) fn start(&mut self, second: u64) {
        self.tracks.clear();
        self.seconds.clear();
        self.failures.clear();
        self.next = Some(second);
    }

    /// The tracks, to be read.
    pub(crate) fn tracks(&self) -> &Arc<Tracks> {
        &self.tracks
    }

    /// Takes in what was counted since the last time.
    ///
    /// Requests and failures go to their seconds; everything else to that of the newest request, as
    /// in the run's own series.
    pub(crate) fn add(&mut self, delta: &Stats, registry: &Registry) {
        let Some(next) = self.next else {
            return;
        };
        self.add_entry(None, delta.total(), next);
        self.add_failures(delta, registry, next);
        for (key, entry) in delta.entries() {
            let is_known = self.seconds.contains_key(&Some(key));
            if is_known || self.seconds.len() <= TRACKS {
                self.add_entry(Some(key), entry, next);
            }
        }
    }

    /// Counts failures of each kind in their seconds. A report tells how many requests of a name
    /// failed in which second, and how often each error was met in all: where there are several
    /// kinds, each gets its part of every second.
    fn add_failures(&mut self, delta: &Stats, registry: &Registry, next: u64) {
        for (error, count) in delta.errors() {
            let kind = registry.fingerprint(registry.fingerprint_of(error)).kind;
            let place = KINDS.iter().position(|it| *it == kind);
            let place = place.unwrap_or(KINDS.len() - 1);
            let key = registry.error_name(error).key;
            let entry = delta.entries().find(|(it, _)| *it == key);
            let failed = entry.map(|(_, entry)| &entry.failures_by_second);
            let all: u64 = failed.map_or(0, |failed| failed.iter().map(|it| u64::from(it.1)).sum());
            let (mut seen, mut placed) = (0, 0);
            for (second, part) in failed.iter().flat_map(|failed| failed.iter()) {
                seen += u64::from(part);
                let so_far = count.occurrences * seen / all;
                self.fail(second.max(next), place, so_far - placed);
                placed = so_far;
            }
            let last = count.last_seen.as_secs().max(next);
            self.fail(last, place, count.occurrences - placed);
        }
    }

    fn fail(&mut self, t: u64, place: usize, count: u64) {
        if count > 0 {
            let new = || Failures {
                t,
                ..Failures::default()
            };
            self.failures.entry(t).or_insert_with(new).counts[place] += count;
        }
    }

    fn add_entry(&mut self, key: Option<KeyId>, entry: &Entry, next: u64) {
        let Some(last) = entry.last.map(Nanos::as_secs) else {
            return;
        };
        let seconds = self.seconds.entry(key).or_default();
        for (second, count) in entry.requests_by_second.iter() {
            seconds.entry(second.max(next)).or_default().requests += u64::from(count);
        }
        for (second, count) in entry.failures_by_second.iter() {
            let second = seconds.entry(second.max(next)).or_default();
            second.point.failed += u64::from(count);
        }
        let second = seconds.entry(last.max(next)).or_default();
        second.service.merge(&entry.histograms.service_ok);
        second.service.merge(&entry.histograms.service_failed);
        second.point.bytes_in += entry.bytes_in;
        second.point.bytes_out += entry.bytes_out;
        second.point.count(&entry.trips);
    }

    /// Makes points of all seconds before this one.
    pub(crate) fn finish_before(&mut self, end: u64) {
        let Some(next) = &mut self.next else {
            return;
        };
        *next = end.max(*next);
        while let Some(first) = self
            .failures
            .first_entry()
            .filter(|first| *first.key() < end)
        {
            self.tracks.failures.push(first.remove());
        }
        let mut done = Vec::new();
        for (&key, seconds) in &mut self.seconds {
            while let Some(first) = seconds.first_entry().filter(|first| *first.key() < end) {
                let (t, second) = first.remove_entry();
                if key.is_none() {
                    self.tracks.heat.push(Column::of(t, &second.service));
                }
                done.push((key, second.point(t)));
            }
        }
        if !done.is_empty() {
            self.tracks.push(done);
        }
    }
}

impl Second {
    fn point(self, t: u64) -> Point {
        let times = self.service.values_at([0.5, 0.95, 0.99]);
        Point {
            t,
            ok: self.requests.saturating_sub(self.point.failed),
            times: (!self.service.is_empty()).then_some(times),
            ..self.point
        }
    }
}
