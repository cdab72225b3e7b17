//! Which numbered reports of a worker were counted, in whatever order they come.

use std::collections::BTreeSet;

/// How far back a report may come; a worker has a few dozen under way at most.
const WINDOW: u64 = 1_024;

/// The numbers that were seen, from 1 on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// All up to this one were, or are too old.
    up_to: u64,
    /// Those behind the first gap.
    beyond: BTreeSet<u64>,
}

impl Numbers {
    /// Those that were written down.
    pub fn new(up_to: u64, beyond: impl IntoIterator<Item = u64>) -> Self {
        let mut numbers = Self {
            up_to,
            beyond: BTreeSet::new(),
        };
        for number in beyond {
            numbers.take(number);
        }
        numbers
    }

    /// Takes a number in; false if it was seen before.
    pub fn take(&mut self, number: u64) -> bool {
        if number <= self.up_to || !self.beyond.insert(number) {
            return false;
        }
        let newest = self.beyond.last().copied().unwrap_or(self.up_to);
        self.up_to = self.up_to.max(newest.saturating_sub(WINDOW));
        while let Some(&first) = self.beyond.first() {
            if first > self.up_to + 1 {
                break;
            }
            self.up_to = self.up_to.max(first);
            self.beyond.pop_first();
        }
        true
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.up_to == 0 && self.beyond.is_empty()
    }

    /// Whether some are missing before the newest.
    pub fn has_gap(&self) -> bool {
        !self.beyond.is_empty()
    }

    /// All up to this one were seen.
    pub fn up_to(&self) -> u64 {
        self.up_to
    }

    /// Those behind the first gap.
    pub fn beyond(&self) -> impl Iterator<Item = u64> {
        self.beyond.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_in_any_order() {
        let mut numbers = Numbers::default();
        assert!(numbers.is_empty());
        for number in [1, 3, 4, 2, 6] {
            assert!(numbers.take(number));
            assert!(!numbers.take(number));
        }
        assert_eq!((numbers.up_to(), numbers.has_gap()), (4, true));
        assert_eq!(Numbers::new(4, [6]), numbers);
        assert!(numbers.take(5));
        assert_eq!((numbers.up_to(), numbers.has_gap()), (6, false));
    }

    #[test]
    fn what_is_long_ago_is_not_kept() {
        let mut numbers = Numbers::default();
        for number in (2..100_000).step_by(2) {
            numbers.take(number);
        }
        assert!(numbers.beyond().count() <= 1_024);
        assert!(!numbers.take(1));
    }
}
