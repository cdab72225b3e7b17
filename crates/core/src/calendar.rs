//! The calendar: years, months and days of a point of time, in UTC.

use std::time::Duration;

use crate::units::Nanos;

/// A second of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The year.
    pub year: u64,
    /// The month, from 1.
    pub month: u64,
    /// The day of the month, from 1.
    pub day: u64,
    /// The hour.
    pub hour: u64,
    /// The minute.
    pub minute: u64,
    /// The second; none is a leap second.
    pub second: u64,
}

impl Moment {
    /// The moment some seconds after the Unix epoch.
    ///
    /// Counts days from the first of March of the year 0, so that a leap day ends a year.
    pub fn at(seconds: u64) -> Self {
        let (days, seconds) = (seconds / 86_400 + 719_468, seconds % 86_400);
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let leaps = day_of_era / 1_460 + day_of_era / 146_096 - day_of_era / 36_524;
        let year_of_era = (day_of_era - leaps) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        Self {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

/// A moment in UTC, as ISO 8601 has it.
pub fn utc(time: Nanos) -> String {
    let Moment {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Moment::at(time.as_secs());
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// What a run is called that began then: the moment, to the millisecond.
pub fn run_id(started_ms: u64) -> String {
    let second = utc(Nanos::from_millis(started_ms));
    let digits: String = second.chars().filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at(digits.len().min(8));
    format!("{day}-{time}-{:03}", started_ms % 1_000)
}

/// How much of the seconds `from` to `to` of the Unix epoch, `to` not included, a run was under way, which began and
/// ended within a second: what is counted per second is counted per this. All of them where it was not at all.
pub fn under_way((started_ms, ended_ms): (u64, u64), (from, to): (u64, u64)) -> Duration {
    let begin = from.saturating_mul(1_000).max(started_ms);
    let end = to.saturating_mul(1_000).min(ended_ms);
    match end.saturating_sub(begin) {
        0 => Duration::from_secs(to.saturating_sub(from).max(1)),
        millis => Duration::from_millis(millis),
    }
}

/// A time in whole seconds, rounded.
pub fn rounded(time: Duration) -> u64 {
    time.saturating_add(Duration::from_millis(500)).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_as_long_as_the_run_was_under_way_in_it() {
        let length = |from, to| under_way((10_400, 12_900), (from, to)).as_millis();
        assert_eq!(length(10, 13), 2_500);
        assert_eq!(length(0, 99), 2_500);
        assert_eq!(length(11, 12), 1_000);
        assert_eq!(length(12, 13), 900);
        assert_eq!(length(20, 22), 2_000);
        assert_eq!(rounded(Duration::from_millis(2_500)), 3);
    }

    // The expected moments are what `date -u -d @…` prints.
    #[test]
    fn seconds_become_moments_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_825_600, "2000-02-29T12:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_432_690, "2026-11-23T11:18:10Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(Nanos::from_secs(seconds)), text);
        }
    }
}
