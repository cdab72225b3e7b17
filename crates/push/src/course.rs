//! How it goes with a collector, as far as the log is to hear of it: once that it fails, once that reports
//! are lost, once that it is well again.

use std::time::Duration;

/// After it was told that all is well, so long nothing is told of a new failure that passes.
const QUIET: Duration = Duration::from_secs(60);

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It does not take reports, and why.
    Fails(String),
    /// So many wait that the oldest are lost from now on.
    Loses,
    /// It takes them again; so many were lost meanwhile.
    Recovered(u64),
    /// It is over, and so many were lost since that was told last.
    Lost(u64),
}

#[derive(Debug, Default)]
pub(crate) struct Course {
    /// Whether the last report was not taken.
    fails: bool,
    /// Whether that was told.
    is_told: bool,
    loses_told: bool,
    /// Lost since a number was told last.
    lost: u64,
    /// When it was told that all is well; since some moment.
    recovered_at: Option<Duration>,
}

impl Course {
    /// A report was not taken; it may be tried again, or is lost.
    pub(crate) fn failed(&mut self, why: &str, lost: u64, now: Duration) -> Option<News> {
        self.lost += lost;
        self.fails = true;
        let recovered_at = self.recovered_at;
        let is_quiet = recovered_at.is_some_and(|at| now.saturating_sub(at) < QUIET);
        if self.is_told || is_quiet {
            return None;
        }
        self.is_told = true;
        Some(News::Fails(why.to_owned()))
    }

    /// Reports had to make room.
    pub(crate) fn dropped(&mut self, reports: u64) -> Option<News> {
        self.lost += reports;
        if reports == 0 || self.loses_told {
            return None;
        }
        self.loses_told = true;
        Some(News::Loses)
    }

    /// A report was taken, and none waits any more.
    pub(crate) fn caught_up(&mut self, now: Duration) -> Option<News> {
        if !(self.fails || self.loses_told) {
            return None;
        }
        self.fails = false;
        if !(self.is_told || self.loses_told) {
            return None;
        }
        self.is_told = false;
        self.loses_told = false;
        self.recovered_at = Some(now);
        Some(News::Recovered(std::mem::take(&mut self.lost)))
    }

    /// The end, with so many reports that nobody has taken.
    pub(crate) fn ended(&mut self, left: u64) -> Option<News> {
        let lost = std::mem::take(&mut self.lost) + left;
        (lost > 0).then_some(News::Lost(lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_thing_is_told_once() {
        let mut course = Course::default();
        assert_eq!(course.caught_up(SECOND), None);
        let fails = course.failed("no answer", 0, SECOND);
        assert_eq!(fails, Some(News::Fails("no answer".into())));
        assert_eq!(course.failed("no answer", 0, 2 * SECOND), None);
        assert_eq!(course.dropped(0), None);
        assert_eq!(course.dropped(2), Some(News::Loses));
        assert_eq!(course.dropped(3), None);
        assert_eq!(course.caught_up(70 * SECOND), Some(News::Recovered(5)));
        assert_eq!(course.caught_up(71 * SECOND), None);
        assert_eq!(course.ended(0), None);
    }

    #[test]
    fn who_fails_every_other_second_is_not_told_of_each_time() {
        let mut course = Course::default();
        let mut told = 0;
        for second in 0..120 {
            let now = second * SECOND;
            told += usize::from(course.failed("refused", 1, now).is_some());
            told += usize::from(course.caught_up(now + SECOND / 2).is_some());
        }
        assert_eq!(told, 4);
        // What was lost and not told is told in the end.
        assert!(matches!(course.ended(0), Some(News::Lost(lost)) if lost > 0));
    }
}
