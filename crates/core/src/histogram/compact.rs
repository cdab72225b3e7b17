//! A histogram in as few bytes as it takes, for windows that are kept by the thousand.
//!
//! Most bins of a second hold one time, so a bin's distance from the one before it says in its lowest
//! bit whether a count follows. The shortest and the longest time are kept as places within their
//! bins, and the sum as what it has beyond the bins' lower ends.
//!
//! Times from *due* on are times from *taken up* on with a little lateness, so they are written beside
//! those: both sorted, how many bins each is ahead, neighbours that are ahead as far together.

use crate::leb128::write;

use super::bytes::{MOST, read};
use super::{Counted, HIGHEST, Histogram, HistogramError, bin_of, lower};
use crate::units::Micros;

/// How a histogram stands beside another one.
const EQUAL: u8 = 0;
const AHEAD: u8 = 1;
const ALONE: u8 = 2;

impl Histogram {
    /// Adds the histogram to bytes, for [`Histogram::read_compact`].
    pub(crate) fn write_compact(&self, bytes: &mut Vec<u8>) {
        write(bytes, self.counted().count() as u64);
        let mut next = 0;
        for Counted { bin, count } in self.counted() {
            write(bytes, (bin - next) as u64 * 2 + u64::from(count > 1));
            if count > 1 {
                write(bytes, count - 2);
            }
            next = bin + 1;
        }
        if let Some(ends) = self.ends() {
            self.write_ends(ends, self.least_sum(), bytes);
        }
    }

    /// Takes a histogram off the front of bytes.
    ///
    /// # Errors
    ///
    /// A [`HistogramError`] if there is none.
    pub(crate) fn read_compact(bytes: &mut &[u8]) -> Result<Self, HistogramError> {
        let mut histogram = Self::default();
        let mut next = 0_usize;
        for _ in 0..read(bytes)? {
            let gap = read(bytes)?;
            let count = match gap % 2 {
                0 => 1,
                _ => read(bytes)?
                    .checked_add(2)
                    .ok_or(HistogramError::Impossible)?,
            };
            let gap = usize::try_from(gap / 2).map_err(|_| HistogramError::Impossible)?;
            let bin = next.checked_add(gap).ok_or(HistogramError::Impossible)?;
            histogram.take_in(bin, count)?;
            next = bin + 1;
        }
        let least = histogram.least_sum();
        histogram.read_ends(least, bytes)?;
        Ok(histogram)
    }

    /// Adds the histogram to bytes, for one who knows the other one and calls
    /// [`Histogram::read_beside`].
    pub(crate) fn write_beside(&self, other: &Self, bytes: &mut Vec<u8>) {
        if self == other {
            bytes.push(EQUAL);
            return;
        }
        let mut alone = vec![ALONE];
        self.write_compact(&mut alone);
        let ahead = self.ahead_of(other).zip(self.ends()).map(|(runs, ends)| {
            let mut ahead = vec![AHEAD];
            write(&mut ahead, runs.len() as u64);
            for (bins, length) in runs {
                write(&mut ahead, bins as u64 * 2 + u64::from(length > 1));
                if length > 1 {
                    write(&mut ahead, length - 2);
                }
            }
            self.write_ends(ends, other.sum, &mut ahead);
            ahead
        });
        let shorter = ahead.filter(|ahead| ahead.len() < alone.len());
        bytes.extend(shorter.unwrap_or(alone));
    }

