//! Conditions under which a run has failed: `p95>300ms`, `fail>1%`, `GET /item p99>1s`, `dropped>0`.
//!
//! A condition is a metric, a comparison and a limit, after an optional selector: a method, a
//! name, or both, in which `*` stands for anything; a name in quotes is taken as it is. What it
//! selects is merged before anything is computed, so a percentile over several names is one of
//! all their requests. Times are service times, unless `response` or `lateness` stands before them.

use std::fmt;

use crate::histogram::Histogram;
use crate::iteration::Iterations;
use crate::registry::{Name, Registry};
use crate::stats::{Entry, Stats};
use crate::units::Micros;
use crate::window::{Count, Window};

/// A condition under which a run has failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    selector: Option<Selector>,
    clock: Clock,
    metric: Metric,
    comparison: Comparison,
    /// Milliseconds, parts of one, requests per second or a count, as the metric has it.
    limit: f64,
}

/// What is compared with a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// Milliseconds that a part of the requests stayed within.
    Quantile(f64),
    /// Mean response time in milliseconds.
    Mean,
    /// The shortest response time in milliseconds.
    Min,
    /// The longest response time in milliseconds.
    Max,
    /// Requests per second over the whole run.
    Rate,
    /// The part of the requests that failed.
    FailRatio,
    /// How many requests failed.
    Failures,
    /// How many requests there were.
    Requests,
    /// How many iterations have begun.
    Iterations,
    /// How many iterations have begun late.
    Late,
    /// The part of the iterations that were due that has begun late.
    LateRatio,
    /// How many iterations were due and never began.
    Dropped,
    /// The part of the iterations that were due that never began.
    DroppedRatio,
}

/// Which of a request's times is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// From taken up until the last byte.
    #[default]
    Service,
    /// From due until the answer was in hand.
    Response,
    /// The difference: the generator's own delay.
    Lateness,
}

/// Which requests a condition is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Selector {
    /// A pattern of a name, a method, or both.
    Pattern(String),
    /// A name that stood in quotes, and the pattern of its method.
    Quoted {
        method: Option<String>,
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// Comparisons as they are written, the longer first.
const COMPARISONS: [(&str, Comparison); 4] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];
/// Units of time in milliseconds, the longer first.
const TIMES: [(&str, f64); 5] = [
    ("us", 0.001),
    ("ms", 1.0),
    ("s", 1e3),
    ("m", 6e4),
    ("h", 3.6e6),
];
const METRICS: &str =
    "p50, p95, p99.9, avg, median, min, max, rps, fail, requests, iterations, late or dropped";

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}\n{:>width$} {problem}", "^", width = at + 1)]
pub struct ThresholdError {
    text: String,
    /// The character it is about, from zero.
    at: usize,
    problem: String,
}

impl ThresholdError {
    /// What is wrong, in words.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// What became of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What was measured, in the metric's unit; none without a request it could be measured on.
    pub value: Option<f64>,
    /// Whether the run has failed by it.
    pub failed: bool,
}

/// How a run stands by a condition so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// There is no request to measure.
    #[default]
    Unmeasured,
    /// What is measured is far from the limit.
    Kept,
    /// What is measured is within a tenth of the limit.
    Near,
    /// The run has failed by it.
    Crossed,
}

impl Standing {
    /// The word for it in the web API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unmeasured => "unmeasured",
            Self::Kept => "kept",
            Self::Near => "near",
            Self::Crossed => "crossed",
        }
    }
}

/// A condition and what has become of it while the run goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The condition.
    pub threshold: Threshold,
    /// What was measured last.
    pub verdict: Verdict,
    /// How the run stands by it.
    pub standing: Standing,
    /// When it was crossed first, in milliseconds since the Unix epoch.
    pub first_crossed_ms: Option<u64>,
    /// How long it was crossed in all, in milliseconds.
    pub crossed_ms: u64,
    /// When it was added, if that was while the run went on.
    pub added_ms: Option<u64>,
}

impl Watched {
    /// A condition of which nothing is known yet.
    pub const fn new(threshold: Threshold) -> Self {
        Self {
            threshold,
            verdict: Verdict {
                value: None,
                failed: false,
            },
            standing: Standing::Unmeasured,
            first_crossed_ms: None,
            crossed_ms: 0,
            added_ms: None,
        }
    }
}

/// From this part of the limit on, a run is near it.
const NEAR: f64 = 0.9;

