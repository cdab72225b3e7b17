//! How often each length of time occurred, to three significant digits.
//!
//! The bins are those of `HdrHistogram` with unit 1 us, range 1 us to 1 h and three significant
//! digits: up to 2.047 ms every microsecond has its own bin, above that each doubling of the
//! value has 1024 bins. Longer times are counted as one hour.
//!
//! A full table would be 90 KB, and there are six histograms for each name, so the table is
//! kept in chunks of 64 bins that exist only once something fell into them. A
//! bitmap says which exist; a chunk's place is the number of set bits before its own. A bin
//! is 16 bits wide; what does not fit is carried into a map of the higher bits, so a count is
//! exact at any size, and two histograms with the same content are equal field by field.

mod bytes;
mod compact;

use std::collections::BTreeMap;

pub use bytes::HistogramError;

use crate::units::Micros;

/// The longest time that is told apart from longer ones, one hour.
pub const HIGHEST: Micros = Micros::from_millis(3_600_000);

/// Bins for each doubling of the value.
const HALF_BINS: usize = 1024;
const HALF_BITS: u32 = HALF_BINS.trailing_zeros();
/// Bins that are allocated together.
const CHUNK_BINS: usize = 64;
const CHUNKS: usize = bin_of(HIGHEST) / CHUNK_BINS + 1;
const BITMAP_WORDS: usize = CHUNKS.div_ceil(64);

/// Points of a percentile spectrum for each halving of what is left.
const TICKS: u32 = 5;

type Chunk = [u16; CHUNK_BINS];

/// Counts of lengths of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Which chunks exist.
    present: [u64; BITMAP_WORDS],
    /// How many chunks exist before those of each bitmap word.
    before: [u16; BITMAP_WORDS],
    /// The chunks that exist, in the order of their bins.
    chunks: Vec<Chunk>,
    /// Multiples of 2^16 of the bins that have them.
    carries: BTreeMap<u16, u64>,
    count: u64,
    /// Sum of all recorded times in microseconds.
    sum: u64,
    /// Shortest and longest recorded time; meaningless while `count` is zero.
    min: u64,
    max: u64,
}

/// One bin that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// The longest time counted in this bin.
    pub upper: Micros,
    /// How many times fell into it.
    pub count: u64,
}

impl Histogram {
    /// Counts one length of time.
    pub fn record(&mut self, time: Micros) {
        self.record_n(time, 1);
    }

    /// Counts one length of time as often as `times` says.
    pub fn record_n(&mut self, time: Micros, times: u64) {
        if times == 0 {
            return;
        }
        let time = time.min(HIGHEST);
        self.add(bin_of(time), times);
        let value = time.as_micros();
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        } else {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
        self.count += times;
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
    }

