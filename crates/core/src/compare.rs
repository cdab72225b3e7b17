//! Whether one run was worse than another, better, or no different as far as can be told.
//!
//! Requests of one second are alike, so they say less than as many independent ones would. Each run
//! is therefore cut into stretches, and how much these differ tells how sure its numbers are
//! (ratio estimators over clusters: Cochran, *Sampling Techniques*, 1977, 6.3 and 9A). A percentile gets
//! the interval of Woodruff (1952, *JASA* 47, 635): the part of the requests below it is a ratio, whose
//! bounds are read off the run's histogram. The interval of a difference comes from those of
//! its two sides (Zou and Donner 2008, *Statistics in Medicine* 27, 1693). All that is compared
//! shares one chance of a false alarm (Bonferroni), and a change must also be large enough to matter.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::histogram::Histogram;
use crate::window::Count;

/// Fewer stretches than this say nothing about how much they differ.
pub const FEWEST: usize = 8;
/// Fewer requests than this are not compared.
const FEWEST_REQUESTS: u64 = 100;

/// A stretch of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// What was counted under each name, a method and a name.
    pub counts: BTreeMap<(String, String), Count>,
    /// Seconds of it that the run was under way.
    pub seconds: f64,
}

/// How sure to be, and what is worth a word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The chance that anything at all is called different in two runs that are not.
    pub false_alarms: f64,
    /// A change of a smaller part than this is none.
    pub least_change: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_alarms: 0.05,
            least_change: 0.02,
        }
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The middle response time in milliseconds.
    P50,
    /// The response time that 95 % of the requests stayed within, in milliseconds.
    P95,
    /// The same of 99 %.
    P99,
    /// The mean response time in milliseconds.
    Mean,
    /// The part of the requests that failed.
    FailRatio,
    /// Requests per second.
    #[serde(rename = "rps")]
    Rate,
}

/// What is to be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The second run is worse.
    Worse,
    /// The second run is better.
    Better,
    /// The difference may be chance, or is too small to matter.
    WithinNoise,
    /// There are too few requests, or too little time, to tell.
    Unknown,
}

/// One number of two runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What is compared.
    pub measure: Measure,
    /// Of the first run; none without requests.
    pub before: Option<f64>,
    /// Of the second.
    pub after: Option<f64>,
    /// Between which bounds the difference lies, after less before; none if that cannot be told.
    pub interval: Option<(f64, f64)>,
    /// What is to be said of it.
    pub verdict: Verdict,
}

/// A name in two runs, or all of them together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The method; empty for none, and for all requests.
    pub method: String,
    /// The name; none for all requests.
    pub name: Option<String>,
    /// How many requests each run made.
    pub requests: (u64, u64),
    /// The numbers, each measure once.
    pub differences: Vec<Difference>,
    /// The worst of their verdicts.
    pub verdict: Verdict,
}

/// Two runs beside each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// All requests.
    pub total: Row,
    /// By name; those of one run only have no verdict.
    pub rows: Vec<Row>,
    /// What is to be said of the whole: worse if anything is, else better if anything is.
    pub verdict: Verdict,
}

impl Measure {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
            Self::FailRatio => "fail_ratio",
            Self::Rate => "rps",
        }
    }

    const fn part(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            _ => None,
        }
    }
}

impl Verdict {
    /// The words for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::WithinNoise => "within noise",
            Self::Unknown => "unknown",
        }
    }
}

/// A number with what it may be.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    value: f64,
    low: f64,
    high: f64,
}

/// Into how many stretches of about equal length a run of so many seconds is cut: long enough that one says
/// little about the next, and enough of them to tell how much they differ.
pub fn stretches(seconds: u64) -> usize {
    usize::try_from(seconds / 5).unwrap_or(40).clamp(FEWEST, 40)
}