impl Threshold {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// A [`ThresholdError`] that points at what is wrong.
    ///
    /// ```
    /// use katydid_core::threshold::Threshold;
    ///
    /// assert!(Threshold::parse("GET /item p99.9 > 1.5s").is_ok());
    /// assert!(Threshold::parse("p95>fast").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, ThresholdError> {
        let fail = |at: usize, problem: String| ThresholdError {
            text: text.to_owned(),
            at: text[..at].chars().count(),
            problem,
        };
        let Some(at) = text.rfind(['<', '>']) else {
            let problem = "where is the limit? Write it like p95>300ms or fail>1%".to_owned();
            return Err(fail(text.len(), problem));
        };
        let (sign, comparison) = *COMPARISONS
            .iter()
            .find(|(sign, _)| text[at..].starts_with(sign))
            .expect("one of them was found");
        let left = text[..at].trim_end();
        let begin = left.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        // The character before may be wider than a byte.
        let begin = (begin..left.len())
            .find(|&at| left.is_char_boundary(at))
            .unwrap_or(left.len());
        let right = text[at + sign.len()..].trim();
        let place = text.len() - text[at + sign.len()..].trim_start().len();
        let metric = metric_of(&left[begin..], right.ends_with('%')).ok_or_else(|| {
            let given = &left[begin..];
            let hint = if given.starts_with("p(") {
                // There a threshold is what must hold, and not what must not.
                "write p95, and when the run has failed: p95>300ms".to_owned()
            } else {
                format!("write {METRICS}")
            };
            fail(
                begin,
                format!("{given:?} is nothing that is measured; {hint}"),
            )
        })?;
        let limit = limit_of(metric, right).map_err(|problem| fail(place, problem))?;
        let (before, clock) = Clock::split(left[..begin].trim(), metric);
        if metric.is_of_iterations() && !before.is_empty() {
            let problem = "iterations have no names; leave this out".to_owned();
            return Err(fail(left.len() - left.trim_start().len(), problem));
        }
        let selector = Selector::parse(before).map_err(|at| {
            let place = left.len() - left.trim_start().len() + at;
            fail(place, "this quote is not closed".to_owned())
        })?;
        Ok(Self {
            text: text.trim().to_owned(),
            selector: (!before.is_empty()).then_some(selector),
            clock,
            metric,
            comparison,
            limit,
        })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it compares.
    pub const fn metric(&self) -> Metric {
        self.metric
    }

    /// Which of a request's times it compares, if it compares times.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether the run has failed by it.
    pub fn judge(&self, stats: &Stats, registry: &Registry) -> Verdict {
        let value = match &self.selector {
            None => self.metric.of(stats.total(), self.clock, stats),
            Some(selector) => {
                let mut merged = Entry::default();
                for (key, entry) in stats.entries() {
                    if selector.selects(&registry.name(key)) {
                        merged.merge(entry);
                    }
                }
                self.metric.of(&merged, self.clock, stats)
            }
        };
        Verdict {
            value,
            failed: self.fails(value),
        }
    }

    /// The same of what a window has counted: methods, names and counts of a stretch of so many
    /// seconds. The mean and the shortest and the longest time are those of its histograms.
    pub fn judge_counts<'a>(
        &self,
        counts: impl IntoIterator<Item = (&'a str, &'a str, &'a Count)>,
        window: &Window,
        seconds: u64,
    ) -> Verdict {
        let mut merged = Count::default();
        for (method, name, count) in counts {
            let name = || Name {
                method: method.into(),
                name: name.into(),
            };
            if self.selector.as_ref().is_none_or(|it| it.selects(&name())) {
                merged.merge(count);
            }
        }
        let value = match self.clock {
            _ if self.metric.is_of_iterations() => self.metric.of_iterations(&window.iterations),
            Clock::Response if self.metric.is_time() => {
                self.metric.of_times(&merged.response_times())
            }
            // A window has the lateness of all names together.
            Clock::Lateness if self.metric.is_time() => self
                .selects_all()
                .then(|| self.metric.of_times(&window.lateness))
                .flatten(),
            _ => self.metric.of_count(&merged, seconds),
        };
        Verdict {
            value,
            failed: self.fails(value),
        }
    }

    fn fails(&self, value: Option<f64>) -> bool {
        value.is_none_or(|value| match self.comparison {
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
        })
    }

