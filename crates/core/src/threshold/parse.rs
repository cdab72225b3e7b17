//! Reads conditions as people write them.

use super::metric::{Clock, Metric};
use super::selector::Selector;
use super::{Comparison, Threshold};

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn what_is_written_is_what_is_compared(tenths in 1_u32..1000, limit in 0_u32..100_000) {
            let part = f64::from(tenths) / 10.0;
            let threshold = Threshold::parse(&format!("GET /x p{part}>={limit}ms")).unwrap();
            prop_assert_eq!(threshold.metric(), Metric::Quantile(part / 100.0));
            prop_assert!((threshold.limit - f64::from(limit)).abs() < 1e-9);
        }
    }
}
