//! How a stretch of a run went, step by step, for its charts.
//!
//! A step is a second where there are few enough of them, and otherwise the sum of several: their
//! histograms are merged, so that every percentile is one of all requests of the step.

use std::collections::BTreeMap;

use katydid_core::failures::Failures;
use katydid_core::fingerprint::{self, KINDS};
use katydid_core::heat;
use katydid_core::track;
use katydid_core::trip::PHASES;
use katydid_core::units::Micros;
use katydid_core::window::{Count, Window};

use crate::{Store, StoreError};

/// How many steps a course has at most.
pub const MOST_STEPS: u64 = 1_200;

/// Seconds of a step, as people count them.
const LENGTHS: [u64; 15] = [
    1, 2, 5, 10, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400,
];
const MINUTE: u64 = 60;

/// How a stretch of a run went.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// The first second of the Unix epoch that is in it.
    pub from: u64,
    /// The first second after it.
    pub to: u64,
    /// Seconds that a step covers; the first and the last may be cut short.
    pub step: u64,
    /// Under all names, those of which nothing is known left out.
    pub steps: Vec<Step>,
    /// How many requests took how long.
    pub heat: Vec<heat::Column>,
    /// How many requests failed in which way; steps without failures are left out.
    pub failures: Vec<Failures>,
    /// By the number of the error, when the steps began in which it was seen first and last.
    pub seen: BTreeMap<u32, (u64, u64)>,
    /// All of it added up.
    pub sum: Window,
}

/// What was counted in one step, under one name or all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The second of the Unix epoch in which it began.
    pub t: u64,
    /// Seconds that it covers.
    pub seconds: u64,
    /// Users there were at its end.
    pub users: u32,
    /// Users that were wanted then.
    pub wanted: u32,
    /// Finished requests, failed ones included.
    pub requests: u64,
    /// Failed requests, and errors reported without one.
    pub failures: u64,
    /// Bytes of the responses.
    pub bytes_in: u64,
    /// Bytes of the requests.
    pub bytes_out: u64,
    /// Response times; none without a request that was timed.
    pub times: Option<Times>,
    /// The generator's lateness that 99 % stay within; of all names together, and none where it is not
    /// kept.
    pub lateness_p99: Option<Micros>,
    /// Responses by the first digit of their status; the first place counts those that did not come.
    pub statuses: [u32; 6],
    /// How long each of [`PHASES`] took all requests together.
    pub phases: [Micros; PHASES.len()],
}

/// Response times of a step, from the merged histogram of all its requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// The median.
    pub p50: Micros,
    /// What 90 % stay within.
    pub p90: Micros,
    /// What 95 % stay within.
    pub p95: Micros,
    /// What 99 % stay within.
    pub p99: Micros,
    /// The longest.
    pub max: Micros,
    /// The mean, in microseconds.
    pub mean: f64,
}

/// Seconds of a step, so that a stretch has at most [`MOST_STEPS`].
pub fn step_of(seconds: u64) -> u64 {
    // One more where the first and the last are cut short.
    let few = |length: &u64| seconds.div_ceil(*length) < MOST_STEPS + u64::from(*length == 1);
    let long = || (seconds / (MOST_STEPS - 2) + 1).next_multiple_of(86_400);
    LENGTHS.into_iter().find(few).unwrap_or_else(long)
}

impl Step {
    /// Requests that succeeded.
    pub fn ok(&self) -> u64 {
        self.requests.saturating_sub(self.failures)
    }

    fn of(moment: &Moment, count: &Count) -> Self {
        let mut told = track::Point::default();
        told.count(&count.trips);
        let times = count.times();
        let all = [0.5, 0.9, 0.95, 0.99];
        let times = times.max().zip(times.mean()).map(|(max, mean)| {
            // A bin reaches beyond the longest time in it; a percentile must not.
            let [p50, p90, p95, p99] = times.values_at(all).map(|time| time.min(max));
            Times {
                p50,
                p90,
                p95,
                p99,
                max,
                mean,
            }
        });
        Self {
            t: moment.t,
            seconds: moment.seconds,
            users: moment.users,
            wanted: moment.wanted,
            requests: count.requests,
            failures: count.failures,
            bytes_in: count.bytes_in,
            bytes_out: count.bytes_out,
            times,
            lateness_p99: None,
            statuses: told.statuses,
            phases: told.phases,
        }
    }
}

/// One step of a run, all names apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// The second of the Unix epoch in which it began.
    pub t: u64,
    /// Seconds that it covers.
    pub seconds: u64,
    /// Users there were at its end.
    pub users: u32,
    /// Users that were wanted then.
    pub wanted: u32,
    /// What was counted.
    pub window: Window,
}

