//! What was counted in a stretch of a run, by name, so that it can be added up to longer ones.
//!
//! A window is small enough to be kept for each second of a run: counts, bytes, and a histogram of
//! the times of good and of failed requests. Windows merge to exactly what one over both would
//! have counted, so every number of every stretch comes from the same data.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::histogram::Histogram;
use crate::leb128::{self, write};
use crate::stats::{Entry, Stats};

/// Grows when bytes written before mean something else.
const FORMAT: u8 = 1;

/// What was counted in a stretch of a run. Names and errors are known by the numbers they have in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// By the number of the name.
    pub counts: BTreeMap<u32, Count>,
    /// By the number of the error, how often it occurred.
    pub errors: BTreeMap<u32, u64>,
}

/// What was counted under one name, or under all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// Finished requests, failed ones included.
    pub requests: u64,
    /// Failed requests, and errors reported without one.
    pub failures: u64,
    /// Bytes of the responses.
    pub bytes_in: u64,
    /// Bytes of the requests.
    pub bytes_out: u64,
    /// Times of the requests that succeeded.
    pub ok: Histogram,
    /// Times of those that failed.
    pub failed: Histogram,
}

/// Bytes that are no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes are no window: {0}")]
pub struct WindowError(&'static str);

impl Window {
    /// The window of what was counted, with the numbers that names and errors are to have.
    pub fn of(
        stats: &Stats,
        mut name: impl FnMut(crate::registry::KeyId) -> u32,
        mut error: impl FnMut(crate::registry::ErrorId) -> u32,
    ) -> Self {
        let mut window = Self::default();
        for (key, entry) in stats.entries() {
            if entry.requests > 0 || entry.failures > 0 {
                let count = window.counts.entry(name(key)).or_default();
                count.merge(&Count::from(&**entry));
            }
        }
        for (id, seen) in stats.errors() {
            *window.errors.entry(error(id)).or_default() += seen.occurrences;
        }
        window
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (&name, count) in &other.counts {
            self.counts.entry(name).or_default().merge(count);
        }
        for (&error, &occurrences) in &other.errors {
            *self.errors.entry(error).or_default() += occurrences;
        }
    }

    /// What was counted under all names.
    pub fn total(&self) -> Count {
        let mut total = Count::default();
        for count in self.counts.values() {
            total.merge(count);
        }
        total
    }

    /// The window as bytes, which [`Window::from_bytes`] reads; the same window gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        write(&mut bytes, self.counts.len() as u64);
        for (&name, count) in &self.counts {
            write(&mut bytes, name.into());
            for number in [
                count.requests,
                count.failures,
                count.bytes_in,
                count.bytes_out,
            ] {
                write(&mut bytes, number);
            }
            for histogram in [&count.ok, &count.failed] {
                let part = histogram.to_bytes();
                write(&mut bytes, part.len() as u64);
                bytes.extend(part);
            }
        }
        write(&mut bytes, self.errors.len() as u64);
        for (&error, &occurrences) in &self.errors {
            write(&mut bytes, error.into());
            write(&mut bytes, occurrences);
        }
        bytes
    }

    /// Reads a window that fills the bytes exactly.
    ///
    /// # Errors
    ///
    /// A [`WindowError`] if they are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WindowError> {
        let Some((&FORMAT, mut bytes)) = bytes.split_first() else {
            return Err(WindowError("another format"));
        };
        let bytes = &mut bytes;
        let mut window = Self::default();
        for _ in 0..read(bytes)? {
            let name = small(read(bytes)?)?;
            let count = Count {
                requests: read(bytes)?,
                failures: read(bytes)?,
                bytes_in: read(bytes)?,
                bytes_out: read(bytes)?,
                ok: histogram(bytes)?,
                failed: histogram(bytes)?,
            };
            if window.counts.insert(name, count).is_some() {
                return Err(WindowError("a name twice"));
            }
        }
        for _ in 0..read(bytes)? {
            let error = small(read(bytes)?)?;
            if window.errors.insert(error, read(bytes)?).is_some() {
                return Err(WindowError("an error twice"));
            }
        }
        if bytes.is_empty() {
            Ok(window)
        } else {
            Err(WindowError("something after it"))
        }
    }
}

impl Count {
    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.failures = self.failures.saturating_add(other.failures);
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.ok.merge(&other.ok);
        self.failed.merge(&other.failed);
    }

    /// The times of all requests.
    pub fn times(&self) -> Histogram {
        let mut times = self.ok.clone();
        times.merge(&self.failed);
        times
    }
}

impl From<&Entry> for Count {
    fn from(entry: &Entry) -> Self {
        Self {
            requests: entry.requests,
            failures: entry.failures,
            bytes_in: entry.bytes_in,
            bytes_out: entry.bytes_out,
            ok: entry.histograms.service_ok.clone(),
            failed: entry.histograms.service_failed.clone(),
        }
    }
}

fn histogram(bytes: &mut &[u8]) -> Result<Histogram, WindowError> {
    let short = WindowError("cut short");
    let length = usize::try_from(read(bytes)?).map_err(|_| short)?;
    let (part, rest) = bytes.split_at_checked(length).ok_or(short)?;
    *bytes = rest;
    Histogram::from_bytes(part).map_err(|_| WindowError("a histogram of it"))
}

fn small(number: u64) -> Result<u32, WindowError> {
    u32::try_from(number).map_err(|_| WindowError("a number too large"))
}

fn read(bytes: &mut &[u8]) -> Result<u64, WindowError> {
    let number = leb128::read(bytes).ok_or(WindowError("cut short"))?;
    number.map_err(|_| WindowError("a number too large"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Micros;

    fn windows() -> impl Strategy<Value = Window> {
        let times = prop::collection::vec(0_u64..100_000_000, 0..20);
        let count =
            (times.clone(), times, 0..u64::from(u32::MAX)).prop_map(|(ok, failed, bytes)| {
                let of = |times: &[u64]| {
                    let mut histogram = Histogram::default();
                    for &time in times {
                        histogram.record(Micros::from_micros(time));
                    }
                    histogram
                };
                Count {
                    requests: (ok.len() + failed.len()) as u64,
                    failures: failed.len() as u64,
                    bytes_in: bytes,
                    bytes_out: bytes / 3,
                    ok: of(&ok),
                    failed: of(&failed),
                }
            });
        let counts = prop::collection::btree_map(0_u32..50, count, 0..8);
        let errors = prop::collection::btree_map(0_u32..50, 1_u64..1_000, 0..8);
        (counts, errors).prop_map(|(counts, errors)| Window { counts, errors })
    }

    proptest! {
        #[test]
        fn bytes_lead_back_to_the_window(window in windows()) {
            prop_assert_eq!(Window::from_bytes(&window.to_bytes()), Ok(window));
        }

        #[test]
        fn windows_merge_in_any_grouping(one in windows(), two in windows(), three in windows()) {
            let mut left = one.clone();
            left.merge(&two);
            left.merge(&three);
            let mut right = two;
            right.merge(&three);
            let mut all = one;
            all.merge(&right);
            prop_assert_eq!(left, all);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Window::from_bytes(&bytes);
        }
    }
}
