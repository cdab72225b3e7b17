//! When iterations are due, if load is given as a rate instead of a number of users.
//!
//! A [`Schedule`] is a row of stages, each at a constant rate or on a straight line from one rate
//! to another. Its [`Arrivals`] are found by inverting the integral of the rate, so a ramp is exact
//! and nothing adds up to a drift: of evenly spaced arrivals, number `k` (from zero) is due when
//! the integral passes `k`; of Poisson arrivals, when it passes the sum of so many exponential gaps.
//!
//! ```
//! use katydid_core::arrival::Schedule;
//!
//! let schedule: Schedule = "0-100/s over 10s, 100/s".parse()?;
//! assert_eq!(schedule.expected(std::time::Duration::from_secs(20)), 1500.0);
//! # Ok::<(), katydid_core::arrival::Error>(())
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::units::Nanos;

/// The highest rate that can be asked for, a second: one arrival a nanosecond is what times can tell apart.
const HIGHEST: f64 = 1e9;

/// Why a text names no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing was given.
    #[error("no rate is given; write for example 200/s, 30/m or '0-500/s over 1m'")]
    Empty,
    /// What should be a rate is none.
    #[error("'{0}' is no rate; write for example 200/s, 30/m or '0-500/s over 1m'")]
    Rate(String),
    /// What should be a length of time is none.
    #[error("'{0}' is no length of time; write for example 30s, 5m or 1h30m")]
    Length(String),
    /// A ramp that does not say how long it takes.
    #[error(
        "'{0}' goes from one rate to another, so it needs to say over which time, as in '{0} over 1m'"
    )]
    Endless(String),
    /// A stage that goes on for ever is followed by another.
    #[error(
        "'{0}' has no end, so no stage can follow it; say how long it lasts, as in '{0} for 5m'"
    )]
    NotLast(String),
    /// No stage has a rate above zero.
    #[error("'{0}' starts nothing: no rate in it is above zero")]
    Nothing(String),
}

/// A time in which the rate is constant or changes on a straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Arrivals a second when it begins.
    pub from: f64,
    /// Arrivals a second when it ends.
    pub to: f64,
    /// How long it lasts; without, until the run ends, at the rate `from`.
    pub length: Option<Duration>,
}

impl Stage {
    /// How many arrivals fall into its first `seconds`.
    fn integral(&self, seconds: f64) -> f64 {
        match self.length {
            Some(length) if self.to.total_cmp(&self.from).is_ne() => {
                let slope = (self.to - self.from) / length.as_secs_f64();
                self.from * seconds + slope * seconds * seconds / 2.0
            }
            _ => self.from * seconds,
        }
    }

    /// How many arrivals fall into it.
    fn total(&self) -> f64 {
        match self.length {
            Some(length) => f64::midpoint(self.from, self.to) * length.as_secs_f64(),
            None if self.from > 0.0 => f64::INFINITY,
            None => 0.0,
        }
    }

    /// The second of it in which the integral is `count`, which is below its total.
    fn inverse(&self, count: f64) -> f64 {
        match self.length {
            // The root of the quadratic in the form that loses no digits, also from or to zero.
            Some(length) if self.to.total_cmp(&self.from).is_ne() => {
                let slope = (self.to - self.from) / length.as_secs_f64();
                let root = (self.from * self.from + 2.0 * slope * count)
                    .max(0.0)
                    .sqrt();
                if count > 0.0 {
                    2.0 * count / (self.from + root)
                } else {
                    0.0
                }
            }
            _ => count / self.from,
        }
    }

    /// The rate at a second of it.
    fn rate(&self, seconds: f64) -> f64 {
        match self.length {
            Some(length) if !length.is_zero() => {
                self.from + (self.to - self.from) * seconds / length.as_secs_f64()
            }
            _ => self.from,
        }
    }
}

/// How arrivals of the same rate lie to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spacing {
    /// All gaps alike (as the rate allows).
    #[default]
    Even,
    /// Each independent of the others, as those of many people are: a Poisson process.
    Poisson,
}

/// Rates over the time of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    stages: Vec<Stage>,
    spacing: Spacing,
}

impl Schedule {
    /// So many arrivals a second until the run ends.
    ///
    /// # Errors
    /// If the rate is not above zero, or is beyond one a nanosecond.
    pub fn constant(per_second: f64) -> Result<Self, Error> {
        Self::of(vec![Stage {
            from: per_second,
            to: per_second,
            length: None,
        }])
    }