    /// How a run stands by it.
    pub fn standing(&self, verdict: &Verdict) -> Standing {
        let Some(value) = verdict.value else {
            return Standing::Unmeasured;
        };
        let is_near = if self.is_ceiling() {
            value >= self.limit * NEAR && value > 0.0
        } else {
            value * NEAR <= self.limit
        };
        match (verdict.failed, is_near) {
            (true, _) => Standing::Crossed,
            (false, true) => Standing::Near,
            (false, false) => Standing::Kept,
        }
    }

    /// Milliseconds, parts of one, requests per second or a count, as the metric has it.
    pub const fn limit(&self) -> f64 {
        self.limit
    }

    /// Whether what is measured is to stay below the limit, and not above it.
    pub const fn is_ceiling(&self) -> bool {
        matches!(self.comparison, Comparison::Above | Comparison::AtLeast)
    }

    /// Whether it is about all requests.
    pub const fn selects_all(&self) -> bool {
        self.selector.is_none()
    }

    /// What was measured, as people read it.
    pub fn shown(&self, verdict: &Verdict) -> String {
        let Some(value) = verdict.value else {
            return if self.metric.is_of_iterations() {
                "no iteration was due by a rate".to_owned()
            } else {
                "no request to measure".to_owned()
            };
        };
        match self.metric {
            Metric::Rate => format!("{value:.2}/s"),
            Metric::FailRatio | Metric::LateRatio | Metric::DroppedRatio => {
                format!("{:.2} %", value * 100.0)
            }
            Metric::Failures
            | Metric::Requests
            | Metric::Iterations
            | Metric::Late
            | Metric::Dropped => format!("{value}"),
            Metric::Quantile(_) | Metric::Mean | Metric::Min | Metric::Max => {
                if value >= 10_000.0 {
                    format!("{:.2} s", value / 1e3)
                } else {
                    format!("{value:.2} ms")
                }
            }
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn metric_of(word: &str, of_parts: bool) -> Option<Metric> {
    let lower = word.to_ascii_lowercase();
    if let Some(percent) = lower.strip_prefix('p')
        && percent.starts_with(|first: char| first.is_ascii_digit())
    {
        let percent: f64 = percent.parse().ok()?;
        return (percent <= 100.0).then_some(Metric::Quantile(percent / 100.0));
    }
    Some(match lower.as_str() {
        "avg" | "mean" => Metric::Mean,
        "median" | "med" => Metric::Quantile(0.5),
        "min" => Metric::Min,
        "max" => Metric::Max,
        "rps" => Metric::Rate,
        "fail" | "fails" | "failures" | "errors" if of_parts => Metric::FailRatio,
        "fail" | "fails" | "failures" | "errors" => Metric::Failures,
        "requests" | "count" => Metric::Requests,
        "iterations" => Metric::Iterations,
        "late" if of_parts => Metric::LateRatio,
        "late" => Metric::Late,
        "dropped" if of_parts => Metric::DroppedRatio,
        "dropped" => Metric::Dropped,
        _ => return None,
    })
}

fn limit_of(metric: Metric, text: &str) -> Result<f64, String> {
    let number = |digits: &str| {
        let number: Option<f64> = digits.trim().parse().ok();
        number
            .filter(|number| number.is_finite() && *number >= 0.0)
            .ok_or_else(|| format!("{:?} is not a number", digits.trim()))
    };
    match metric {
        Metric::Quantile(_) | Metric::Mean | Metric::Min | Metric::Max => {
            for (unit, millis) in TIMES {
                if let Some(digits) = text.strip_suffix(unit) {
                    return number(digits).map(|count| count * millis);
                }
            }
            number(text).map_err(|_| format!("{text:?} is not a time; write 300ms, 1.5s or 2m"))
        }
        Metric::FailRatio | Metric::LateRatio | Metric::DroppedRatio => {
            number(text.trim_end_matches('%')).map(|percent| percent / 100.0)
        }
        Metric::Rate => number(text.strip_suffix("/s").unwrap_or(text)),
        Metric::Failures
        | Metric::Requests
        | Metric::Iterations
        | Metric::Late
        | Metric::Dropped => {
            let count = number(text)?;
            let of_parts = match metric {
                _ if count.fract() == 0.0 => return Ok(count),
                Metric::Failures => "a part of the requests as fail",
                Metric::Late => "a part of the iterations as late",
                Metric::Dropped => "a part of the iterations as dropped",
                _ => return Err(format!("{text:?} is no count")),
            };
            Err(format!(
                "{text:?} is no count; write {of_parts}>{}%",
                count * 100.0
            ))
        }
    }
}

impl Metric {
    /// The word for it in the web API; percentiles share one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quantile(_) => "percentile",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Rate => "rps",
            Self::FailRatio => "fail_ratio",
            Self::Failures => "failures",
            Self::Requests => "requests",
            Self::Iterations => "iterations",
            Self::Late => "late",
            Self::LateRatio => "late_ratio",
            Self::Dropped => "dropped",
            Self::DroppedRatio => "dropped_ratio",
        }
    }

    /// Whether it is a time of requests.
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Quantile(_) | Self::Mean | Self::Min | Self::Max)
    }

    /// Whether it is about iterations, which have no names.
    pub const fn is_of_iterations(self) -> bool {
        matches!(
            self,
            Self::Iterations | Self::Late | Self::LateRatio | Self::Dropped | Self::DroppedRatio
        )
    }

    /// Whether it is about failures.
    pub const fn is_of_failures(self) -> bool {
        matches!(self, Self::FailRatio | Self::Failures)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts this large are not compared with limits"
    )]
    fn of(self, entry: &Entry, clock: Clock, stats: &Stats) -> Option<f64> {
        if self.is_time() && clock != Clock::Service {
            return self.of_times(&clock.times(entry));
        }
        let timed = entry.requests - entry.none_requests;
        match self {
            _ if self.is_of_iterations() => self.of_iterations(stats.iterations()),
            Self::Requests => Some(entry.requests as f64),
            // A name that nothing was sent to would keep any limit.
            Self::Failures | Self::Rate if entry.requests + entry.failures == 0 => None,
            Self::Failures => Some(entry.failures as f64),
            Self::Rate => Some(stats.view(entry).total_rps()),
            Self::FailRatio => {
                (entry.requests > 0).then(|| entry.failures as f64 / entry.requests as f64)
            }
            _ if timed == 0 => None,
            Self::Mean => Some(entry.total_time.as_millis_f64() / timed as f64),
            Self::Min => entry.min_time.map(crate::units::Nanos::as_millis_f64),
            Self::Max => Some(entry.max_time.as_millis_f64()),
            Self::Quantile(part) => {
                let service = entry.histograms.service();
                Some(service.value_at_quantile(part).as_millis_f64())
            }
            _ => None,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts this large are not compared with limits"
    )]
    fn of_count(self, count: &Count, seconds: u64) -> Option<f64> {
        let (requests, failures) = (count.requests as f64, count.failures as f64);
        let times = count.times();
        let ms = Micros::as_millis_f64;
        match self {
            Self::Requests => Some(requests),
            Self::Failures | Self::Rate if count.requests + count.failures == 0 => None,
            Self::Failures => Some(failures),
            Self::Rate => Some(requests / seconds.max(1) as f64),
            Self::FailRatio => (count.requests > 0).then(|| failures / requests),
            Self::Mean => times.mean().map(|micros| micros / 1e3),
            Self::Min => times.min().map(ms),
            Self::Max => times.max().map(ms),
            Self::Quantile(part) => (!times.is_empty()).then(|| ms(times.value_at_quantile(part))),
            _ => None,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts this large are not compared with limits"
    )]
    fn of_iterations(self, all: &Iterations) -> Option<f64> {
        match self {
            Self::Iterations => Some(all.started as f64),
            Self::Late => Some(all.late as f64),
            Self::Dropped => Some(all.dropped as f64),
            Self::LateRatio => all.late_ratio(),
            Self::DroppedRatio => all.dropped_ratio(),
            _ => None,
        }
    }

    /// The same of times that have nothing but a histogram.
    fn of_times(self, times: &Histogram) -> Option<f64> {
        let longest = times.max()?;
        match self {
            Self::Mean => Some(times.mean()? / 1e3),
            Self::Min => times.min().map(Micros::as_millis_f64),
            Self::Max => Some(longest.as_millis_f64()),
            Self::Quantile(part) => Some(times.value_at_quantile(part).as_millis_f64()),
            _ => None,
        }
    }
}

