//! Conditions under which a run has failed: `p95>300ms`, `fail>1%`, `GET /item p99>1s`, `dropped>0`.
//!
//! A condition is a metric, a comparison and a limit, after an optional selector: a method, a
//! name, or both, in which `*` stands for anything; a name in quotes is taken as it is. What it
//! selects is merged before anything is computed, so a percentile over several names is one of
//! all their requests. Times are service times, unless `response` or `lateness` stands before them.

mod metric;
mod parse;
mod selector;

use std::fmt;

pub use self::metric::{Clock, Metric};
pub use self::parse::ThresholdError;
use self::selector::Selector;
use crate::registry::{Name, Registry};
use crate::stats::{Entry, Stats};
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
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
    }
}