/// Compares two runs, each as its stretches.
pub fn compare(before: &[Stretch], after: &[Stretch], settings: Settings) -> Comparison {
    const OF_NAMES: [Measure; 5] = [
        Measure::P50,
        Measure::P95,
        Measure::P99,
        Measure::Mean,
        Measure::FailRatio,
    ];
    const OF_ALL: [Measure; 6] = [
        Measure::Rate,
        Measure::P50,
        Measure::P95,
        Measure::P99,
        Measure::Mean,
        Measure::FailRatio,
    ];
    let names: BTreeSet<_> = before
        .iter()
        .chain(after)
        .flat_map(|stretch| stretch.counts.keys())
        .collect();
    let tests = OF_ALL.len() + OF_NAMES.len() * names.len();
    let settings = Settings {
        false_alarms: settings.false_alarms / tests as f64,
        ..settings
    };
    let row = |name: Option<&(String, String)>, measures: &[Measure]| {
        let [before, after] = [before, after].map(|run| {
            let counts = run.iter().map(|stretch| {
                let count = match name {
                    Some(name) => stretch.counts.get(name).cloned().unwrap_or_default(),
                    None => sum(stretch.counts.values()),
                };
                (count, stretch.seconds)
            });
            Sample::of(counts.collect())
        });
        let differences = measures.iter();
        let differences: Vec<_> = differences
            .map(|&measure| difference(measure, &before, &after, settings))
            .collect();
        let verdicts = differences.iter().map(|difference| difference.verdict);
        Row {
            method: name.map(|name| name.0.clone()).unwrap_or_default(),
            name: name.map(|name| name.1.clone()),
            requests: (before.all.requests, after.all.requests),
            verdict: verdicts.min().unwrap_or(Verdict::Unknown),
            differences,
        }
    };
    let total = row(None, &OF_ALL);
    let rows: Vec<_> = names
        .into_iter()
        .map(|name| row(Some(name), &OF_NAMES))
        .collect();
    let verdicts = rows.iter().map(|row| row.verdict).chain([total.verdict]);
    Comparison {
        verdict: verdicts.min().unwrap_or(Verdict::Unknown),
        total,
        rows,
    }
}

/// The stretches of one name in a run.
struct Sample {
    all: Count,
    times: Histogram,
    parts: Vec<Part>,
}

/// One stretch of it.
struct Part {
    count: Count,
    times: Histogram,
    seconds: f64,
}

impl Sample {
    fn of(counts: Vec<(Count, f64)>) -> Self {
        let all = sum(counts.iter().map(|(count, _)| count));
        Self {
            times: all.times(),
            all,
            parts: counts
                .into_iter()
                .map(|(count, seconds)| Part {
                    times: count.times(),
                    count,
                    seconds,
                })
                .collect(),
        }
    }

    fn value(&self, measure: Measure) -> Option<f64> {
        if self.all.requests == 0 {
            return (measure == Measure::Rate).then_some(0.0);
        }
        match measure {
            Measure::Rate => {
                let seconds: f64 = self.parts.iter().map(|part| part.seconds).sum();
                Some(self.all.requests as f64 / seconds)
            }
            Measure::FailRatio => Some(Self::failed(&self.all) / self.all.requests as f64),
            Measure::Mean => self.times.mean().map(|micros| micros / 1e3),
            _ => measure.part().map(|part| self.quantile(part)),
        }
    }

    fn failed(count: &Count) -> f64 {
        // Errors reported without a request are failures, too.
        count.failures.min(count.requests) as f64
    }

    fn quantile(&self, part: f64) -> f64 {
        self.times.value_at_quantile(part).as_millis_f64()
    }