impl Clock {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Response => "response",
            Self::Lateness => "lateness",
        }
    }

    /// What stands before a metric without the clock at its end, and that clock.
    fn split(before: &str, metric: Metric) -> (&str, Self) {
        if metric.is_time() {
            for clock in [Self::Service, Self::Response, Self::Lateness] {
                if let Some(rest) = before.strip_suffix(clock.as_str())
                    && (rest.is_empty() || rest.ends_with(char::is_whitespace))
                {
                    return (rest.trim_end(), clock);
                }
            }
        }
        (before, Self::Service)
    }

    fn times(self, entry: &Entry) -> Histogram {
        match self {
            Self::Service => entry.histograms.service(),
            Self::Response => entry.histograms.response(),
            Self::Lateness => entry.histograms.lateness.clone(),
        }
    }
}

impl Selector {
    /// Reads a selector, or tells the byte of a quote that is not closed.
    fn parse(text: &str) -> Result<Self, usize> {
        let quote = |at: &usize| text[*at..].starts_with(['"', '\'']);
        // A name begins the selector, or follows its method.
        let second = text.find(char::is_whitespace).unwrap_or(0);
        let begin = [0, text.len() - text[second..].trim_start().len()];
        let Some(at) = begin.into_iter().find(quote) else {
            return Ok(Self::Pattern(text.to_owned()));
        };
        let inside = &text[at + 1..];
        let name = inside.strip_suffix(&text[at..=at]).ok_or(at)?;
        let method = text[..at].trim_end();
        Ok(Self::Quoted {
            method: (!method.is_empty()).then(|| method.to_owned()),
            name: name.to_owned(),
        })
    }

