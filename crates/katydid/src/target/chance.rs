//! Seeded draws: which answer is slow, which checkout fails.
//!
//! The k-th draw of a kind depends on the seed and k alone, not on which
//! connection asked, so two runs with one seed and the same number of requests
//! hand out the same set of answers, in whatever order clients ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Named latency mixes of `/latency?mix=NAME`: parts of 1000 and milliseconds.
pub(crate) const MIXES: [(&str, &[(u32, u64)]); 4] = [
    ("web", &[(900, 5), (90, 50), (9, 500), (1, 5000)]),
    ("api", &[(500, 1), (400, 3), (90, 10), (10, 100)]),
    ("bimodal", &[(500, 2), (500, 40)]),
    ("stall", &[(999, 1), (1, 2000)]),
];

/// Endless draws of one kind, numbered from zero.
#[derive(Debug)]
pub(crate) struct Draws {
    key: u64,
    taken: AtomicU64,
}

impl Draws {
    /// Draws of the kind `tag` (any distinct number) under `seed`.
    pub(crate) fn new(seed: u64, tag: u64) -> Self {
        Self {
            key: scramble(seed ^ scramble(tag)),
            taken: AtomicU64::new(0),
        }
    }

    /// The next draw, 0 to 999.
    pub(crate) fn per_mille(&self) -> u32 {
        let index = self.taken.fetch_add(1, Ordering::Relaxed);
        let draw = scramble(self.key.wrapping_add(index)) % 1000;
        u32::try_from(draw).expect("less than 1000")
    }
}

/// The latency that a draw of 0 to 999 stands for in a mix.
pub(crate) fn latency(mix: &[(u32, u64)], draw: u32) -> Duration {
    let mut upper = 0;
    for &(parts, ms) in mix {
        upper += parts;
        if draw < upper {
            return Duration::from_millis(ms);
        }
    }
    Duration::ZERO
}

/// The finaliser of the `SplitMix64` generator: every bit depends on every bit.
pub(crate) fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mix_covers_all_draws() {
        for (name, mix) in MIXES {
            assert_eq!(mix.iter().map(|part| part.0).sum::<u32>(), 1000, "{name}");
        }
    }

    #[test]
    fn a_mix_hands_out_its_shares() {
        let draws = Draws::new(1, 7);
        let fast = (0..10_000)
            .filter(|_| latency(MIXES[0].1, draws.per_mille()) == Duration::from_millis(5))
            .count();
        assert!((8_800..9_200).contains(&fast), "{fast}");
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let sequence = |seed| {
            let draws = Draws::new(seed, 3);
            (0..50).map(|_| draws.per_mille()).collect::<Vec<_>>()
        };
        assert_eq!(sequence(5), sequence(5));
        assert_ne!(sequence(5), sequence(6));
    }
}
