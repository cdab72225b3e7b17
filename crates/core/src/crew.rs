//! How those who run the users fared over the time of a run.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::steps::{Step, Steps};
use crate::units::Micros;

/// How many workers are followed; later ones are not.
pub const FOLLOWED: u32 = 100;

/// How one worker fared in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Its place among all workers.
    pub index: u32,
    /// Users it ran.
    pub users: u32,
    /// Requests per second of its last report.
    pub requests_per_second: f64,
    /// Processor time, 100 for one core.
    pub cpu_percent: f64,
    /// Memory it held.
    pub memory_bytes: u64,
    /// The lateness that 99 % of the requests of its last report stayed within, if there were any.
    pub lateness_p99: Option<Micros>,
}

/// All workers in one step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// The second (Unix epoch) in which the step began.
    pub t: u64,
    /// By their places.
    pub members: Vec<Member>,
}

/// Who there was, and how each fared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crew {
    /// Ids by place.
    pub ids: BTreeMap<u32, String>,
    /// What is known of each step.
    pub steps: Steps<Moment>,
}

/// A [`Crew`] shared between who writes and who reads it.
#[derive(Debug, Default)]
pub struct SharedCrew(RwLock<Crew>);

impl Step for Moment {
    fn second(&self) -> u64 {
        self.t
    }

    fn set_second(&mut self, second: u64) {
        self.t = second;
    }

    /// Numbers of users are the newest, rates the mean, everything else the largest.
    fn join(&mut self, next: Self) {
        for member in next.members {
            let place = self
                .members
                .binary_search_by_key(&member.index, |it| it.index);
            match place {
                Err(place) => self.members.insert(place, member),
                Ok(place) => {
                    let mine = &mut self.members[place];
                    let rate = f64::midpoint(mine.requests_per_second, member.requests_per_second);
                    *mine = Member {
                        requests_per_second: rate,
                        cpu_percent: mine.cpu_percent.max(member.cpu_percent),
                        memory_bytes: mine.memory_bytes.max(member.memory_bytes),
                        lateness_p99: mine.lateness_p99.max(member.lateness_p99),
                        ..member
                    };
                }
            }
        }
    }
}

impl SharedCrew {
    /// Adds a second; `members` are sorted by their places.
    pub fn push<'a>(&self, t: u64, members: impl IntoIterator<Item = (&'a str, Member)>) {
        let mut crew = self.0.write();
        let mut moment = Moment {
            t,
            members: Vec::new(),
        };
        for (id, member) in members {
            if member.index >= FOLLOWED {
                continue;
            }
            crew.ids
                .entry(member.index)
                .or_insert_with(|| id.to_owned());
            moment.members.push(member);
        }
        moment.members.sort_by_key(|member| member.index);
        crew.steps.push(moment);
    }

    /// Who there was, and the steps from this second on.
    pub fn since(&self, t: u64) -> Crew {
        let crew = self.0.read();
        Crew {
            ids: crew.ids.clone(),
            steps: crew.steps.since(t),
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.0.write() = Crew::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(index: u32, users: u32, cpu_percent: f64) -> Member {
        Member {
            index,
            users,
            cpu_percent,
            requests_per_second: f64::from(users),
            ..Member::default()
        }
    }

    #[test]
    fn a_long_run_keeps_its_peaks_and_newest_users() {
        let crew = SharedCrew::default();
        for t in 0..1_200 {
            let users = u32::try_from(t).unwrap_or(0);
            let cpu = if t == 700 { 95.0 } else { 5.0 };
            crew.push(t, [("b", member(1, users, cpu)), ("a", member(0, 1, 1.0))]);
        }
        let Crew { ids, steps } = crew.since(0);
        assert_eq!(ids.into_values().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((steps.step, steps.points.len()), (2, 600));
        let cpu = steps.points.iter().map(|it| it.members[1].cpu_percent);
        assert!(cpu.fold(0.0, f64::max) > 94.0);
        assert_eq!(
            steps.points.last().map(|it| it.members[1].users),
            Some(1_199)
        );
        assert_eq!(crew.since(1_190).steps.points.len(), 5);
    }

    #[test]
    fn workers_beyond_the_bound_are_not_followed() {
        let crew = SharedCrew::default();
        crew.push(
            1,
            (0..FOLLOWED + 5).map(|index| ("w", member(index, 1, 1.0))),
        );
        assert_eq!(
            crew.since(0).steps.points[0].members.len(),
            FOLLOWED as usize
        );
    }
}
