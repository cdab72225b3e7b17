//! How many things happened in each of the last seconds.

/// How many seconds are kept, the newest included. Locust's current rates look at twelve.
pub const KEPT: u64 = 32;
const SLOTS: usize = 32;

/// Counts of the newest second and of those shortly before it.
///
/// Which seconds are kept depends on the newest alone, so merging in any order agrees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerSecond {
    /// The newest second that was counted, since the Unix epoch.
    newest: u64,
    /// The count of second `s` stands at `s % KEPT`; zero outside what is kept.
    counts: [u32; SLOTS],
}

impl PerSecond {
    /// Counts things in a second; those long before the newest are dropped.
    pub fn add(&mut self, second: u64, times: u32) {
        if second > self.newest {
            self.advance(second);
        } else if self.newest - second >= KEPT {
            return;
        }
        let count = &mut self.counts[slot(second)];
        *count = count.saturating_add(times);
    }

    /// Adds the counts of the same seconds.
    pub fn merge(&mut self, other: &Self) {
        if other.newest > self.newest {
            self.advance(other.newest);
        }
        for (second, count) in other.iter() {
            self.add(second, count);
        }
    }

    /// The count of a second, zero if it is not kept.
    pub fn get(&self, second: u64) -> u32 {
        let kept = second <= self.newest && self.newest - second < KEPT;
        if kept { self.counts[slot(second)] } else { 0 }
    }

    /// The sum over some seconds.
    pub fn sum(&self, seconds: std::ops::Range<u64>) -> u64 {
        seconds.map(|second| u64::from(self.get(second))).sum()
    }

    /// The seconds in which something was counted, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        let seconds = self.newest.saturating_sub(KEPT - 1)..=self.newest;
        seconds
            .map(|second| (second, self.get(second)))
            .filter(|&(_, count)| count > 0)
    }

    /// The same counts so many seconds later, or earlier.
    #[must_use]
    pub fn shifted(&self, by: i64) -> Self {
        let mut shifted = Self::default();
        for (second, count) in self.iter() {
            shifted.add(second.saturating_add_signed(by), count);
        }
        shifted
    }

    fn advance(&mut self, newest: u64) {
        if newest - self.newest >= KEPT {
            self.counts = [0; SLOTS];
        } else {
            for second in self.newest + 1..=newest {
                self.counts[slot(second)] = 0;
            }
        }
        self.newest = newest;
    }
}

/// Where a second is kept.
const fn slot(second: u64) -> usize {
    (second % KEPT) as usize
}