    /// These stages, one after the other. Nothing is due after the last.
    ///
    /// # Errors
    /// If there is none with a rate above zero, if a rate is negative or beyond one a nanosecond,
    /// or if one without an end is not the last.
    pub fn of(stages: Vec<Stage>) -> Result<Self, Error> {
        let schedule = Self {
            stages,
            spacing: Spacing::Even,
        };
        for (n, stage) in schedule.stages.iter().enumerate() {
            for rate in [stage.from, stage.to] {
                if !(0.0..=HIGHEST).contains(&rate) {
                    return Err(Error::Rate(rate.to_string()));
                }
            }
            if stage.length.is_none() {
                if stage.from.total_cmp(&stage.to).is_ne() {
                    return Err(Error::Endless(stage.to_string()));
                }
                if n + 1 < schedule.stages.len() {
                    return Err(Error::NotLast(stage.to_string()));
                }
            }
        }
        if schedule.stages.is_empty() {
            return Err(Error::Empty);
        }
        if schedule.stages.iter().all(|stage| stage.total() <= 0.0) {
            return Err(Error::Nothing(schedule.to_string()));
        }
        Ok(schedule)
    }

    /// The same rates with other gaps.
    #[must_use]
    pub fn spaced(self, spacing: Spacing) -> Self {
        Self { spacing, ..self }
    }

    /// How its arrivals lie to each other.
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// Its stages.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// When nothing is due any more, if ever.
    pub fn length(&self) -> Option<Duration> {
        self.stages.iter().map(|stage| stage.length).sum()
    }

    /// How many arrivals are expected before `at`: the integral of the rate.
    pub fn expected(&self, at: Duration) -> f64 {
        let mut left = at;
        let mut count = 0.0;
        for stage in &self.stages {
            let part = stage.length.map_or(left, |length| length.min(left));
            count += stage.integral(part.as_secs_f64());
            left -= part;
        }
        count
    }

    /// The rate asked for at a time, in arrivals a second.
    pub fn rate(&self, at: Duration) -> f64 {
        let mut left = at;
        for stage in &self.stages {
            match stage.length {
                Some(length) if length <= left => left -= length,
                _ => return stage.rate(left.as_secs_f64()),
            }
        }
        0.0
    }

    /// The times at which iterations are due, in order. The same seed gives the same times; evenly
    /// spaced ones need none. Workers share a schedule by taking each n-th: `skip(index).step_by(n)`.
    pub fn arrivals(&self, seed: u64) -> Arrivals {
        self.arrivals_from(Duration::ZERO, 0.0, seed)
    }

    /// Those of [`Schedule::arrivals`] that are due at a time or later. Evenly spaced ones keep their
    /// numbers; the first of them all is due when the integral of the rate passes `phase`, which is
    /// at least zero and below one.
    pub fn arrivals_from(&self, at: Duration, phase: f64, seed: u64) -> Arrivals {
        let passed = self.expected(at);
        let mut arrivals = Arrivals {
            stages: self.stages.clone().into_iter(),
            stage: None,
            begun: 0.0,
            before: 0.0,
            phase,
            next: passed,
            number: number_after(passed - phase),
            gaps: (self.spacing == Spacing::Poisson).then_some(Gaps(seed)),
        };
        arrivals.stage = arrivals.stages.next();
        arrivals.next = match &mut arrivals.gaps {
            Some(gaps) => passed + gaps.next(),
            None => arrivals.number as f64 + phase,
        };
        arrivals
    }

    /// How much of an arrival is still to come at a time before the next evenly spaced one is due:
    /// the `phase` of a schedule that takes over then.
    pub fn phase_at(&self, at: Duration, phase: f64) -> f64 {
        let passed = self.expected(at) - phase;
        (number_after(passed) as f64 - passed).clamp(0.0, 1.0 - f64::EPSILON)
    }

    /// All of these at once. None where there are none, or where their stages are not as long as each other's.
    pub fn sum(all: &[&Self]) -> Option<Self> {
        let (first, rest) = all.split_first()?;
        let mut sum = (*first).clone();
        for other in rest {
            let is_alike = sum.stages.len() == other.stages.len();
            for (stage, more) in sum.stages.iter_mut().zip(&other.stages) {
                if !is_alike || stage.length != more.length {
                    return None;
                }
                stage.from += more.from;
                stage.to += more.to;
            }
        }
        Some(sum)
    }

    /// The same with all rates so many times as high: a worker's part of independent arrivals.
    #[must_use]
    pub fn scaled(&self, by: f64) -> Self {
        let scaled = |stage: &Stage| Stage {
            from: stage.from * by,
            to: stage.to * by,
            ..*stage
        };
        Self {
            stages: self.stages.iter().map(scaled).collect(),
            spacing: self.spacing,
        }
    }
}

/// The number of the first arrival that is due when so much of the integral has passed, or later.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
fn number_after(passed: f64) -> u64 {
    passed.ceil().max(0.0) as u64
}

/// The times since the start at which iterations are due: what [`Schedule::arrivals`] gives.
#[derive(Clone, Debug)]
pub struct Arrivals {
    stages: std::vec::IntoIter<Stage>,
    stage: Option<Stage>,
    /// When the stage began, in seconds.
    begun: f64,
    /// The integral of the rate when the stage began.
    before: f64,
    /// The integral of the rate when the first of evenly spaced ones is due.
    phase: f64,
    /// The integral of the rate when the next is due.
    next: f64,
    /// The number of the next one.
    number: u64,
    gaps: Option<Gaps>,
}

