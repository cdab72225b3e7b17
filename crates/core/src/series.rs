//! One point for each second of a run, for its charts.

use std::sync::Arc;

use crate::units::Micros;

/// How many points there are at most; with one for each second, a day.
const MOST: usize = 24 * 60 * 60;
const BLOCK: usize = 1024;

/// What happened in one step of a run, usually one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// The second (Unix epoch) in which the step began.
    pub t: u64,
    /// Requests that succeeded in this step.
    pub ok: u64,
    /// Requests that failed in this step.
    pub failed: u64,
    /// Users running at its end.
    pub users: u32,
    /// Users wanted at its end.
    pub target: u32,
    /// Median service time of the requests of this step, none if there were none.
    pub p50: Option<Micros>,
    /// Service time that 90 % of them stay within.
    pub p90: Option<Micros>,
    /// Service time that 95 % of them stay within.
    pub p95: Option<Micros>,
    /// Service time that 99 % of them stay within.
    pub p99: Option<Micros>,
    /// Generator's own delay that 99 % of them stay within.
    pub lateness_p99: Option<Micros>,
    /// Iterations in this step.
    pub iterations: IterationPoint,
}

/// Iterations in one step of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IterationPoint {
    /// Iterations that became due by a schedule.
    pub due: u64,
    /// Iterations that have begun.
    pub started: u64,
    /// Those of them that have begun late.
    pub late: u64,
    /// Iterations that were dropped.
    pub dropped: u64,
    /// Median of the time from due to begun, none if a schedule had none begin.
    pub lateness_p50: Option<Micros>,
    /// From due to begun, what 99 % stay within.
    pub lateness_p99: Option<Micros>,
    /// The longest time from due to begun.
    pub lateness_max: Option<Micros>,
}

/// The points of a run from its first second on.
///
/// After a day the resolution is halved, and again whenever the points would be too many: two
/// neighbours become one with the sum of their counts and the larger of their times, so that
/// no peak is lost. Copies share all but the newest points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    step: u64,
    blocks: Vec<Arc<[Point]>>,
    newest: Vec<Point>,
    /// The point that still grows; only when a step is longer than a second.
    growing: Option<Point>,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            step: 1,
            blocks: Vec::new(),
            newest: Vec::new(),
            growing: None,
        }
    }
}

impl Series {
    /// Seconds that one point covers.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.blocks.len() * BLOCK + self.newest.len()
    }

    /// Whether there is no point yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest point.
    pub fn last(&self) -> Option<&Point> {
        self.newest.last().or_else(|| self.blocks.last()?.last())
    }

    /// The points from a position on, the oldest first.
    pub fn iter_from(&self, start: usize) -> impl Iterator<Item = &Point> {
        let whole = (start / BLOCK).min(self.blocks.len());
        let blocks = self.blocks[whole..].iter().flat_map(|block| block.iter());
        blocks.chain(&self.newest).skip(start - whole * BLOCK)
    }

    /// All points, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Point> {
        self.iter_from(0)
    }

    /// Adds a finished second.
    pub fn push(&mut self, second: Point) {
        let grown = match self.growing.take() {
            Some(growing) => joined(&growing, &second),
            None => second,
        };
        if self.step > 1 && (second.t + 1 - grown.t) < self.step {
            self.growing = Some(grown);
            return;
        }
        self.append(grown);
        if self.len() >= MOST {
            self.halve();
        }
    }

    fn append(&mut self, point: Point) {
        self.newest.push(point);
        if self.newest.len() == BLOCK {
            self.blocks.push(std::mem::take(&mut self.newest).into());
        }
    }

    fn halve(&mut self) {
        let points: Vec<Point> = self.iter().copied().collect();
        *self = Self {
            step: self.step * 2,
            ..Self::default()
        };
        for pair in points.chunks(2) {
            self.append(
                pair[1..]
                    .iter()
                    .fold(pair[0], |one, other| joined(&one, other)),
            );
        }
    }
}

/// Two neighbours as one point.
fn joined(one: &Point, other: &Point) -> Point {
    Point {
        t: one.t,
        ok: one.ok + other.ok,
        failed: one.failed + other.failed,
        users: other.users,
        target: other.target,
        p50: one.p50.max(other.p50),
        p90: one.p90.max(other.p90),
        p95: one.p95.max(other.p95),
        p99: one.p99.max(other.p99),
        lateness_p99: one.lateness_p99.max(other.lateness_p99),
        iterations: one.iterations.joined(&other.iterations),
    }
}

impl IterationPoint {
    fn joined(&self, other: &Self) -> Self {
        Self {
            due: self.due + other.due,
            started: self.started + other.started,
            late: self.late + other.late,
            dropped: self.dropped + other.dropped,
            lateness_p50: self.lateness_p50.max(other.lateness_p50),
            lateness_p99: self.lateness_p99.max(other.lateness_p99),
            lateness_max: self.lateness_max.max(other.lateness_max),
        }
    }
}