    /// Adds everything another histogram has counted.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        for (chunk, theirs) in other.present_chunks() {
            let place = self.place(chunk);
            let mine = &mut self.chunks[place];
            // Without a branch for each bin, so that the processor adds many of them at a time.
            let mut over = false;
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine = mine.wrapping_add(*theirs);
                over |= *mine < *theirs;
            }
            if over {
                self.carry_over(chunk, place, theirs);
            }
        }
        for (&bin, &high) in &other.carries {
            self.carry(usize::from(bin), high);
        }
        if self.count == 0 {
            (self.min, self.max) = (other.min, other.max);
        } else {
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Parts of all times and what they stayed within, up to all of them: as many for each halving of
    /// what is left, as far as there are times to tell them apart. This is the step that `HdrHistogram`'s
    /// percentile files have, too.
    pub fn spectrum(&self) -> Vec<(f64, Micros)> {
        let Some(longest) = self.max() else {
            return Vec::new();
        };
        let count = self.count as f64;
        let mut points = Vec::new();
        for halving in 0.. {
            let left = 0.5_f64.powi(halving);
            if left * count < 1.0 {
                break;
            }
            for tick in 0..TICKS {
                let part = 1.0 - left * (1.0 - f64::from(tick) / f64::from(TICKS) / 2.0);
                // A bin reaches beyond the longest time in it; a percentile must not.
                points.push((part, self.value_at_quantile(part).min(longest)));
            }
        }
        points.push((1.0, longest));
        points
    }

    /// What was counted since this one was as the other is; `None` if it never was.
    ///
    /// Bins and sum are exact; of the shortest and the longest time only the bin is known.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let mut since = Self::default();
        let mut before = earlier.counted().peekable();
        for Counted { bin, count } in self.counted() {
            let then = before.next_if(|then| then.bin <= bin);
            let then = match then {
                Some(then) if then.bin < bin => return None,
                then => then.map_or(0, |then| then.count),
            };
            since.record_n(upper(bin), count.checked_sub(then)?);
        }
        since.sum = self.sum.checked_sub(earlier.sum)?;
        before.next().is_none().then_some(since)
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was counted yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The shortest time, exactly.
    pub fn min(&self) -> Option<Micros> {
        (self.count > 0).then_some(Micros::from_micros(self.min))
    }

    /// The longest time, exactly, or one hour.
    pub fn max(&self) -> Option<Micros> {
        (self.count > 0).then_some(Micros::from_micros(self.max))
    }

    /// The mean in microseconds, from the exact sum.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The sum of all times, exactly.
    pub fn sum(&self) -> Micros {
        Micros::from_micros(self.sum)
    }

    /// The longest time of the bin in which the given part of all times is reached.
    ///
    /// The same number `HdrHistogram` gives, zero if nothing was counted.
    pub fn value_at_quantile(&self, quantile: f64) -> Micros {
        self.values_at([quantile])[0]
    }

    /// Several quantiles, given from the lowest to the highest, in one walk.
    ///
    /// See [`Histogram::value_at_quantile`].
    pub fn values_at<const N: usize>(&self, quantiles: [f64; N]) -> [Micros; N] {
        let mut values = [Micros::ZERO; N];
        let mut wanted = 0;
        let mut seen = 0;
        for Counted { bin, count } in self.counted() {
            seen += count;
            while wanted < N && seen >= self.rank(quantiles[wanted]) {
                let at_start = quantiles[wanted] <= 0.0;
                values[wanted] = if at_start { lower(bin) } else { upper(bin) };
                wanted += 1;
            }
            if wanted == N {
                break;
            }
        }
        values
    }

    /// How many times are in the bin of this one or below.
    pub fn count_up_to(&self, time: Micros) -> u64 {
        let last = bin_of(time.min(HIGHEST));
        let counted = self.counted().take_while(|counted| counted.bin <= last);
        counted.map(|counted| counted.count).sum()
    }

    /// The bins that are not empty, from the shortest time to the longest.
    pub fn bins(&self) -> impl Iterator<Item = Bin> + '_ {
        self.counted().map(|Counted { bin, count }| Bin {
            upper: upper(bin),
            count,
        })
    }

    /// How many of all times, in order, make up a quantile; at least the first one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between zero and the count, and the cast saturates"
    )]
    fn rank(&self, quantile: f64) -> u64 {
        ((quantile.min(1.0) * self.count as f64).ceil() as u64).clamp(1, self.count)
    }

    fn add(&mut self, bin: usize, times: u64) {
        let place = self.place(bin / CHUNK_BINS);
        let low = &mut self.chunks[place][bin % CHUNK_BINS];
        let sum = u64::from(*low) + times;
        *low = low_bits(sum);
        if sum > u64::from(u16::MAX) {
            self.carry(bin, sum >> u16::BITS);
        }
    }

    /// Where a chunk is kept; it is made if it does not exist.
    fn place(&mut self, chunk: usize) -> usize {
        let (word, bit) = (chunk / 64, 1_u64 << (chunk % 64));
        let lower_bits = self.present[word] & (bit - 1);
        let place = usize::from(self.before[word]) + lower_bits.count_ones() as usize;
        if self.present[word] & bit == 0 {
            self.insert(word, bit, place);
        }
        place
    }

    #[cold]
    fn insert(&mut self, word: usize, bit: u64, place: usize) {
        self.chunks.insert(place, [0; CHUNK_BINS]);
        self.present[word] |= bit;
        for before in &mut self.before[word + 1..] {
            *before += 1;
        }
    }

    /// Carries what was lost when a chunk was added to the one at a place.
    #[cold]
    fn carry_over(&mut self, chunk: usize, place: usize, added: &Chunk) {
        for (offset, &count) in added.iter().enumerate() {
            if self.chunks[place][offset] < count {
                self.carry(chunk * CHUNK_BINS + offset, 1);
            }
        }
    }

    #[cold]
    fn carry(&mut self, bin: usize, high: u64) {
        let bin = u16::try_from(bin).expect("there are fewer than 2^16 bins");
        *self.carries.entry(bin).or_default() += high;
    }

    /// The chunks that exist, with their numbers.
    fn present_chunks(&self) -> impl Iterator<Item = (usize, &Chunk)> {
        let words = self.present.iter().enumerate();
        let numbers = words.flat_map(|(word, &bits)| Bits(bits).map(move |bit| word * 64 + bit));
        numbers.zip(&self.chunks)
    }

    fn counted(&self) -> impl Iterator<Item = Counted> + '_ {
        let bins = self.present_chunks().flat_map(|(chunk, counts)| {
            let first = chunk * CHUNK_BINS;
            counts
                .iter()
                .enumerate()
                .map(move |(offset, &count)| (first + offset, count))
        });
        bins.filter_map(|(bin, low)| {
            let high = if self.carries.is_empty() {
                0
            } else {
                self.high(bin)
            };
            let count = high << u16::BITS | u64::from(low);
            (count > 0).then_some(Counted { bin, count })
        })
    }

    fn high(&self, bin: usize) -> u64 {
        let bin = u16::try_from(bin).expect("there are fewer than 2^16 bins");
        self.carries.get(&bin).copied().unwrap_or(0)
    }
}