impl Arrivals {
    /// The number of the next one, from zero; of evenly spaced ones their place in the schedule.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Iterator for Arrivals {
    type Item = Nanos;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, which is what is wanted"
    )]
    fn next(&mut self) -> Option<Nanos> {
        loop {
            let stage = self.stage.as_ref()?;
            let within = self.next - self.before;
            let total = stage.total();
            if within < total {
                let due = self.begun + stage.inverse(within.max(0.0));
                self.number += 1;
                self.next = match &mut self.gaps {
                    // Not by adding ones: a whole number is exact.
                    None => self.number as f64 + self.phase,
                    Some(gaps) => self.next + gaps.next(),
                };
                return Some(Nanos::from_nanos((due * 1e9).round() as u64));
            }
            self.begun += stage.length?.as_secs_f64();
            self.before += total;
            self.stage = self.stages.next();
        }
    }
}

/// Exponential gaps of mean one, of a splitmix64 sequence.
#[derive(Clone, Debug)]
struct Gaps(u64);

impl Gaps {
    fn next(&mut self) -> f64 {
        -uniform(&mut self.0).ln()
    }
}

/// The next number of a splitmix64 sequence, above zero, so that its logarithm is finite, and at most one.
pub(crate) fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    ((scrambled(*state) >> 11) + 1) as f64 / (1u64 << 53) as f64
}

/// splitmix64's mix of a number's bits (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) const fn scrambled(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// `200/s`, `30/m`, `1000/s poisson`, `0-500/s over 1m, 500/s for 10m, 500-0/s over 30s`.
///
/// A stage is a rate, or two with a dash between them, then `/s`, `/m` or `/h` (a second if left
/// out), then `over` or `for` and a length of time: digits are seconds, or `1h30m10s`. Only the last
/// may have none, and goes on until the run ends. The word `poisson` at the end is for all stages.
impl FromStr for Schedule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let (stages, spacing) = match text.strip_suffix("poisson") {
            Some(stages) if stages.ends_with(|end: char| end == ',' || end.is_whitespace()) => {
                let stages = stages.trim_end();
                (stages.strip_suffix(',').unwrap_or(stages), Spacing::Poisson)
            }
            _ => (text, Spacing::Even),
        };
        if stages.trim().is_empty() {
            return Err(Error::Empty);
        }
        let stages = stages.split(',').map(|text| stage(text.trim()));
        let schedule = Self::of(stages.collect::<Result<_, _>>()?)?;
        Ok(schedule.spaced(spacing))
    }
}

fn stage(text: &str) -> Result<Stage, Error> {
    let mut words = text.split_whitespace();
    let rates = words.next().ok_or(Error::Empty)?;
    let length = match words.next() {
        None => None,
        Some("over" | "for") => {
            let word = words.next().unwrap_or_default();
            Some(length(word).ok_or_else(|| Error::Length(word.to_owned()))?)
        }
        Some(_) => return Err(Error::Rate(text.to_owned())),
    };
    if words.next().is_some() {
        return Err(Error::Rate(text.to_owned()));
    }
    let wrong = || Error::Rate(rates.to_owned());
    let (numbers, unit) = rates.split_once('/').unwrap_or((rates, "s"));
    let per = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let (from, to) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let from = number(from).ok_or_else(wrong)? / per;
    let to = number(to).ok_or_else(wrong)? / per;
    if from > HIGHEST || to > HIGHEST {
        return Err(wrong());
    }
    if length.is_none() && numbers.contains('-') {
        return Err(Error::Endless(rates.to_owned()));
    }
    Ok(Stage { from, to, length })
}

/// Digits with at most one point among them.
fn number(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

/// `90`, `1h30m`, `20s`; more than nothing.
fn length(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0u64;
    for (unit, of) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            seconds = seconds.checked_add(digits(number)?.checked_mul(of)?)?;
            rest = after;
        }
    }
    if rest.len() == text.len() {
        seconds = digits(rest)?;
    } else if !rest.is_empty() {
        return None;
    }
    // A century, so that no sum of stages overflows.
    (1..3_200_000_000)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from.total_cmp(&self.to).is_eq() {
            write!(f, "{}/s", self.from)?;
        } else {
            write!(f, "{}-{}/s", self.from, self.to)?;
        }
        match self.length {
            Some(length) if self.from.total_cmp(&self.to).is_eq() => {
                write!(f, " for {}s", length.as_secs_f64())
            }
            Some(length) => write!(f, " over {}s", length.as_secs_f64()),
            None => Ok(()),
        }
    }
}

/// As it is read, with all rates a second and all lengths in seconds.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, stage) in self.stages.iter().enumerate() {
            if n > 0 {
                f.write_str(", ")?;
            }
            stage.fmt(f)?;
        }
        match self.spacing {
            Spacing::Even => Ok(()),
            Spacing::Poisson => f.write_str(" poisson"),
        }
    }
}
