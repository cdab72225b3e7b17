//! A histogram as bytes, for the wire and the store.
//!
//! A run of LEB128 numbers: how many bins are not empty, then for each the distance from the one
//! before and its count, then the shortest and the longest time and the sum. A few hundred bytes
//! for most names; the same histogram always gives the same bytes.

use thiserror::Error;

use crate::leb128::{self, write};

use super::{Counted, HIGHEST, Histogram, bin_of};

/// The largest count that is read: nine years of a million a second, so that sums cannot overflow.
pub(super) const MOST: u64 = 1 << 48;

/// Bytes that are not a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HistogramError {
    /// They end too early.
    #[error("the histogram is cut short")]
    Short,
    /// They go on after the histogram.
    #[error("there is something after the histogram")]
    Trailing,
    /// A number in them is impossible.
    #[error("the histogram contradicts itself")]
    Impossible,
}

impl Histogram {
    /// The histogram as bytes, which [`Histogram::from_bytes`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, self.counted().count() as u64);
        let mut next = 0;
        for Counted { bin, count } in self.counted() {
            write(&mut bytes, (bin - next) as u64);
            write(&mut bytes, count);
            next = bin + 1;
        }
        if self.count > 0 {
            write(&mut bytes, self.min);
            write(&mut bytes, self.max);
            write(&mut bytes, self.sum);
        }
        bytes
    }

    /// Reads a histogram that fills the bytes exactly.
    ///
    /// # Errors
    ///
    /// A [`HistogramError`] if they are anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, HistogramError> {
        let mut histogram = Self::default();
        let bins = read(&mut bytes)?;
        let (mut next, mut bounds) = (0_usize, None);
        for _ in 0..bins {
            let gap = usize::try_from(read(&mut bytes)?).map_err(|_| HistogramError::Impossible)?;
            let count = read(&mut bytes)?;
            let bin = next.checked_add(gap).filter(|&bin| bin <= bin_of(HIGHEST));
            let bin = bin
                .filter(|_| count > 0)
                .ok_or(HistogramError::Impossible)?;
            let sum = histogram.count.checked_add(count);
            histogram.count = sum
                .filter(|&sum| sum <= MOST)
                .ok_or(HistogramError::Impossible)?;
            histogram.add(bin, count);
            let (first, _) = bounds.unwrap_or((bin, bin));
            bounds = Some((first, bin));
            next = bin + 1;
        }
        if let Some((first, last)) = bounds {
            histogram.min = read(&mut bytes)?;
            histogram.max = read(&mut bytes)?;
            histogram.sum = read(&mut bytes)?;
            let fits = |time: u64, bin: usize| {
                time <= HIGHEST.as_micros()
                    && bin_of(crate::units::Micros::from_micros(time)) == bin
            };
            if !fits(histogram.min, first) || !fits(histogram.max, last) {
                return Err(HistogramError::Impossible);
            }
        }
        if bytes.is_empty() {
            Ok(histogram)
        } else {
            Err(HistogramError::Trailing)
        }
    }
}

pub(super) fn read(bytes: &mut &[u8]) -> Result<u64, HistogramError> {
    let number = leb128::read(bytes).ok_or(HistogramError::Short)?;
    number.map_err(|_| HistogramError::Impossible)
}