    fn selects(&self, name: &Name) -> bool {
        match self {
            Self::Pattern(pattern) => {
                matches(pattern, &name.name)
                    || matches(pattern, &name.method)
                    || matches(pattern, &format!("{} {}", name.method, name.name))
            }
            Self::Quoted {
                method,
                name: quoted,
            } => {
                *quoted == *name.name
                    && method
                        .as_ref()
                        .is_none_or(|method| matches(method, &name.method))
            }
        }
    }
}

/// Whether a pattern, in which `*` stands for anything, is a text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recorder::Recorder;
    use crate::sample::{Sample, Times};
    use crate::units::Nanos;

    fn counted(samples: &[(&str, &str, u64, bool)]) -> (Stats, Registry) {
        let registry = Registry::new();
        let mut recorder = Recorder::default();
        for (method, name, millis, failed) in samples {
            let key = registry.key(method, name);
            recorder.record(&Sample {
                key,
                error: failed.then(|| registry.error(key, "failed")),
                times: Some(Times {
                    service: Nanos::from_millis(*millis),
                    ..Times::default()
                }),
                bytes_in: 0,
                bytes_out: 0,
                at: Nanos::from_secs(1),
                counts_request: true,
            });
        }
        (recorder.take(), registry)
    }

    fn failed(text: &str, of: &(Stats, Registry)) -> bool {
        Threshold::parse(text).unwrap().judge(&of.0, &of.1).failed
    }

    #[test]
    fn conditions_are_judged_on_what_they_select() {
        let run = counted(&[
            ("GET", "/item/1", 100, false),
            ("GET", "/item/2", 300, false),
            ("POST", "/buy", 900, true),
            ("POST", "log in", 10, false),
        ]);
        for (text, expected) in [
            ("max>800ms", true),
            ("max > 1s", false),
            ("max>=900", true),
            ("GET max>300ms", false),
            ("GET /item/* p99 > 250 ms", true),
            ("/item/1 p50>250ms", false),
            ("GET /item/1 median<200", true),
            ("fail>10%", true),
            ("fail>25%", false),
            ("fail>=25%", true),
            ("fail>0", true),
            ("GET fail>0%", false),
            ("requests<5", true),
            ("requests<4", false),
            ("POST log in avg>5ms", true),
            ("'log in' avg>5ms", true),
            ("POST \"log in\" avg>5ms", true),
            ("GET 'log in' avg>1h", true),
            ("'/item/*' max>=0", true),
            ("it's max>=0", true),
            ("/nowhere p95>1s", true),
            ("/nowhere fail>0", true),
            ("/nowhere rps>1", true),
            ("/nowhere requests>1", false),
        ] {
            assert_eq!(failed(text, &run), expected, "{text}");
        }
    }

    #[test]
    fn times_are_of_the_clock_that_is_named() {
        let registry = Registry::new();
        let mut recorder = Recorder::default();
        recorder.record(&Sample {
            key: registry.key("GET", "response"),
            error: None,
            times: Some(Times {
                lateness: Nanos::from_millis(1_400),
                service: Nanos::from_millis(5),
                first_byte: None,
            }),
            bytes_in: 0,
            bytes_out: 0,
            at: Nanos::from_secs(1),
            counts_request: true,
        });
        let run = (recorder.take(), registry);
        for (text, expected) in [
            ("p99>1s", false),
            ("service p99>1s", false),
            ("response p99>1s", true),
            ("response max>1405ms", false),
            ("lateness avg>1399ms", true),
            ("lateness min>1401ms", false),
            ("GET response p99>1s", true),
            ("GET 'response' p99>1s", false),
            ("GET 'response' lateness p99>1s", true),
        ] {
            assert_eq!(failed(text, &run), expected, "{text}");
        }
    }

    #[test]
    fn late_and_dropped_iterations_can_fail_a_run() {
        let mut recorder = Recorder::default();
        let (iterations, at) = (recorder.iterations(), Nanos::from_secs(1));
        iterations.fall_due(100, at);
        for millis in 0..98 {
            iterations.begin_due(Nanos::from_millis(millis / 49 * 20), at);
        }
        iterations.give_up(2, at);
        let run = (recorder.take(), Registry::new());
        for (text, expected) in [
            ("dropped>0", true),
            ("dropped>2%", false),
            ("late>=49%", true),
            ("late>49", false),
            ("iterations<98", false),
        ] {
            assert_eq!(failed(text, &run), expected, "{text}");
        }
        let closed = (Stats::default(), Registry::new());
        assert!(!failed("dropped>0", &closed));
        let threshold = Threshold::parse("late>1%").unwrap();
        let verdict = threshold.judge(&closed.0, &closed.1);
        assert_eq!(threshold.shown(&verdict), "no iteration was due by a rate");
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let shown = |text: &str| Threshold::parse(text).unwrap_err().to_string();
        assert_eq!(
            shown("p95>fast"),
            "p95>fast\n    ^ \"fast\" is not a time; write 300ms, 1.5s or 2m"
        );
        assert!(shown("GET /é speed>1s").contains("\n       ^ \"speed\" is nothing"));
        assert!(shown("p95").contains("where is the limit?"));
        assert!(shown("p101>1s").contains("\"p101\""));
        assert!(shown("fail>x%").contains("\"x\" is not a number"));
        assert!(shown("dropped>0.5").contains("a part of the iterations as dropped>50%"));
        assert!(shown("GET /x late>1").contains("\n^ iterations have no names"));
        assert!(shown("rps<-1").contains("\"-1\" is not a number"));
        assert!(shown(">1s").contains("\"\" is nothing"));
        assert!(
            shown("fail>0.01")
                .contains("\"0.01\" is no count; write a part of the requests as fail>1%")
        );
        assert!(shown("p(95)<500").contains("write p95, and when the run has failed"));
        assert_eq!(
            shown(" GET 'log in p95>1s"),
            " GET 'log in p95>1s\n     ^ this quote is not closed"
        );
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*b*c", "a-b-c", true),
            ("ab", "abc", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}") {
            if let Ok(threshold) = Threshold::parse(&text) {
                threshold.judge(&Stats::default(), &Registry::new());
            }
        }

        #[test]
        fn no_selector_is_too_strange(selector in "[ '\"*\\PC]{0,12}") {
            let text = format!("{selector} p95>1s");
            if let Ok(threshold) = Threshold::parse(&text) {
                let run = counted(&[("GET", "/", 1, false)]);
                threshold.judge(&run.0, &run.1);
            }
        }

        #[test]
        fn a_name_in_quotes_is_that_name(name in "[a-z *'/]{1,12}") {
            let run = counted(&[("GET", &name, 1, false), ("GET", "another one", 1, false)]);
            let [fewer, more] = ["requests<2", "requests>0"]
                .map(|condition| failed(&format!("GET \"{name}\" {condition}"), &run));
            prop_assert!(fewer && more);
        }

        #[test]
        fn what_is_written_is_what_is_compared(tenths in 1_u32..1000, limit in 0_u32..100_000) {
            let part = f64::from(tenths) / 10.0;
            let threshold = Threshold::parse(&format!("GET /x p{part}>={limit}ms")).unwrap();
            prop_assert_eq!(threshold.metric(), Metric::Quantile(part / 100.0));
            prop_assert!((threshold.limit - f64::from(limit)).abs() < 1e-9);
        }
    }
}
