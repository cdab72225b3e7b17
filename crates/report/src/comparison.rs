//! The differences of two runs as people read them.

use katydid_core::compare::{Difference, Measure, Row};

use crate::numbers::{NONE, millis, percent, three};

/// What is to be said of a difference, in words.
pub fn word(row: &Row, difference: &Difference) -> &'static str {
    match row.requests {
        (0, 0) => "no requests",
        (0, _) => "only after",
        (_, 0) => "only before",
        _ => difference.verdict.as_str(),
    }
}

/// A number of one of the runs, with its unit.
pub fn shown(measure: Measure, value: Option<f64>) -> String {
    match measure {
        Measure::FailRatio => percent(value),
        Measure::Rate => value.map_or_else(|| NONE.to_owned(), |rate| format!("{}/s", three(rate))),
        _ => millis(value),
    }
}

/// By how much the second run differs from the first.
pub fn change(difference: &Difference) -> String {
    match (difference.before, difference.after) {
        (Some(before), Some(after)) if difference.measure == Measure::FailRatio => {
            format!("{:+.2} points", (after - before) * 100.0)
        }
        (Some(before), Some(after)) if before > 0.0 => {
            format!("{:+.1} %", (after / before - 1.0) * 100.0)
        }
        _ => NONE.to_owned(),
    }
}

/// Between which bounds the change lies.
pub fn bounds(difference: &Difference) -> String {
    let Some((low, high)) = difference.interval else {
        return NONE.to_owned();
    };
    match difference.before {
        _ if difference.measure == Measure::FailRatio => {
            format!("{:+.2} and {:+.2}", low * 100.0, high * 100.0)
        }
        // Nothing falls by more than all of it: an interval that says so tells that little is known.
        Some(before) if before > 0.0 && low / before < -1.0 => {
            format!("wide, up to {:+.0} %", high / before * 100.0)
        }
        Some(before) if before > 0.0 => {
            format!(
                "{:+.1} and {:+.1} %",
                low / before * 100.0,
                high / before * 100.0
            )
        }
        _ => NONE.to_owned(),
    }
}
