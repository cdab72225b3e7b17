//! Response times rounded as Locust rounds them, and counted.

use std::collections::BTreeMap;

use crate::units::Nanos;

const MILLI: u64 = 1_000_000;
/// Rounded times below ten seconds: 100 to the millisecond, 90 to ten, 90 to a hundred.
const FINE: usize = 280;
/// The table of fine counts grows by this many places.
const STEP: usize = 20;

/// Counts of rounded response times.
///
/// Below 100 ms a time is rounded to the millisecond, below 1 s to ten, below 10 s to a
/// hundred, above to the second; halves go to the even neighbour, as in Python's `round`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// Counts of times below ten seconds, as far as there are any.
    fine: Vec<u64>,
    /// Counts of longer times by whole seconds.
    coarse: BTreeMap<u64, u64>,
    count: u64,
}

impl Buckets {
    /// Counts one response time.
    pub fn record(&mut self, time: Nanos) {
        self.add(rounded(time), 1);
    }

    /// Adds everything other buckets have counted.
    pub fn merge(&mut self, other: &Self) {
        if self.fine.len() < other.fine.len() {
            self.fine.resize(other.fine.len(), 0);
        }
        for (mine, theirs) in self.fine.iter_mut().zip(&other.fine) {
            *mine += theirs;
        }
        for (&second, &count) in &other.coarse {
            *self.coarse.entry(second).or_default() += count;
        }
        self.count += other.count;
    }

    /// What was counted here since `earlier` was a copy of these buckets.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut difference = Self::default();
        let earlier: BTreeMap<u64, u64> = earlier.iter().collect();
        for (time, count) in self.iter() {
            let before = earlier.get(&time).copied().unwrap_or(0);
            difference.add(time, count.saturating_sub(before));
        }
        difference
    }

    /// How many response times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The rounded times in milliseconds and how often each occurred, from the shortest on.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        let fine = self
            .fine
            .iter()
            .enumerate()
            .map(|(place, &count)| (millis_at(place), count));
        let coarse = self
            .coarse
            .iter()
            .map(|(&second, &count)| (second * 1000, count));
        fine.chain(coarse).filter(|&(_, count)| count > 0)
    }

    /// The rounded time in milliseconds that a part of all response times stays within.
    ///
    /// Counts down from the longest: with `n = floor(count * part)`, the first time at which
    /// at most `n` times are left. Zero if nothing was counted.
    pub fn percentile(&self, part: f64) -> u64 {
        self.percentile_of(self.count, part)
    }

    /// Like [`Buckets::percentile`], of a given number of requests.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between zero and the count, and the cast saturates"
    )]
    pub fn percentile_of(&self, requests: u64, part: f64) -> u64 {
        let within = (requests as f64 * part) as u64;
        let mut above = 0;
        let mut times = self.iter().rev();
        let found = times.find(|&(_, count)| {
            above += count;
            requests.saturating_sub(above) <= within
        });
        found.map_or(0, |(time, _)| time)
    }

    /// Counts a rounded time, in milliseconds, as often as `times` says.
    pub fn add(&mut self, millis: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.count += times;
        match place_of(millis) {
            Some(place) => {
                if place >= self.fine.len() {
                    self.fine.resize((place / STEP + 1) * STEP, 0);
                }
                self.fine[place] += times;
            }
            None => *self.coarse.entry(millis / 1000).or_default() += times,
        }
    }
}

/// A response time as whole milliseconds, rounded the coarser the longer it is.
fn rounded(time: Nanos) -> u64 {
    let nanos = time.as_nanos();
    let unit = match nanos / MILLI {
        0..100 => 1,
        100..1_000 => 10,
        1_000..10_000 => 100,
        _ => 1_000,
    };
    half_even(nanos, unit * MILLI) * unit
}

/// How many times `unit` goes into `value`, a half rounded to the even number.
fn half_even(value: u64, unit: u64) -> u64 {
    let (whole, rest) = (value / unit, value % unit);
    let up = match (rest * 2).cmp(&unit) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    whole + u64::from(up)
}

/// Where a rounded time is counted, if it is below ten seconds.
fn place_of(millis: u64) -> Option<usize> {
    let place = match millis {
        0..100 => millis,
        100..1_000 => 90 + millis / 10,
        1_000..10_000 => 180 + millis / 100,
        _ => return None,
    };
    usize::try_from(place).ok()
}

/// The rounded time counted at a place.
fn millis_at(place: usize) -> u64 {
    debug_assert!(place < FINE, "longer times are counted by the second");
    let place = place as u64;
    match place {
        0..100 => place,
        100..190 => (place - 90) * 10,
        _ => (place - 180) * 100,
    }
}