impl Store {
    /// How a stretch of a run went, from one second up to another, that one not included.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn course(&self, run: &str, from: u64, to: u64) -> Result<Course, StoreError> {
        let step = step_of(to.saturating_sub(from));
        let places = self.errors(run)?.into_iter().map(|error| {
            let kind = fingerprint::kind(&error.text);
            let place = KINDS.iter().position(|it| *it == kind);
            (error.id, place.unwrap_or(KINDS.len() - 1))
        });
        let places: BTreeMap<_, _> = places.collect();
        let mut course = Course {
            from,
            to,
            step,
            steps: Vec::new(),
            heat: Vec::new(),
            failures: Vec::new(),
            seen: BTreeMap::new(),
            sum: Window::default(),
        };
        self.each_step(run, from, to, step, |moment| {
            course.add(&moment, &places);
        })?;
        Ok(course)
    }

    /// How names of a run fared in a stretch of it, by their numbers; of all of them, or of one.
    /// Steps without requests are left out.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn tracks(
        &self,
        run: &str,
        from: u64,
        to: u64,
        only: Option<u32>,
    ) -> Result<BTreeMap<u32, Vec<Step>>, StoreError> {
        let step = step_of(to.saturating_sub(from));
        let mut tracks = BTreeMap::<u32, Vec<Step>>::new();
        self.each_step(run, from, to, step, |moment| {
            for (&name, count) in &moment.window.counts {
                if only.is_none_or(|only| only == name) {
                    tracks
                        .entry(name)
                        .or_default()
                        .push(Step::of(&moment, count));
                }
            }
        })?;
        Ok(tracks)
    }

    /// Tells of each step of a stretch, the oldest first; those of which nothing is known are left
    /// out. Steps of a minute and more begin with the minute, shorter ones with the stretch.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn each_step(
        &self,
        run: &str,
        from: u64,
        to: u64,
        step: u64,
        mut see: impl FnMut(Moment),
    ) -> Result<(), StoreError> {
        let step = step.max(1);
        let phase = if step.is_multiple_of(MINUTE) {
            0
        } else {
            from % step
        };
        let begin = |t: u64| (t - phase) / step * step + phase;
        let mut open: Option<Moment> = None;
        self.each_second(run, from, to, |second| {
            let t = begin(second.t).max(from);
            if let Some(moment) = open.take_if(|moment| moment.t != t) {
                see(moment);
            }
            let moment = open.get_or_insert_with(|| Moment {
                t,
                seconds: to.min(begin(t) + step) - t,
                users: 0,
                wanted: 0,
                window: Window::default(),
            });
            moment.users = second.users;
            moment.wanted = second.wanted;
            moment.window.merge(&second.window);
        })?;
        open.into_iter().for_each(see);
        Ok(())
    }
}

impl Course {
    fn add(&mut self, moment: &Moment, places: &BTreeMap<u32, usize>) {
        let total = moment.window.total();
        let late = &moment.window.lateness;
        let longest = late.max();
        self.steps.push(Step {
            lateness_p99: longest.map(|longest| late.value_at_quantile(0.99).min(longest)),
            ..Step::of(moment, &total)
        });
        let times = total.times();
        if !times.is_empty() {
            self.heat.push(heat::Column::of(moment.t, &times));
        }
        let mut failures = Failures {
            t: moment.t,
            ..Failures::default()
        };
        for (error, &count) in &moment.window.errors {
            if let Some(&place) = places.get(error) {
                failures.counts[place] += count;
            }
            let seen = self.seen.entry(*error).or_insert((moment.t, moment.t));
            seen.1 = moment.t;
        }
        if failures.counts.iter().any(|&count| count > 0) {
            self.failures.push(failures);
        }
        self.sum.merge(&moment.window);
    }
}

#[cfg(test)]
mod tests {
    use katydid_core::histogram::Histogram;
    use proptest::prelude::*;
    use tempfile::tempdir;

    use super::*;
    use crate::{Name, News, RunError, Second, Sums};

