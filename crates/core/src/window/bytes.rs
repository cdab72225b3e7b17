//! A window as bytes, for the store: the same window always gives the same ones.
//!
//! The first byte is the format. The second format has what the first one has (counts, bytes and two
//! histograms of each name, and errors), in fewer bytes, and response times, statuses, phases and
//! lateness besides; after that iterations, if there were any.

use thiserror::Error;

use crate::histogram::{Histogram, HistogramError};
use crate::iteration::Iterations;
use crate::leb128::{self, write};
use crate::trip::{PHASES, Phase, Trips};
use crate::units::Micros;

use super::{Count, Window};

/// Grows when bytes written before mean something else.
const FORMAT: u8 = 2;
const FIRST_FORMAT: u8 = 1;

/// Bytes that are no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes are no window: {0}")]
pub struct WindowError(pub(super) &'static str);

impl Window {
    /// The window as bytes, which [`Window::from_bytes`] reads.
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
            count.ok.write_compact(&mut bytes);
            count.failed.write_compact(&mut bytes);
            count.response_ok.write_beside(&count.ok, &mut bytes);
            count
                .response_failed
                .write_beside(&count.failed, &mut bytes);
            write_trips(&count.trips, &mut bytes);
        }
        write(&mut bytes, self.errors.len() as u64);
        for (&error, &occurrences) in &self.errors {
            write(&mut bytes, error.into());
            write(&mut bytes, occurrences);
        }
        self.lateness.write_compact(&mut bytes);
        if !self.iterations.is_empty() {
            write_iterations(&self.iterations, &mut bytes);
        }
        bytes
    }

    /// Reads a window of any format so far that fills the bytes exactly.
    ///
    /// # Errors
    ///
    /// A [`WindowError`] if they are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WindowError> {
        let Some((&format, mut bytes)) = bytes.split_first() else {
            return Err(WindowError("there are none"));
        };
        let read_count = match format {
            FORMAT => count,
            FIRST_FORMAT => first_count,
            _ => return Err(WindowError("another format")),
        };
        let bytes = &mut bytes;
        let mut window = Self::default();
        for _ in 0..read(bytes)? {
            let name = small(read(bytes)?)?;
            let count = read_count(bytes)?;
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
        if format == FORMAT {
            window.lateness = Histogram::read_compact(bytes)?;
            if !bytes.is_empty() {
                window.iterations = iterations(bytes)?;
            }
        }
        if bytes.is_empty() {
            Ok(window)
        } else {
            Err(WindowError("something after it"))
        }
    }
}

impl From<HistogramError> for WindowError {
    fn from(_: HistogramError) -> Self {
        Self("a histogram of it")
    }
}

fn first_count(bytes: &mut &[u8]) -> Result<Count, WindowError> {
    let histogram = |bytes: &mut &[u8]| {
        let short = WindowError("cut short");
        let length = usize::try_from(read(bytes)?).map_err(|_| short)?;
        let (part, rest) = bytes.split_at_checked(length).ok_or(short)?;
        *bytes = rest;
        Ok::<_, WindowError>(Histogram::from_bytes(part)?)
    };
    Ok(Count {
        requests: read(bytes)?,
        failures: read(bytes)?,
        bytes_in: read(bytes)?,
        bytes_out: read(bytes)?,
        ok: histogram(bytes)?,
        failed: histogram(bytes)?,
        ..Count::default()
    })
}

fn count(bytes: &mut &[u8]) -> Result<Count, WindowError> {
    let [requests, failures, bytes_in, bytes_out] =
        [read(bytes)?, read(bytes)?, read(bytes)?, read(bytes)?];
    let ok = Histogram::read_compact(bytes)?;
    let failed = Histogram::read_compact(bytes)?;
    Ok(Count {
        requests,
        failures,
        bytes_in,
        bytes_out,
        response_ok: Histogram::read_beside(bytes, &ok)?,
        response_failed: Histogram::read_beside(bytes, &failed)?,
        trips: trips(bytes)?,
        ok,
        failed,
    })
}

