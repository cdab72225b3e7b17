//! What is compared with a limit, and how it is measured.

use crate::histogram::Histogram;
use crate::iteration::Iterations;
use crate::stats::{Entry, Stats};
use crate::units::{Micros, Nanos};
use crate::window::Count;

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
    pub(super) fn of(self, entry: &Entry, clock: Clock, stats: &Stats) -> Option<f64> {
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
            Self::Min => entry.min_time.map(Nanos::as_millis_f64),
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
    pub(super) fn of_count(self, count: &Count, seconds: u64) -> Option<f64> {
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
    pub(super) fn of_iterations(self, all: &Iterations) -> Option<f64> {
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
    pub(super) fn of_times(self, times: &Histogram) -> Option<f64> {
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
    pub(super) fn split(before: &str, metric: Metric) -> (&str, Self) {
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