/// The places of the bits that are set, from the lowest on.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let bit = (self.0 != 0).then(|| self.0.trailing_zeros() as usize);
        self.0 &= self.0.wrapping_sub(1);
        bit
    }
}

struct Counted {
    bin: usize,
    count: u64,
}

/// The lower 16 bits of a count.
#[expect(clippy::cast_possible_truncation, reason = "the rest is carried")]
fn low_bits(count: u64) -> u16 {
    count as u16
}

/// How often the value range doubled below the bins of this value.
const fn doublings(value: u64) -> u32 {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.saturating_sub(HALF_BITS + 1)
}

/// The bin that counts a time of at most [`HIGHEST`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "less than 2^32 microseconds"
)]
const fn bin_of(time: Micros) -> usize {
    let value = time.as_micros();
    let doublings = doublings(value);
    doublings as usize * HALF_BINS + (value >> doublings) as usize
}

/// The shortest time counted in a bin.
fn lower(bin: usize) -> Micros {
    let doublings = (bin / HALF_BINS).saturating_sub(1);
    let within = (bin - doublings * HALF_BINS) as u64;
    Micros::from_micros(within << doublings)
}

/// The longest time counted in a bin.
fn upper(bin: usize) -> Micros {
    let doublings = (bin / HALF_BINS).saturating_sub(1);
    let within = (bin - doublings * HALF_BINS) as u64;
    Micros::from_micros(((within + 1) << doublings) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_range_takes_about_a_kilobyte() {
        let mut histogram = Histogram::default();
        for micros in 100..400 {
            histogram.record(Micros::from_micros(micros));
        }
        histogram.record(Micros::from_millis(3_000));
        let chunks = size_of::<Chunk>() * histogram.chunks.len();
        assert!(chunks + size_of::<Histogram>() <= 1_100, "{chunks}");
    }
}
