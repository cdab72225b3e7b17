//! What the wire told of requests: status codes, and where the time went.

use crate::units::{Micros, Nanos};

/// The parts of a request's way, in the order it takes them.
///
/// All but the first make up the service time. Only requests on a new connection have `dns`, `connect`
/// and `tls`; `redirects` is everything before the last request of a redirect chain, in place of `send`.
pub const PHASES: [&str; 8] = [
    "blocked",
    "redirects",
    "dns",
    "connect",
    "tls",
    "send",
    "wait",
    "receive",
];

/// What the wire told of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// The status code of its response, zero if there was none.
    pub status: u16,
    /// Microseconds of each of the [`PHASES`], [`ABSENT`] of those it did not have.
    phases: [u32; PHASES.len()],
}

/// Stands for a part that a request did not have; none takes more than an hour.
const ABSENT: u32 = u32::MAX;
/// The parts that whatever was answered has had, however short they were: waiting and receiving.
const ALWAYS: std::ops::Range<usize> = 6..8;

/// What the wire told of many requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trips {
    /// Status codes, ascending, and how often each came.
    statuses: Vec<(u16, u64)>,
    /// In the order of [`PHASES`].
    phases: [Phase; PHASES.len()],
}

/// One part of the way of many requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phase {
    /// How many requests had it.
    pub count: u64,
    /// How long it took all of them together.
    pub sum: Micros,
    /// The longest time it took one of them.
    pub max: Micros,
}

impl Trip {
    /// The parts in the order of [`PHASES`], zero of those it did not have.
    pub fn new(status: u16, phases: [Nanos; PHASES.len()]) -> Self {
        let micros = |place: usize| {
            let time = phases[place];
            let is_there = time > Nanos::ZERO || (status > 0 && ALWAYS.contains(&place));
            let micros = u32::try_from(time.to_micros().as_micros()).unwrap_or(ABSENT);
            if is_there {
                micros.min(ABSENT - 1)
            } else {
                ABSENT
            }
        };
        Self {
            status,
            phases: std::array::from_fn(micros),
        }
    }
}

impl Trips {
    /// Counts one request.
    pub fn record(&mut self, trip: &Trip) {
        self.add_status(trip.status, 1);
        for (phase, &time) in self.phases.iter_mut().zip(&trip.phases) {
            if time != ABSENT {
                let time = Micros::from_micros(time.into());
                phase.merge(&Phase {
                    count: 1,
                    sum: time,
                    max: time,
                });
            }
        }
    }

    /// Adds what was told of others.
    pub fn merge(&mut self, other: &Self) {
        for &(status, count) in &other.statuses {
            self.add_status(status, count);
        }
        for (phase, other) in self.phases.iter_mut().zip(&other.phases) {
            phase.merge(other);
        }
    }

    /// Status codes, ascending, and how often each came; zero stands for no response.
    pub fn statuses(&self) -> &[(u16, u64)] {
        &self.statuses
    }

    /// In the order of [`PHASES`].
    pub fn phases(&self) -> &[Phase; PHASES.len()] {
        &self.phases
    }

    /// Puts together what was told elsewhere; statuses beyond 999 are none.
    pub fn from_parts(
        statuses: impl IntoIterator<Item = (u16, u64)>,
        phases: [Phase; PHASES.len()],
    ) -> Self {
        let mut trips = Self {
            phases,
            ..Self::default()
        };
        for (status, count) in statuses.into_iter().filter(|(status, _)| *status < 1000) {
            trips.add_status(status, count);
        }
        trips
    }

    fn add_status(&mut self, status: u16, times: u64) {
        // Names mostly have one or two, so a walk is the fastest search.
        let place = self.statuses.iter().position(|known| known.0 >= status);
        match place {
            Some(place) if self.statuses[place].0 == status => {
                let known = &mut self.statuses[place].1;
                *known = known.saturating_add(times);
            }
            place => {
                let place = place.unwrap_or(self.statuses.len());
                self.statuses.insert(place, (status, times));
            }
        }
    }
}

impl Phase {
    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        let sum = self.sum.as_micros().saturating_add(other.sum.as_micros());
        self.sum = Micros::from_micros(sum);
        self.max = self.max.max(other.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(status: u16, wait: u64) -> Trip {
        let mut phases = [Nanos::ZERO; PHASES.len()];
        phases[6] = Nanos::from_micros(wait);
        Trip::new(status, phases)
    }

    #[test]
    fn codes_are_counted_in_their_order_and_phases_where_there_are_any() {
        let mut one = Trips::default();
        for (status, wait) in [(503, 10), (200, 30), (0, 0), (200, 20)] {
            one.record(&trip(status, wait));
        }
        assert_eq!(one.statuses(), [(0, 1), (200, 2), (503, 1)]);
        let wait = one.phases()[6];
        assert_eq!(
            (wait.count, wait.sum.as_micros(), wait.max.as_micros()),
            (3, 60, 30)
        );
        assert_eq!(one.phases()[2], Phase::default());
        // Answers that came whole were received all the same.
        let receive = one.phases()[7];
        assert_eq!((receive.count, receive.sum), (3, Micros::default()));
    }

    #[test]
    fn merging_in_any_order_agrees() {
        let [mut one, mut other] = [Trips::default(), Trips::default()];
        one.record(&trip(404, 7));
        one.record(&trip(200, 9));
        other.record(&trip(301, 1));
        let (first, second) = (one.clone(), other.clone());
        one.merge(&second);
        other.merge(&first);
        assert_eq!(one, other);
        assert_eq!(
            one,
            Trips::from_parts(one.statuses().to_vec(), *one.phases())
        );
    }
}
