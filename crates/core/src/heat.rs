//! How many requests took how long over the time of a run, for a heat map.

use std::collections::BTreeMap;

use parking_lot::RwLock;

use crate::histogram::Histogram;
use crate::steps::{Step, Steps};
use crate::units::Micros;

/// Bars for each doubling of the time.
pub const BARS: f64 = 4.0;

/// One step of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// The second (Unix epoch) in which the step began.
    pub t: u64,
    /// Bars in which there are requests, ascending, and how many.
    pub cells: Vec<(i32, u64)>,
}

/// All steps of a run, those without requests left out.
pub type Heat = Steps<Column>;

/// A [`Heat`] shared between who writes and who reads it.
#[derive(Debug, Default)]
pub struct SharedHeat(RwLock<Heat>);

/// The bar that a time falls into.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a logarithm is a small number"
)]
pub fn bar(time: Micros) -> i32 {
    let micros = time.as_micros().max(1) as f64;
    (micros.log2() * BARS).ceil() as i32
}

/// The upper end of a bar, in milliseconds.
pub fn upper_ms(bar: i32) -> f64 {
    (f64::from(bar) / BARS).exp2().round() / 1e3
}

/// How many good and how many failed requests took how long, in bars: their upper ends in
/// milliseconds, ascending, those without requests left out.
pub fn bars(ok: &Histogram, failed: &Histogram) -> Vec<(f64, u64, u64)> {
    let mut bars = BTreeMap::<i32, (u64, u64)>::new();
    for bin in ok.bins() {
        bars.entry(bar(bin.upper)).or_default().0 += bin.count;
    }
    for bin in failed.bins() {
        bars.entry(bar(bin.upper)).or_default().1 += bin.count;
    }
    let ends = bars
        .into_iter()
        .map(|(bar, (ok, failed))| (upper_ms(bar), ok, failed));
    ends.collect()
}

impl Column {
    /// The column of a second in which requests took these times.
    pub fn of(t: u64, times: &Histogram) -> Self {
        let mut cells: Vec<(i32, u64)> = Vec::new();
        for bin in times.bins() {
            let bar = bar(bin.upper);
            match cells.last_mut() {
                Some((last, count)) if *last == bar => *count += bin.count,
                _ => cells.push((bar, bin.count)),
            }
        }
        Self { t, cells }
    }
}

impl Step for Column {
    fn second(&self) -> u64 {
        self.t
    }

    fn set_second(&mut self, second: u64) {
        self.t = second;
    }

    fn join(&mut self, other: Self) {
        for (bar, count) in other.cells {
            match self.cells.binary_search_by_key(&bar, |cell| cell.0) {
                Ok(at) => self.cells[at].1 += count,
                Err(at) => self.cells.insert(at, (bar, count)),
            }
        }
    }
}

impl SharedHeat {
    /// Adds a finished second.
    pub fn push(&self, second: Column) {
        self.0.write().push(second);
    }

    /// The columns from this second on.
    pub fn since(&self, t: u64) -> Heat {
        self.0.read().since(t)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.0.write() = Heat::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(micros: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for &time in micros {
            histogram.record(Micros::from_micros(time));
        }
        histogram
    }

    #[test]
    fn a_column_counts_each_request_once() {
        let column = Column::of(7, &times(&[1, 1000, 1000, 1010, 60_000_000]));
        assert_eq!(column.cells.iter().map(|cell| cell.1).sum::<u64>(), 5);
        assert!(column.cells.is_sorted_by(|one, other| one.0 < other.0));
        assert_eq!(column.cells[0], (0, 1));
        for micros in [1, 1000, 1010, 60_000_000] {
            let upper = upper_ms(bar(Micros::from_micros(micros)));
            assert!(upper * 1e3 >= micros as f64 && upper * 1e3 < micros as f64 * 1.2 + 1.0);
        }
    }

    #[test]
    fn bars_hold_all_requests_below_their_upper_ends() {
        let bars = bars(&times(&[1, 900, 1000, 1024]), &times(&[30_000_000]));
        assert_eq!(bars[0], (0.001, 1, 0));
        assert_eq!(bars.iter().map(|bar| bar.1).sum::<u64>(), 4);
        assert_eq!(bars.last().map(|bar| (bar.1, bar.2)), Some((0, 1)));
        assert!(bars.last().unwrap().0 >= 30_000.0);
        assert!(bars.is_sorted_by(|one, other| one.0 < other.0));
    }

    #[test]
    fn a_long_run_keeps_its_counts_in_few_columns() {
        let heat = SharedHeat::default();
        for t in 0..5_000 {
            heat.push(Column::of(t, &times(&[100, 100 + t])));
        }
        let all = heat.since(0);
        assert!(all.points.len() <= 600 && all.step == 16, "{}", all.step);
        let count: u64 = all
            .points
            .iter()
            .flat_map(|column| &column.cells)
            .map(|cell| cell.1)
            .sum();
        assert_eq!(count, 10_000);
        assert!(
            heat.since(4_000)
                .points
                .iter()
                .all(|column| column.t >= 4_000)
        );
        heat.clear();
        assert_eq!(heat.since(0), Heat::default());
    }
}
