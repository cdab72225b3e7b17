//! Numbers as people read them: three digits that count, and a dash where there is none.

use std::fmt::Write;

use katydid_core::calendar;
use katydid_core::units::Nanos;

/// What is said where there is no number; never a zero.
pub(crate) const NONE: &str = "—";

/// What a number counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Millis,
    /// So many in a second.
    PerSecond,
    /// A part of one, shown in percent.
    Part,
    /// Percent of one core.
    Percent,
    /// A number of things.
    Count,
    /// Bytes in a second.
    BytesPerSecond,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// A value in this unit, with the unit.
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Millis => millis(Some(value)),
            Self::PerSecond => format!("{}/s", three(value)),
            Self::Part => percent(Some(value)),
            Self::Percent => format!("{value:.0} %"),
            Self::Count => three(value),
            Self::BytesPerSecond => format!("{}/s", bytes(value)),
            Self::Bytes => bytes(value),
        }
    }
}

/// Seconds since a run began, for tables that programs read: whole milliseconds, and none before it.
pub(crate) fn seconds(time: f64) -> f64 {
    (time.max(0.0) * 1e3).round() / 1e3
}

/// A time in milliseconds.
pub(crate) fn millis(time: Option<f64>) -> String {
    match time {
        None => NONE.to_owned(),
        Some(time) if time >= 60_000.0 => format!("{:.0} s", time / 1e3),
        Some(time) if time >= 1_000.0 => format!("{} s", three(time / 1e3)),
        Some(time) => format!("{} ms", three(time)),
    }
}

/// A part of one in percent.
pub(crate) fn percent(part: Option<f64>) -> String {
    match part {
        None => NONE.to_owned(),
        Some(0.0) => "0 %".to_owned(),
        Some(part) if part < 1e-4 => "<0.01 %".to_owned(),
        Some(part) if part < 0.01 => format!("{:.2} %", part * 100.0),
        Some(part) => format!("{:.1} %", part * 100.0),
    }
}

/// Bytes with a binary prefix.
pub(crate) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = bytes;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three(scaled), UNITS[unit])
}

/// A number with three digits that count, or all of those before the point.
pub(crate) fn three(value: f64) -> String {
    let size = value.abs();
    if size >= 99.95 {
        return grouped(&format!("{value:.0}"));
    }
    let text = if size >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A count with commas between thousands.
pub(crate) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |it| ("-", it));
    let mut out = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Seconds as a clock shows them: 00:45, 12:05, 1:02:03.
pub(crate) fn clock(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

/// Seconds in words.
pub(crate) fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, rest) => format!("{rest} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, 0, 0) => format!("{hours} h"),
        (hours, minutes, 0) => format!("{hours} h {minutes} min"),
        (hours, minutes, rest) => format!("{hours} h {minutes} min {rest} s"),
    }
}

/// A moment, in milliseconds since the Unix epoch, in UTC.
pub(crate) fn utc(at_ms: u64) -> String {
    calendar::utc(Nanos::from_millis(at_ms))
        .replace('T', " ")
        .replace('Z', " UTC")
}

/// A text in HTML, and in an attribute of it.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            // Neither HTML nor XML has a way to write them.
            letter if letter.is_control() && !matches!(letter, '\n' | '\t') => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            letter => out.push(letter),
        }
    }
    out
}

/// Writes to a string, which takes everything.
pub(crate) fn write(out: &mut String, text: std::fmt::Arguments) {
    out.write_fmt(text).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.123_4, 1.0, 12.345, 123.45, 1_234.5, 65_400.0].map(|ms| millis(Some(ms)));
        assert_eq!(
            shown,
            ["0.12 ms", "1 ms", "12.3 ms", "123 ms", "1.23 s", "65 s"]
        );
        assert_eq!(millis(None), "—");
        let parts = [0.0, 0.000_01, 0.004_2, 0.123_4, 1.0].map(|part| percent(Some(part)));
        assert_eq!(parts, ["0 %", "<0.01 %", "0.42 %", "12.3 %", "100.0 %"]);
        assert_eq!(
            [bytes(12.0), bytes(2048.0), bytes(5e6)],
            ["12 B", "2 KiB", "4.77 MiB"]
        );
        assert_eq!([count(999), count(1_234_567)], ["999", "1,234,567"]);
        assert_eq!([three(-1234.0), three(0.0)], ["-1,234", "0"]);
    }

    #[test]
    fn times_are_told() {
        assert_eq!(
            [clock(45), clock(725), clock(3_723)],
            ["00:45", "12:05", "1:02:03"]
        );
        assert_eq!(
            [span(59), span(120), span(3_661)],
            ["59 s", "2 min", "1 h 1 min 1 s"]
        );
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00 UTC");
    }

    #[test]
    fn a_text_stays_a_text() {
        assert_eq!(
            escaped("<b a='\"'>&\u{0}"),
            "&lt;b a=&#x27;&quot;&#x27;&gt;&amp;\u{fffd}"
        );
    }
}