    /// Takes a histogram off the front of bytes that was written beside this other one.
    ///
    /// # Errors
    ///
    /// A [`HistogramError`] if there is none.
    pub(crate) fn read_beside(bytes: &mut &[u8], other: &Self) -> Result<Self, HistogramError> {
        let (&how, rest) = bytes.split_first().ok_or(HistogramError::Short)?;
        *bytes = rest;
        match how {
            EQUAL => return Ok(other.clone()),
            ALONE => return Self::read_compact(bytes),
            AHEAD => {}
            _ => return Err(HistogramError::Impossible),
        }
        let mut histogram = Self::default();
        let mut theirs = other.counted();
        let mut left = Counted { bin: 0, count: 0 };
        for _ in 0..read(bytes)? {
            let bins = read(bytes)?;
            let mut length = match bins % 2 {
                0 => 1,
                _ => read(bytes)?
                    .checked_add(2)
                    .ok_or(HistogramError::Impossible)?,
            };
            let bins = usize::try_from(bins / 2).map_err(|_| HistogramError::Impossible)?;
            while length > 0 {
                if left.count == 0 {
                    left = theirs.next().ok_or(HistogramError::Impossible)?;
                }
                let count = length.min(left.count);
                let bin = left.bin.checked_add(bins);
                histogram.take_in(bin.ok_or(HistogramError::Impossible)?, count)?;
                length -= count;
                left.count -= count;
            }
        }
        if left.count > 0 || theirs.next().is_some() {
            return Err(HistogramError::Impossible);
        }
        histogram.read_ends(other.sum, bytes)?;
        Ok(histogram)
    }

    /// With both sorted, how many bins times are ahead of the other one's, and how many in a row;
    /// none if they are not as many, or one of them is behind.
    fn ahead_of(&self, other: &Self) -> Option<Vec<(usize, u64)>> {
        if self.count != other.count {
            return None;
        }
        let (mut mine, mut theirs) = (self.counted(), other.counted());
        let mut runs = Vec::<(usize, u64)>::new();
        let (mut me, mut them) = (mine.next()?, theirs.next()?);
        loop {
            let count = me.count.min(them.count);
            let bins = me.bin.checked_sub(them.bin)?;
            match runs.last_mut() {
                Some((before, length)) if *before == bins => *length += count,
                _ => runs.push((bins, count)),
            }
            me.count -= count;
            them.count -= count;
            if me.count == 0 {
                match mine.next() {
                    Some(next) => me = next,
                    None => return Some(runs),
                }
            }
            if them.count == 0 {
                them = theirs.next()?;
            }
        }
    }

    /// Counts times of a bin that a stranger has named.
    fn take_in(&mut self, bin: usize, count: u64) -> Result<(), HistogramError> {
        let sum = self.count.checked_add(count).filter(|&sum| sum <= MOST);
        self.count = sum.ok_or(HistogramError::Impossible)?;
        if bin > bin_of(HIGHEST) {
            return Err(HistogramError::Impossible);
        }
        self.add(bin, count);
        Ok(())
    }

    /// The first and the last bin that are not empty.
    fn ends(&self) -> Option<(usize, usize)> {
        let mut bins = self.counted().map(|counted| counted.bin);
        let first = bins.next()?;
        Some((first, bins.last().unwrap_or(first)))
    }

    /// The least that the times can come to.
    fn least_sum(&self) -> u64 {
        self.counted().fold(0, |sum, Counted { bin, count }| {
            sum.wrapping_add(lower(bin).as_micros().wrapping_mul(count))
        })
    }

    fn write_ends(&self, (first, last): (usize, usize), sum: u64, bytes: &mut Vec<u8>) {
        write(bytes, self.min - lower(first).as_micros());
        write(bytes, self.max - lower(last).as_micros());
        write(bytes, self.sum.wrapping_sub(sum));
    }

    fn read_ends(&mut self, sum: u64, bytes: &mut &[u8]) -> Result<(), HistogramError> {
        let Some((first, last)) = self.ends() else {
            return Ok(());
        };
        let mut time = |bin| {
            let time = lower(bin).as_micros().saturating_add(read(bytes)?);
            let fits = time <= HIGHEST.as_micros() && bin_of(Micros::from_micros(time)) == bin;
            fits.then_some(time).ok_or(HistogramError::Impossible)
        };
        self.min = time(first)?;
        self.max = time(last)?;
        self.sum = sum.wrapping_add(read(bytes)?);
        Ok(())
    }
}
