//! How long users wait between two tasks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::session::Context;

/// How long a user waits after a task before it begins the next one.
///
/// Made by [`between`], [`constant`], [`constant_pacing`], [`constant_throughput`] or [`Wait::by`].
#[derive(Clone, Default)]
pub struct Wait(pub(crate) Kind);

#[derive(Clone, Default)]
pub(crate) enum Kind {
    /// Not at all.
    #[default]
    None,
    Between(Duration, Duration),
    /// From the beginning of one task to that of the next.
    Pacing(Duration),
    By(Arc<dyn Fn(&Context) -> Duration + Send + Sync>),
}

impl Wait {
    /// As long as a function says, which is asked each time.
    ///
    /// ```
    /// use katydid::prelude::*;
    ///
    /// // Now and then somebody reads for longer.
    /// let wait = Wait::by(|user| if user.chance(0.1) { 30.secs() } else { 2.secs() });
    /// # let _ = wait;
    /// ```
    pub fn by(wait: impl Fn(&Context) -> Duration + Send + Sync + 'static) -> Self {
        Self(Kind::By(Arc::new(wait)))
    }

    /// The wait after a task that began so long ago.
    pub(crate) fn after(&self, took: Duration, user: &Context) -> Duration {
        match &self.0 {
            Kind::None => Duration::ZERO,
            Kind::Between(least, most) => {
                *least + most.saturating_sub(*least).mul_f64(user.fraction())
            }
            Kind::Pacing(period) => period.saturating_sub(took),
            Kind::By(wait) => wait(user),
        }
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::None => f.write_str("no wait"),
            Kind::Between(least, most) => write!(f, "between({least:?}, {most:?})"),
            Kind::Pacing(period) => write!(f, "constant_pacing({period:?})"),
            Kind::By(_) => f.write_str("Wait::by(..)"),
        }
    }
}

/// Some time between these two, each as likely as any other.
///
/// # Panics
///
/// If the first is longer than the second.
pub fn between(least: Duration, most: Duration) -> Wait {
    assert!(
        least <= most,
        "between({least:?}, {most:?}): the shorter time comes first"
    );
    Wait(Kind::Between(least, most))
}

/// Always the same time.
pub fn constant(wait: Duration) -> Wait {
    Wait(Kind::Between(wait, wait))
}

/// So that a task begins every so often, however long it takes; at once if it took longer.
pub fn constant_pacing(period: Duration) -> Wait {
    Wait(Kind::Pacing(period))
}

/// So that each user runs so many tasks per second, if they are quick enough for it.
///
/// # Panics
///
/// If the rate is not above zero.
pub fn constant_throughput(tasks_per_second: f64) -> Wait {
    let period = Duration::try_from_secs_f64(1.0 / tasks_per_second);
    Wait(Kind::Pacing(period.unwrap_or_else(|_| {
        panic!("constant_throughput({tasks_per_second}): the rate must be above zero")
    })))
}

/// Lengths of time as one says them: `3.secs()`, `1.5.mins()`, `250.millis()`.
///
/// What is negative, or beyond what a [`Duration`] can hold, becomes the nearest that it can.
pub trait Lengths {
    /// So many milliseconds.
    fn millis(self) -> Duration;
    /// So many seconds.
    fn secs(self) -> Duration;
    /// So many minutes.
    fn mins(self) -> Duration;
}

fn length(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

macro_rules! lengths {
    ($($number:ty),*) => {$(
        impl Lengths for $number {
            fn millis(self) -> Duration {
                length(f64::from(self) / 1e3)
            }
            fn secs(self) -> Duration {
                length(f64::from(self))
            }
            fn mins(self) -> Duration {
                length(f64::from(self) * 60.0)
            }
        }
    )*};
}

lengths!(i32, u32, f64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_they_are_said() {
        assert_eq!(3.secs(), Duration::from_secs(3));
        assert_eq!(250.millis(), Duration::from_millis(250));
        assert_eq!(1.5.mins(), Duration::from_secs(90));
        assert_eq!((-1).secs(), Duration::ZERO);
        assert_eq!(f64::NAN.secs(), Duration::ZERO);
    }
}
