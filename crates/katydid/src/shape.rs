//! How many users there are, or at what rate iterations begin, over the time of a run.

use std::time::Duration;

use katydid_core::arrival::{self, Schedule, Spacing};

use crate::timespan;
use crate::user::{Arrivals, MOST_USERS};

/// Decides how many users there are while a test runs, or at what rate iterations begin; asked once a second.
///
/// ```
/// use std::time::Duration;
/// use katydid::prelude::*;
///
/// /// A peak in the middle.
/// struct Rush;
///
/// impl Shape for Rush {
///     fn tick(&mut self, time: Duration) -> Option<Load> {
///         match time.as_secs() {
///             0..60 => Some(Load::users(100)),
///             60..90 => Some(Load::users(1_000).spawn_rate(50.0)),
///             90..150 => Some(Load::users(100)),
///             _ => None,
///         }
///     }
/// }
/// # let _ = Test::new().shape(Rush);
/// ```
pub trait Shape: Send {
    /// The load that is wanted after so much time of the run; none ends the test.
    fn tick(&mut self, time: Duration) -> Option<Load>;

    /// What it is called on the page.
    fn name(&self) -> &str {
        let path = std::any::type_name::<Self>();
        path.rsplit("::").next().unwrap_or(path)
    }

    /// Its stages, if it consists of some: how long each lasts, and users at its end.
    fn stages(&self) -> Option<Vec<(Duration, u32)>> {
        None
    }
}

/// So many users, or iterations at such a rate.
///
/// ```
/// use std::time::Duration;
/// use katydid::prelude::*;
///
/// /// Twice as many iterations in each minute as in the one before, for five minutes, as many people begin them.
/// struct Doubling;
///
/// impl Shape for Doubling {
///     fn tick(&mut self, time: Duration) -> Option<Load> {
///         let minute = u32::try_from(time.as_secs() / 60).ok().filter(|minute| *minute < 5)?;
///         Some(Load::rate(10.0 * f64::from(1 << minute)).poisson())
///     }
/// }
/// # let _ = Test::new().shape(Doubling);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub(crate) users: u32,
    pub(crate) spawn_rate: f64,
    pub(crate) rate: Option<Rate>,
}

/// Iterations that begin when they are due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    per_second: f64,
    spacing: Spacing,
    most_users: u32,
}

impl Load {
    /// So many users, started and stopped at 100 per second.
    pub const fn users(users: u32) -> Self {
        Self {
            users,
            spawn_rate: 100.0,
            rate: None,
        }
    }

    /// So many iterations per second, on as many users as that takes: an open model. A shape says either this or
    /// users all the time.
    pub const fn rate(per_second: f64) -> Self {
        let rate = Rate {
            per_second,
            spacing: Spacing::Even,
            most_users: MOST_USERS,
        };
        Self {
            rate: Some(rate),
            ..Self::users(1)
        }
    }

    /// Has iterations begin at random, each independent of the others, as those of many people do.
    #[must_use]
    pub const fn poisson(mut self) -> Self {
        if let Some(rate) = &mut self.rate {
            rate.spacing = Spacing::Poisson;
        }
        self
    }

    /// How many users there may be where iterations begin at a rate; 1000 unless it is said.
    #[must_use]
    pub const fn most_users(mut self, most: u32) -> Self {
        if let Some(rate) = &mut self.rate {
            rate.most_users = if most == 0 { 1 } else { most };
        }
        self
    }

    /// How many users start or stop per second on the way there.
    #[must_use]
    pub const fn spawn_rate(self, spawn_rate: f64) -> Self {
        Self { spawn_rate, ..self }
    }
}

impl Rate {
    pub(crate) fn arrivals(self) -> Result<Arrivals, arrival::Error> {
        Ok(Arrivals {
            schedule: Schedule::constant(self.per_second)?.spaced(self.spacing),
            most_users: self.most_users,
        })
    }
}

/// Users over time, stage by stage: what `--stages` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(Vec<(Duration, u32)>);

impl Stages {
    /// Stages from their text, each a time and the users at its end: `30s:10,5m:10,1m:0`.
    ///
    /// # Errors
    ///
    /// In words, if it is not written that way.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stage = |text: &str| {
            let wrong =
                || format!("{text:?} is no stage; write its time and its users, as in 30s:10");
            let (time, users) = text.split_once(':').ok_or_else(wrong)?;
            let time = timespan::parse(time.trim()).ok_or_else(wrong)?;
            let users = users.trim().parse().map_err(|_| wrong())?;
            if time < Duration::from_secs(1) {
                return Err(format!(
                    "{text:?} is no stage: it lasts at least 1s and has 0 or more users"
                ));
            }
            Ok((time, users))
        };
        let parts = text.split(',').map(str::trim);
        let stages = parts.filter(|part| !part.is_empty()).map(stage);
        let stages = stages.collect::<Result<Vec<_>, _>>()?;
        if stages.iter().all(|(_, users)| *users == 0) {
            return Err(format!(
                "{text:?} has no stage with users; write a time and a number for each: 30s:10,5m:10,1m:0"
            ));
        }
        Ok(Self(stages))
    }
}

impl Shape for Stages {
    fn tick(&mut self, time: Duration) -> Option<Load> {
        let mut left = time;
        let mut before = 0_u32;
        for &(length, users) in &self.0 {
            if left < length {
                let rate = f64::from(users.abs_diff(before)) / length.as_secs_f64();
                let spawn_rate = if rate > 0.0 { rate } else { 1.0 };
                return Some(Load::users(users).spawn_rate(spawn_rate));
            }
            left -= length;
            before = users;
        }
        None
    }

    fn name(&self) -> &'static str {
        "Stages"
    }

    fn stages(&self) -> Option<Vec<(Duration, u32)>> {
        Some(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_go_in_a_straight_line_and_end() {
        let mut stages = Stages::parse("10s:20, 5s:20,10s:0").unwrap();
        let at = |stages: &mut Stages, seconds| stages.tick(Duration::from_secs(seconds));
        let load = |users, spawn_rate| Some(Load::users(users).spawn_rate(spawn_rate));
        assert_eq!(at(&mut stages, 0), load(20, 2.0));
        assert_eq!(at(&mut stages, 12), load(20, 1.0));
        assert_eq!(at(&mut stages, 15), load(0, 2.0));
        assert_eq!(at(&mut stages, 25), None);
        for wrong in ["", "10s", "10s:0", "0s:5", "soon:5", "5s:-1"] {
            assert!(Stages::parse(wrong).is_err(), "{wrong}");
        }
    }
}