    /// The measure with its bounds, so many standard errors away.
    fn estimate(&self, measure: Measure, errors: f64) -> Option<Estimate> {
        let value = self.value(measure)?;
        let around = |error: f64| Estimate {
            value,
            low: value - errors * error,
            high: value + errors * error,
        };
        Some(match measure {
            Measure::Rate => {
                let parts = self.parts.iter();
                let parts = parts.map(|part| (part.count.requests as f64, part.seconds));
                around(standard_error(parts))
            }
            Measure::Mean => {
                let parts = self.parts.iter().map(|Part { times, .. }| {
                    let requests = times.count() as f64;
                    (times.mean().unwrap_or(0.0) / 1e3 * requests, requests)
                });
                around(standard_error(parts))
            }
            Measure::FailRatio => {
                let parts = self.parts.iter();
                let failed =
                    |Part { count, .. }: &Part| (Self::failed(count), count.requests as f64);
                let error = standard_error(parts.map(failed));
                around(error.max(least_error(value, self.all.requests as f64)))
            }
            _ => {
                let part = measure.part()?;
                let at = self.times.value_at_quantile(part);
                let parts = self
                    .parts
                    .iter()
                    .map(|Part { times, .. }| (times.count_up_to(at) as f64, times.count() as f64));
                let all = self.times.count() as f64;
                let error = standard_error(parts).max(least_error(part, all));
                let [low, high] = [part - errors * error, part + errors * error]
                    .map(|part| self.quantile(part.clamp(0.0, 1.0)));
                Estimate { value, low, high }
            }
        })
    }
}

fn difference(measure: Measure, before: &Sample, after: &Sample, settings: Settings) -> Difference {
    let mut found = Difference {
        measure,
        before: before.value(measure),
        after: after.value(measure),
        interval: None,
        verdict: Verdict::Unknown,
    };
    let stretches = before.parts.len().min(after.parts.len());
    let requests = before.all.requests.min(after.all.requests);
    if stretches < FEWEST || requests < FEWEST_REQUESTS {
        return found;
    }
    let freedom = (before.parts.len() + after.parts.len()) as f64 - 2.0;
    let errors = student(settings.false_alarms / 2.0, freedom);
    let [Some(one), Some(other)] = [before, after].map(|run| run.estimate(measure, errors)) else {
        return found;
    };
    let change = other.value - one.value;
    let low = change - f64::hypot(one.high - one.value, other.value - other.low);
    let high = change + f64::hypot(one.value - one.low, other.high - other.value);
    found.interval = Some((low, high));
    let matters = match measure {
        // A part of a part: one more failure in a hundred is what matters, or a change in proportion.
        Measure::FailRatio => change.abs() > settings.least_change * one.value.max(0.05),
        _ => change.abs() > settings.least_change * one.value.abs(),
    };
    let is_certain = low > 0.0 || high < 0.0;
    let is_more = change > 0.0;
    found.verdict = match (is_certain && matters, is_more == (measure == Measure::Rate)) {
        (false, _) => Verdict::WithinNoise,
        (true, true) => Verdict::Better,
        (true, false) => Verdict::Worse,
    };
    found
}

/// The standard error of the sum of the first numbers over that of the second ones, from how much
/// the stretches differ. Where neighbours are alike, they count for less (the covariance of one lag: Hansen and Hodrick 1980).
fn standard_error(parts: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let (mut above, mut below, mut count) = (0.0, 0.0, 0.0);
    for (one, other) in parts.clone() {
        above += one;
        below += other;
        count += 1.0;
    }
    if below <= 0.0 || count < 2.0 {
        return 0.0;
    }
    let ratio = above / below;
    let rests: Vec<f64> = parts.map(|(one, other)| one - ratio * other).collect();
    let squares: f64 = rests.iter().map(|rest| rest * rest).sum();
    let neighbours: f64 = rests.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let squares = squares + 2.0 * neighbours.max(0.0);
    (squares * count / (count - 1.0)).sqrt() / below
}

/// The standard error of a part of so many independent requests, which is the least there is; a
/// part of none of them may still be one of some (Agresti and Coull 1998).
fn least_error(part: f64, requests: f64) -> f64 {
    let part = (part * requests + 1.0) / (requests + 2.0);
    (part * (1.0 - part) / requests).sqrt()
}