/// Statuses, then which phases there are, and of each its count, its sum and its longest time.
fn write_trips(trips: &Trips, bytes: &mut Vec<u8>) {
    write(bytes, trips.statuses().len() as u64);
    for &(status, count) in trips.statuses() {
        write(bytes, status.into());
        write(bytes, count);
    }
    let phases = trips.phases().iter().enumerate();
    let present = phases.fold(0_u64, |present, (place, phase)| {
        present | u64::from(*phase != Phase::default()) << place
    });
    write(bytes, present);
    for phase in trips.phases().iter().filter(|it| **it != Phase::default()) {
        write(bytes, phase.count);
        write(bytes, phase.sum.as_micros());
        write(bytes, phase.max.as_micros());
    }
}

fn trips(bytes: &mut &[u8]) -> Result<Trips, WindowError> {
    let mut statuses = Vec::new();
    for _ in 0..read(bytes)? {
        let status = u16::try_from(read(bytes)?).ok();
        let status = status.filter(|&status| {
            status < 1_000 && statuses.last().is_none_or(|&(last, _)| last < status)
        });
        statuses.push((status.ok_or(WindowError("a status of it"))?, read(bytes)?));
    }
    let present = read(bytes)?;
    if present >> PHASES.len() != 0 {
        return Err(WindowError("a phase that there is not"));
    }
    let mut phases = [Phase::default(); PHASES.len()];
    for (place, phase) in phases.iter_mut().enumerate() {
        if present >> place & 1 == 1 {
            *phase = Phase {
                count: read(bytes)?,
                sum: Micros::from_micros(read(bytes)?),
                max: Micros::from_micros(read(bytes)?),
            };
        }
    }
    Ok(Trips::from_parts(statuses, phases))
}

fn write_iterations(all: &Iterations, bytes: &mut Vec<u8>) {
    for number in [all.due, all.started, all.finished, all.late, all.dropped] {
        write(bytes, number);
    }
    all.lateness.write_compact(bytes);
}

