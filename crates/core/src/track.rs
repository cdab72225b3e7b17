//! What happened under each name over the time of a run, in bounded memory.
//!
//! A [`Track`] covers the whole run: where its points would be too many, neighbours become one with the
//! sum of their counts and the larger of their times, so that no peak is lost. Tracks are not part of
//! a snapshot, as copying them each second would cost more than all the rest; readers ask for one.

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use crate::crew::SharedCrew;
use crate::failures::SharedFailures;
use crate::heat::SharedHeat;
use crate::registry::KeyId;
use crate::steps::{Step, Steps};
use crate::trip::{PHASES, Trips};
use crate::units::Micros;

/// How many names have a track, besides the total.
pub const TRACKS: usize = 300;

/// What happened under a name in one step, usually one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// The second (Unix epoch) in which the step began.
    pub t: u64,
    /// Requests that succeeded.
    pub ok: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Service times that parts of the requests stayed within: 50 %, 95 % and 99 %; none if there were none.
    pub times: Option<[Micros; 3]>,
    /// Bytes of the responses.
    pub bytes_in: u64,
    /// Bytes of the requests.
    pub bytes_out: u64,
    /// Responses by the first digit of their status; the first place counts those that did not come.
    pub statuses: [u32; 6],
    /// How long each of [`PHASES`] took all requests together.
    pub phases: [Micros; PHASES.len()],
}

/// The points of one name, steps without requests left out.
pub type Track = Steps<Point>;

/// The tracks of a run, shared between who writes and who reads them.
#[derive(Debug, Default)]
pub struct Tracks {
    /// What happened under all names together, by how long it took.
    pub heat: SharedHeat,
    /// How many failures of each kind there were over time.
    pub failures: SharedFailures,
    /// How those fared over time who run the users.
    pub crew: SharedCrew,
    all: RwLock<FxHashMap<Option<KeyId>, Track>>,
}

impl Point {
    /// Counts what the wire told in this step.
    pub fn count(&mut self, trips: &Trips) {
        for &(status, count) in trips.statuses() {
            let class = usize::from(status / 100).min(self.statuses.len() - 1);
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.statuses[class] = self.statuses[class].saturating_add(count);
        }
        for (sum, phase) in self.phases.iter_mut().zip(trips.phases()) {
            *sum = added(*sum, phase.sum);
        }
    }
}

impl Step for Point {
    fn second(&self) -> u64 {
        self.t
    }

    fn set_second(&mut self, second: u64) {
        self.t = second;
    }

    fn join(&mut self, other: Self) {
        self.ok += other.ok;
        self.failed += other.failed;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.times = match (self.times, other.times) {
            (Some(one), Some(other)) => Some([0, 1, 2].map(|at: usize| one[at].max(other[at]))),
            (one, other) => one.or(other),
        };
        for (count, other) in self.statuses.iter_mut().zip(other.statuses) {
            *count = count.saturating_add(other);
        }
        for (sum, other) in self.phases.iter_mut().zip(other.phases) {
            *sum = added(*sum, other);
        }
    }
}

fn added(one: Micros, other: Micros) -> Micros {
    Micros::from_micros(one.as_micros().saturating_add(other.as_micros()))
}

impl Tracks {
    /// Adds finished seconds; none for the name means all names together.
    pub fn push(&self, seconds: impl IntoIterator<Item = (Option<KeyId>, Point)>) {
        let mut all = self.all.write();
        for (key, second) in seconds {
            if key.is_none() || all.len() <= TRACKS || all.contains_key(&key) {
                all.entry(key).or_default().push(second);
            }
        }
    }

    /// The track of a name, or of all names together; none if it has none.
    pub fn get(&self, key: Option<KeyId>) -> Option<Track> {
        self.all.read().get(&key).cloned()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.all.write().clear();
        self.heat.clear();
        self.failures.clear();
        self.crew.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_counts_and_peaks_in_few_points() {
        let mut track = Track::default();
        for t in 1_000..10_000 {
            let peak = if t == 5_000 { 900 } else { 5 };
            track.push(Point {
                t,
                ok: 2,
                failed: 1,
                times: Some([1, 2, peak].map(Micros::from_micros)),
                ..Point::default()
            });
        }
        assert!(track.points.len() <= 600, "{}", track.points.len());
        assert_eq!(track.step, 16);
        assert_eq!(
            track.points.iter().map(|point| point.ok).sum::<u64>(),
            18_000
        );
        let p99 = |point: &Point| point.times.map(|times| times[2].as_micros());
        assert_eq!(track.points.iter().filter_map(p99).max(), Some(900));
        assert!(
            track
                .points
                .windows(2)
                .all(|pair| pair[0].t + 16 == pair[1].t)
        );
    }

    #[test]
    fn seconds_without_requests_take_no_room() {
        let mut track = Track::default();
        for t in [100, 5_000, 5_000, 90_000] {
            track.push(Point {
                t,
                ok: 1,
                ..Point::default()
            });
        }
        let seconds: Vec<_> = track
            .points
            .iter()
            .map(|point| (point.t, point.ok))
            .collect();
        assert_eq!(seconds, [(100, 1), (5_000, 2), (90_000, 1)]);
    }

    #[test]
    fn names_beyond_the_bound_have_no_track_but_the_total_has() {
        let tracks = Tracks::default();
        let registry = crate::registry::Registry::new();
        let keys: Vec<_> = (0..TRACKS + 5)
            .map(|number| registry.key("GET", &number.to_string()))
            .collect();
        tracks.push(keys.iter().map(|&key| (Some(key), Point::default())));
        tracks.push([(None, Point::default())]);
        assert!(tracks.get(None).is_some());
        assert!(tracks.get(Some(keys[0])).is_some());
        assert!(tracks.get(Some(keys[TRACKS + 4])).is_none());
    }
}