    /// A run whose second `t` has these requests: a name and microseconds each.
    fn store_of(seconds: &BTreeMap<u64, Vec<(u32, u64)>>) -> (tempfile::TempDir, Store) {
        let folder = tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("runs.db")).unwrap();
        store.begin_run("one", 0, "{}", 0).unwrap();
        let news = News {
            names: (0..4)
                .map(|id| Name {
                    id,
                    method: "GET".into(),
                    name: format!("/{id}"),
                })
                .collect(),
            errors: vec![RunError {
                id: 7,
                name: 0,
                text: "ConnectTimeout('a')".into(),
            }],
            seconds: seconds.iter().map(|(&t, of)| second(t, of)).collect(),
            ..News::default()
        };
        store.record("one", &news, &mut Sums::default()).unwrap();
        (folder, store)
    }

    /// The first of each second's requests fails.
    fn second(t: u64, requests: &[(u32, u64)]) -> Second {
        let mut window = Window::default();
        for (index, &(name, micros)) in requests.iter().enumerate() {
            let count = window.counts.entry(name).or_default();
            count.requests += 1;
            count.bytes_in += 10;
            if index == 0 {
                count.failures += 1;
                count.failed.record(Micros::from_micros(micros));
                *window.errors.entry(7).or_default() += 1;
            } else {
                count.ok.record(Micros::from_micros(micros));
            }
        }
        Second {
            t,
            users: u32::try_from(t % 1_000).unwrap(),
            wanted: 9,
            window,
        }
    }

    fn of(micros: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for time in micros {
            histogram.record(Micros::from_micros(time));
        }
        histogram
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever the step, each has the numbers of a count over the requests of its seconds.
        #[test]
        fn steps_have_the_numbers_of_their_requests(
            seconds in prop::collection::btree_map(
                1_000_u64..1_400, prop::collection::vec((0_u32..4, 1_u64..5_000_000), 0..4), 1..40),
            step in prop::sample::select(vec![1_u64, 2, 5, 10, 60, 120]),
            (from, length) in (990_u64..1_300, 1_u64..200),
        ) {
            let (_folder, store) = store_of(&seconds);
            let to = from + length;
            let mut all = Vec::new();
            store.each_step("one", from, to, step, |moment| all.push(moment)).unwrap();
            prop_assert!(all.windows(2).all(|pair| pair[0].t + pair[0].seconds <= pair[1].t));
            let mut known = 0;
            for moment in &all {
                let within = moment.t..moment.t + moment.seconds;
                prop_assert!(from <= within.start && within.end <= to && moment.seconds <= step);
                let raw: Vec<_> = seconds.range(within).collect();
                known += raw.len();
                prop_assert_eq!(raw.last().map(|(t, _)| **t % 1_000), Some(u64::from(moment.users)));
                let times = raw.iter().flat_map(|(_, of)| of.iter().map(|it| it.1));
                prop_assert_eq!(&moment.window.total().times(), &of(times));
            }
            prop_assert_eq!(known, seconds.range(from..to).count());
        }
    }

    #[test]
    fn a_course_tells_what_its_stretch_counted() {
        let seconds = (0..90).map(|t| (1_000 + t, vec![(0, 1_000 * (t + 1)), (1, 500)]));
        let (_folder, store) = store_of(&seconds.collect());
        let course = store.course("one", 1_010, 1_090).unwrap();
        assert_eq!((course.step, course.steps.len()), (1, 80));
        let first = course.steps[0];
        assert_eq!((first.t, first.requests, first.failures), (1_010, 2, 1));
        assert_eq!((first.ok(), first.users, first.wanted), (1, 10, 9));
        let times = first.times.unwrap();
        assert_eq!(times.max, Micros::from_micros(11_000));
        assert!(times.p99 <= times.max && times.p50 < times.p99);
        let counted = course.heat.iter().flat_map(|column| &column.cells);
        assert_eq!(counted.map(|cell| cell.1).sum::<u64>(), 160);
        let timeouts = KINDS.iter().position(|it| *it == "timeout").unwrap();
        assert!(course.failures.iter().all(|it| it.counts[timeouts] == 1));
        assert_eq!(course.failures.len(), 80);
        assert_eq!(course.seen[&7], (1_010, 1_089));
        assert_eq!(course.sum, store.window("one", 1_010, 1_090).unwrap());
        let tracks = store.tracks("one", 1_010, 1_090, Some(1)).unwrap();
        assert_eq!(tracks.keys().collect::<Vec<_>>(), [&1]);
        assert_eq!(tracks[&1].iter().map(|it| it.requests).sum::<u64>(), 80);
        assert_eq!(store.tracks("one", 1_000, 1_090, None).unwrap().len(), 2);
    }

    #[test]
    fn there_are_never_too_many_steps() {
        for (seconds, step) in [
            (0, 1),
            (1_200, 1),
            (1_201, 2),
            (7_000, 10),
            (21_600, 60),
            (90_000, 120),
        ] {
            assert_eq!(step_of(seconds), step, "{seconds}");
        }
        for exponent in 0..50 {
            let seconds = 1_u64 << exponent;
            // One more, as the first may be cut short.
            let steps = seconds.div_ceil(step_of(seconds));
            assert!(steps <= MOST_STEPS, "{seconds}");
        }
    }
}