fn iterations(bytes: &mut &[u8]) -> Result<Iterations, WindowError> {
    let all = Iterations {
        due: read(bytes)?,
        started: read(bytes)?,
        finished: read(bytes)?,
        late: read(bytes)?,
        dropped: read(bytes)?,
        lateness: Histogram::read_compact(bytes)?,
        ..Iterations::default()
    };
    // Otherwise the same window would have other bytes, too.
    if all.is_empty() {
        return Err(WindowError("iterations that there are not"));
    }
    Ok(all)
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
    use crate::window::Second;

    /// Times, and how much later than due each was taken up.
    type Late = Vec<(u64, u64)>;

    fn histogram(times: impl Iterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for time in times {
            histogram.record(Micros::from_micros(time));
        }
        histogram
    }

    fn trips() -> impl Strategy<Value = Trips> {
        let statuses = prop::collection::btree_map(0_u16..1_000, 1_u64..1_000, 0..4);
        let phase = (0_u64..3, 0_u64..1_000_000).prop_map(|(count, sum)| Phase {
            count,
            sum: Micros::from_micros(sum),
            max: Micros::from_micros(sum / 2),
        });
        (statuses, prop::array::uniform8(phase))
            .prop_map(|(statuses, phases)| Trips::from_parts(statuses, phases))
    }

    fn windows() -> impl Strategy<Value = Window> {
        let times = prop::collection::vec((0_u64..100_000_000, 0_u64..3_000), 0..20);
        let count = (times.clone(), times, 0..u64::from(u32::MAX), trips()).prop_map(
            |(ok, failed, bytes, trips): (Late, Late, _, _)| Count {
                requests: (ok.len() + failed.len()) as u64,
                failures: failed.len() as u64,
                bytes_in: bytes,
                bytes_out: bytes / 3,
                ok: histogram(ok.iter().map(|it| it.0)),
                failed: histogram(failed.iter().map(|it| it.0)),
                response_ok: histogram(ok.iter().map(|it| it.0 + it.1)),
                response_failed: histogram(failed.iter().map(|it| it.0 + it.1)),
                trips,
            },
        );
        let counts = prop::collection::btree_map(0_u32..50, count, 0..8);
        let errors = prop::collection::btree_map(0_u32..50, 1_u64..1_000, 0..8);
        let lateness = prop::collection::vec(0_u64..10_000, 0..20);
        let begun = prop::collection::vec(0_u64..40_000, 0..20);
        let all = (counts, errors, lateness, begun, 0_u64..5);
        all.prop_map(|(counts, errors, lateness, begun, dropped)| Window {
            counts,
            errors,
            lateness: histogram(lateness.into_iter()),
            iterations: Iterations {
                due: begun.len() as u64 + dropped,
                started: begun.len() as u64,
                finished: begun.len() as u64 / 2,
                late: begun.iter().filter(|&&micros| micros > 10_000).count() as u64,
                dropped,
                lateness: histogram(begun.into_iter()),
                ..Iterations::default()
            },
        })
    }

    /// The bytes that the first format has for a window.
    fn in_first_format(window: &Window) -> Vec<u8> {
        let mut bytes = vec![FIRST_FORMAT];
        write(&mut bytes, window.counts.len() as u64);
        for (&name, count) in &window.counts {
            let numbers = [
                count.requests,
                count.failures,
                count.bytes_in,
                count.bytes_out,
            ];
            write(&mut bytes, name.into());
            for number in numbers {
                write(&mut bytes, number);
            }
            for histogram in [&count.ok, &count.failed] {
                let part = histogram.to_bytes();
                write(&mut bytes, part.len() as u64);
                bytes.extend(part);
            }
        }
        write(&mut bytes, window.errors.len() as u64);
        for (&error, &occurrences) in &window.errors {
            write(&mut bytes, error.into());
            write(&mut bytes, occurrences);
        }
        bytes
    }

    proptest! {
        #[test]
        fn bytes_lead_back_to_the_window(window in windows()) {
            prop_assert_eq!(Window::from_bytes(&window.to_bytes()), Ok(window));
        }

        #[test]
        fn what_the_first_format_has_is_read_and_the_rest_is_empty(mut window in windows()) {
            let bytes = in_first_format(&window);
            window.lateness = Histogram::default();
            window.iterations = Iterations::default();
            for count in window.counts.values_mut() {
                count.response_ok = Histogram::default();
                count.response_failed = Histogram::default();
                count.trips = Trips::default();
            }
            prop_assert_eq!(Window::from_bytes(&bytes), Ok(window));
        }

        #[test]
        fn windows_merge_in_any_grouping(one in windows(), two in windows(), three in windows()) {
            let mut left = one.clone();
            left.merge(&two);
            left.merge(&three);
            let mut right = three;
            right.merge(&two);
            let mut all = right;
            all.merge(&one);
            prop_assert_eq!(left, all);
        }

        #[test]
        fn times_from_due_on_are_read_whatever_they_are_beside(one in windows(), two in windows()) {
            // A stranger's, or one of a clock that was set: they need not be later.
            let mut window = one;
            for (count, other) in window.counts.values_mut().zip(two.counts.values()) {
                count.response_ok = other.ok.clone();
            }
            prop_assert_eq!(Window::from_bytes(&window.to_bytes()), Ok(window));
        }

        #[test]
        fn seconds_are_read_as_they_were_written(windows in prop::collection::vec(windows(), 0..4), t in any::<u32>()) {
            let seconds = (u64::from(t)..).zip(windows).map(|(t, window)| Second { t, users: 3, wanted: 4, window });
            let seconds: Vec<_> = seconds.collect();
            prop_assert_eq!(Second::all_from_bytes(&Second::all_to_bytes(&seconds)), Ok(seconds));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read_and_merge(&bytes)?;
            let _ = Second::all_from_bytes(&[&[1], &bytes[..]].concat());
        }

        #[test]
        fn harmed_bytes_are_read_without_harm(window in windows(), at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = window.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if cut {
                bytes.truncate(at);
            }
            read_and_merge(&bytes)?;
        }
    }

    /// If bytes are a window, it can be written, read and added to others.
    fn read_and_merge(bytes: &[u8]) -> Result<(), TestCaseError> {
        for format in [FIRST_FORMAT, FORMAT] {
            let bytes = [&[format], bytes.get(1..).unwrap_or_default()].concat();
            if let Ok(window) = Window::from_bytes(&bytes) {
                let again = Window::from_bytes(&window.to_bytes());
                prop_assert_eq!(again.as_ref(), Ok(&window));
                let mut double = window.clone();
                double.merge(&window);
                double.total().response_times();
            }
        }
        Ok(())
    }
}