/// What a number with Student's distribution exceeds with this chance.
///
/// The normal one's from Abramowitz and Stegun 26.2.23, and from there 26.7.5; the error is below a
/// hundredth for seven degrees of freedom and more and chances from 0.00001 on.
fn student(chance: f64, freedom: f64) -> f64 {
    let t = (-2.0 * chance.max(1e-12).ln()).sqrt();
    let normal = t
        - (2.515_517 + t * (0.802_853 + t * 0.010_328))
            / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308)));
    let z = normal;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

fn sum<'a>(counts: impl Iterator<Item = &'a Count>) -> Count {
    let mut sum = Count::default();
    for count in counts {
        sum.merge(count);
    }
    sum
}

/// Pairs of runs whose difference is known, to find out how often the comparison is right.
#[doc(hidden)]
pub mod trial {
    use super::{Stretch, Verdict, compare};
    use crate::units::Nanos;

    /// What came of some pairs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Outcome {
        /// Pairs.
        pub pairs: u32,
        /// Those of which anything was called worse or better.
        pub alarms: u32,
        /// Those of which the name that was made slower was called worse.
        pub found: u32,
        /// Those of which another name was called worse or better.
        pub blamed: u32,
    }

    /// Two minutes of eight names at 25 requests a second each, whose seconds are slow and fast
    /// together, one after another (the factor of a second follows the one before by 0.8).
    const SECONDS: usize = 120;
    const NAMES: usize = 8;
    const REQUESTS: usize = 25;

    /// Compares as many pairs; in the second run of each, the first name takes `slower` times as long.
    pub fn pairs(count: u32, slower: f64, seed: u64) -> Outcome {
        let mut chance = Chance(seed | 1);
        let mut outcome = Outcome::default();
        for _ in 0..count {
            let before = run(&mut chance, 1.0);
            let after = run(&mut chance, slower);
            let found = compare(&before, &after, super::Settings::default());
            let is_alarm = matches!(found.verdict, Verdict::Worse | Verdict::Better);
            let mut others = found.rows[1..].iter();
            let is_blamed = others.any(|row| row.verdict != Verdict::WithinNoise);
            outcome.pairs += 1;
            outcome.alarms += u32::from(is_alarm);
            outcome.found += u32::from(found.rows[0].verdict == Verdict::Worse);
            outcome.blamed += u32::from(is_blamed);
        }
        outcome
    }

    fn run(chance: &mut Chance, slower: f64) -> Vec<Stretch> {
        let stretches = super::stretches(SECONDS as u64);
        let whole = Stretch {
            seconds: (SECONDS / stretches) as f64,
            ..Stretch::default()
        };
        let mut run = vec![whole; stretches];
        let mut load = 0.0;
        for second in 0..SECONDS {
            load = 0.8 * load + 0.02 * chance.normal();
            let stretch = &mut run[second * stretches / SECONDS];
            for name in 0..NAMES {
                let key = ("GET".to_owned(), format!("/{name}"));
                let count = stretch.counts.entry(key).or_default();
                let factor = if name == 0 { slower } else { 1.0 };
                for _ in 0..REQUESTS {
                    let time = 20.0 * (name + 1) as f64 * (load + 0.5 * chance.normal()).exp();
                    count.requests += 1;
                    let failed = name == 3 && chance.unit() < 0.02;
                    count.failures += u64::from(failed);
                    let times = if failed {
                        &mut count.failed
                    } else {
                        &mut count.ok
                    };
                    times.record(Nanos::from_millis_f64(time * factor).to_micros());
                }
            }
        }
        run
    }

    /// Marsaglia's xorshift64*, with the Box-Muller transform.
    struct Chance(u64);

    impl Chance {
        fn unit(&mut self) -> f64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
            (bits as f64 + 0.5) / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Micros;

    fn stretch(times: impl IntoIterator<Item = u64>) -> Stretch {
        let mut count = Count::default();
        for millis in times {
            count.requests += 1;
            count.ok.record(Micros::from_micros(millis * 1000));
        }
        Stretch {
            counts: BTreeMap::from([(("GET".to_owned(), "/".to_owned()), count)]),
            seconds: 1.0,
        }
    }

    fn of(found: &Comparison, measure: Measure) -> Difference {
        let mut all = found.total.differences.iter();
        *all.find(|it| it.measure == measure).expect("each is there")
    }

    #[test]
    fn students_numbers_are_those_of_the_tables() {
        for (chance, freedom, table) in [
            (0.025, 7.0, 2.365),
            (0.025, 1e9, 1.960),
            (0.005, 9.0, 3.250),
            (0.0005, 19.0, 3.883),
            (0.0005, 29.0, 3.659),
        ] {
            let found = student(chance, freedom);
            assert!((found - table).abs() < 0.02, "{chance} {freedom}: {found}");
        }
    }

    #[test]
    fn a_difference_has_bounds_around_it() {
        let run = |slower: u64| -> Vec<_> {
            (0..20_u64)
                .map(|i| stretch((0..50).map(|j| 100 + slower + i % 5 + j)))
                .collect()
        };
        let found = compare(&run(0), &run(30), Settings::default());
        let p50 = of(&found, Measure::P50);
        assert_eq!(p50.verdict, Verdict::Worse);
        let (low, high) = p50.interval.expect("there is enough");
        assert!(low < 30.0 && 30.0 < high && low > 20.0, "{low} {high}");
        assert_eq!(of(&found, Measure::Rate).verdict, Verdict::WithinNoise);
        let found = compare(&run(30), &run(0), Settings::default());
        assert_eq!(
            (found.verdict, found.rows[0].verdict),
            (Verdict::Better, Verdict::Better)
        );
    }

    #[test]
    fn what_is_counted_per_second_is_of_the_time_under_way() {
        let run = |seconds: f64, requests: u64| -> Vec<_> {
            let mut run: Vec<_> = (0..20).map(|_| stretch((0..100).map(|_| 10))).collect();
            run[0] = stretch((0..requests).map(|_| 10));
            run[0].seconds = seconds;
            run
        };
        let found = compare(&run(0.1, 10), &run(0.9, 90), Settings::default());
        let rate = of(&found, Measure::Rate);
        for value in [rate.before, rate.after].map(Option::unwrap) {
            assert!((value - 100.0).abs() < 1e-9, "{value}");
        }
        assert_eq!(rate.verdict, Verdict::WithinNoise);
    }

    #[test]
    fn too_little_says_nothing() {
        let short: Vec<_> = (0..FEWEST - 1).map(|_| stretch(0..100)).collect();
        let found = compare(&short, &short, Settings::default());
        assert_eq!(found.verdict, Verdict::Unknown);
        let few: Vec<_> = (0..20).map(|_| stretch(0..2)).collect();
        assert_eq!(
            compare(&few, &few, Settings::default()).verdict,
            Verdict::Unknown
        );
        assert_eq!(
            compare(&[], &[], Settings::default()).verdict,
            Verdict::Unknown
        );
    }

    #[test]
    fn failures_that_were_not_there_are_worse() {
        let run = |failures: u64| -> Vec<_> {
            let mut run: Vec<_> = (0..20).map(|_| stretch((0..100).map(|_| 10))).collect();
            for stretch in &mut run {
                for count in stretch.counts.values_mut() {
                    count.failures = failures;
                }
            }
            run
        };
        let found = compare(&run(0), &run(3), Settings::default());
        assert_eq!(of(&found, Measure::FailRatio).verdict, Verdict::Worse);
        assert_eq!(
            compare(&run(3), &run(3), Settings::default()).verdict,
            Verdict::WithinNoise
        );
    }

    #[test]
    fn alarms_are_seldom_false_and_a_tenth_more_is_found() {
        // So many that chance alone does not fail it: `make compare-errors` counts enough of them.
        let same = trial::pairs(12, 1.0, 7);
        assert!(same.alarms <= 3, "{same:?}");
        let slower = trial::pairs(12, 1.1, 11);
        assert!(slower.found >= 9, "{slower:?}");
    }
}
