//! Reads lengths of time as typed on the command line: `90`, `1h30m`, `20s`.

use std::time::Duration;

/// The units a length of time may name, in the order they must come.
const UNITS: [(char, u64); 3] = [('h', 3600), ('m', 60), ('s', 1)];

/// The length of time that `text` names, or `None` when it names none.
///
/// Digits alone are seconds. Otherwise hours, minutes and seconds follow each
/// other in that order, each at most once: `1h30m10s`, `2h5s`. There are no
/// fractions and no spaces, and the empty text is no length of time.
///
/// ```
/// use std::time::Duration;
/// use katydid::timespan::parse;
///
/// assert_eq!(parse("1h30m"), Some(Duration::from_secs(5400)));
/// assert_eq!(parse("1.5s"), None);
/// ```
pub fn parse(text: &str) -> Option<Duration> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let mut rest = text;
    let mut seconds = 0u64;
    for (unit, length) in UNITS {
        let Some((number, after)) = rest.split_once(unit) else {
            continue;
        };
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        seconds = seconds.checked_add(number.checked_mul(length)?)?;
        rest = after;
    }
    rest.is_empty().then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        parse(text).map(|length| length.as_secs())
    }

    #[test]
    fn digits_alone_are_seconds() {
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds("90"), Some(90));
        assert_eq!(seconds("007"), Some(7));
    }

    #[test]
    fn units_add_up() {
        assert_eq!(seconds("1h30m10s"), Some(5410));
        assert_eq!(seconds("2h5s"), Some(7205));
        assert_eq!(seconds("20m"), Some(1200));
        assert_eq!(seconds("100s"), Some(100));
        assert_eq!(seconds("90m"), Some(5400));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "h",
            "1m1h",
            "1s1m",
            "1h1h",
            "1.5s",
            "10x",
            "-5",
            "+5",
            " 5",
            "5 ",
            "1h 5m",
            "1h5",
            "5S",
            "1d",
            "99999999999999999999",
            "99999999999999999h",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
