//! How many users there are, over the time of a run.

use std::time::Duration;

use crate::timespan;

/// Decides how many users there are while a test runs; asked once a second.
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

/// So many users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    pub(crate) users: u32,
    pub(crate) spawn_rate: f64,
}

impl Load {
    /// So many users, started and stopped at 100 per second.
    pub const fn users(users: u32) -> Self {
        Self {
            users,
            spawn_rate: 100.0,
        }
    }

    /// How many users start or stop per second on the way there.
    #[must_use]
    pub const fn spawn_rate(self, spawn_rate: f64) -> Self {
        Self { spawn_rate, ..self }
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
                return Some(Load { users, spawn_rate });
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
        let load = |users, spawn_rate| Some(Load { users, spawn_rate });
        assert_eq!(at(&mut stages, 0), load(20, 2.0));
        assert_eq!(at(&mut stages, 12), load(20, 1.0));
        assert_eq!(at(&mut stages, 15), load(0, 2.0));
        assert_eq!(at(&mut stages, 25), None);
        for wrong in ["", "10s", "10s:0", "0s:5", "soon:5", "5s:-1"] {
            assert!(Stages::parse(wrong).is_err(), "{wrong}");
        }
    }
}
