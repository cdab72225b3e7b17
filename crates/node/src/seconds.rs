//! Turns deltas of statistics into one point for each second.

use std::collections::BTreeMap;
use std::sync::Arc;

use katydid_core::histogram::Histogram;
use katydid_core::iteration::Iterations;
use katydid_core::series::{IterationPoint, Point, Series};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;

/// More unfinished seconds than this (the clock was set) are skipped.
const MOST_BEHIND: u64 = 120;

/// The seconds of a run: those that are over as points, the others as they fill.
#[derive(Debug, Default)]
pub(crate) struct Seconds {
    series: Arc<Series>,
    open: BTreeMap<u64, Second>,
    /// The first second that is not a point yet; none outside a run.
    next: Option<u64>,
    /// The last second of the run, once it has ended.
    last: Option<u64>,
}

/// What is known of a second so far.
#[derive(Debug, Default)]
struct Second {
    requests: u64,
    failures: u64,
    service: Histogram,
    lateness: Histogram,
    iterations: IterationPoint,
    start_lateness: Histogram,
    /// Users there were and users that were wanted, if somebody looked in this second.
    users: Option<(u32, u32)>,
}

/// A number of a second's iterations.
type Field = fn(&mut IterationPoint) -> &mut u64;

impl Seconds {
    /// A new run begins in this second.
    pub(crate) fn start(&mut self, second: u64) {
        *self = Self {
            next: Some(second),
            ..Self::default()
        };
    }

    /// Goes on with a run: these points are there, and the next second is this one. Those between
    /// become points of their own, with what is still reported of them.
    pub(crate) fn after(series: Arc<Series>, now: u64) -> Self {
        let next = series.last().map_or(now, |last| last.t + series.step());
        Self {
            series,
            next: Some(next.min(now)),
            ..Self::default()
        }
    }

    /// This second is the last one of the run.
    pub(crate) fn end(&mut self, second: u64) {
        self.last.get_or_insert(second);
    }

    /// The points so far.
    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }

    /// Takes in what was counted since the last time, over all names.
    ///
    /// Counts go to the seconds they were made in; times go to the second of the newest
    /// request, because deltas are taken where a second ends. What comes after its second
    /// became a point goes to the first one that did not, so that nothing is lost.
    pub(crate) fn add(&mut self, delta: &Stats) {
        let Some(next) = self.next else {
            return;
        };
        self.add_iterations(delta.iterations(), next);
        let delta = delta.total();
        for (second, count) in delta.requests_by_second.iter() {
            self.open.entry(second.max(next)).or_default().requests += u64::from(count);
        }
        for (second, count) in delta.failures_by_second.iter() {
            self.open.entry(second.max(next)).or_default().failures += u64::from(count);
        }
        if let Some(last) = delta.last.map(Nanos::as_secs) {
            let second = self.open.entry(last.max(next)).or_default();
            second.service.merge(&delta.histograms.service_ok);
            second.service.merge(&delta.histograms.service_failed);
            second.lateness.merge(&delta.histograms.lateness);
        }
    }

    fn add_iterations(&mut self, delta: &Iterations, next: u64) {
        let counts: [(_, Field); 4] = [
            (&delta.due_by_second, |point| &mut point.due),
            (&delta.started_by_second, |point| &mut point.started),
            (&delta.late_by_second, |point| &mut point.late),
            (&delta.dropped_by_second, |point| &mut point.dropped),
        ];
        for (seconds, field) in counts {
            for (second, count) in seconds.iter() {
                let open = self.open.entry(second.max(next)).or_default();
                *field(&mut open.iterations) += u64::from(count);
            }
        }
        if let Some(last) = delta.last.map(Nanos::as_secs) {
            let second = self.open.entry(last.max(next)).or_default();
            second.start_lateness.merge(&delta.lateness);
        }
    }

    /// So many users there are, and are wanted, in this second.
    pub(crate) fn note_users(&mut self, second: u64, users: u32, target: u32) {
        if self.next.is_some_and(|next| next <= second) {
            self.open.entry(second).or_default().users = Some((users, target));
        }
    }

    /// Makes points of all seconds before this one; `users` are those there are and are wanted
    /// where nobody looked.
    pub(crate) fn finish_before(&mut self, end: u64, users: u32, target: u32) {
        let Some(mut next) = self.next else {
            return;
        };
        let end = self.last.map_or(end, |last| end.min(last + 1));
        next = next.max(end.saturating_sub(MOST_BEHIND));
        while next < end {
            let second = self.open.remove(&next).unwrap_or_default();
            let (users, target) = second.users.unwrap_or((users, target));
            let point = second.point(next, users, target);
            Arc::make_mut(&mut self.series).push(point);
            next += 1;
        }
        self.next = self.last.is_none_or(|last| next <= last).then_some(next);
    }
}

impl Second {
    fn point(&self, t: u64, users: u32, target: u32) -> Point {
        let [p50, p90, p95, p99] = self.service.values_at([0.5, 0.9, 0.95, 0.99]);
        let [lateness_p99] = self.lateness.values_at([0.99]);
        let timed = !self.service.is_empty();
        let [start_p50, start_p99] = self.start_lateness.values_at([0.5, 0.99]);
        let due = !self.start_lateness.is_empty();
        Point {
            t,
            ok: self.requests.saturating_sub(self.failures),
            failed: self.failures,
            users,
            target,
            p50: timed.then_some(p50),
            p90: timed.then_some(p90),
            p95: timed.then_some(p95),
            p99: timed.then_some(p99),
            lateness_p99: (!self.lateness.is_empty()).then_some(lateness_p99),
            iterations: IterationPoint {
                lateness_p50: due.then_some(start_p50),
                lateness_p99: due.then_some(start_p99),
                lateness_max: self.start_lateness.max(),
                ..self.iterations
            },
        }
    }
}
