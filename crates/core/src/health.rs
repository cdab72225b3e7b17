//! Whether the generator, and not the target, limits or distorts what is measured, in words.

use std::collections::BTreeMap;

use crate::snapshot::State;
use crate::units::Micros;

/// Processor time of a process, in percent of one core, from which on it distorts what it measures.
pub const BUSY_PERCENT: f64 = 90.0;
/// Lateness that 99 % of the requests stayed within and that is still nothing to speak of.
pub const LATE: Micros = Micros::from_micros(10_000);
/// Part of the open files a process may have that is still nothing to speak of.
const MANY_FILES: f64 = 0.9;
/// Part of the users wanted below which a run has fewer than it should.
const FEW_USERS: f64 = 0.95;
/// What helps where iterations are dropped.
pub(crate) const MORE_USERS: &str = "Allow more users (--rate-users), or ask for less.";
/// Seconds that a passing condition must last before it is told of.
const LASTING: u32 = 3;
/// Seconds after which what is no longer the case is no longer told of.
const FORGIVEN: u32 = 5;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What is measured may be distorted.
    Warning,
    /// The run is not what was asked for.
    Error,
}

impl Level {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that is wrong with the generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is about: `cpu`, `lateness`, `files`, `ports`, `iterations`, `workers` or `users`.
    pub code: &'static str,
    /// What is wrong and what helps, in words.
    pub text: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// What is looked at, once a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signs {
    /// The most processor time that one process of the test uses, 100 for one core.
    pub cpu_percent: f64,
    /// The worker that uses it; none if it is this process.
    pub busiest: Option<String>,
    /// Lateness that 99 % of the newest second's requests stayed within.
    pub lateness_p99: Option<Micros>,
    /// Open files of this process and how many it may have, where the system tells.
    pub files: Option<(u64, u64)>,
    /// Whether connections failed in the last second for want of open files.
    pub lacks_files: bool,
    /// Whether connections failed in the last second for want of local ports.
    pub lacks_ports: bool,
    /// Iterations that were dropped in the last second, because no user was free for them in time.
    pub dropped: u64,
    /// What the run is doing.
    pub state: State,
    /// Users running, and wanted.
    pub users: (u32, u32),
    /// Workers that are heard of, and that are not; none where the users run in this process.
    pub workers: Option<(u32, u32)>,
}

/// What is wrong, second by second.
#[derive(Clone, Debug, Default)]
pub struct Health {
    known: BTreeMap<&'static str, Known>,
    told: Vec<Finding>,
}

#[derive(Clone, Debug)]
struct Known {
    finding: Finding,
    /// Seconds it was the case, and was not since.
    held: u32,
    absent: u32,
    /// Whether it is told of at once.
    is_plain: bool,
}

/// What began, or ceased, to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is the case since some seconds.
    Began(Finding),
    /// It no longer is.
    Ceased(Finding),
}

impl Health {
    /// Looks at the signs of a second and says what has changed.
    pub fn look(&mut self, signs: &Signs, at_ms: u64) -> Vec<Change> {
        let mut changes = Vec::new();
        let found = found(signs);
        let present: Vec<_> = found.iter().map(|&(_, code, ..)| code).collect();
        for (level, code, text, is_plain) in found {
            let known = self.known.entry(code).or_insert_with(|| Known {
                finding: Finding {
                    level,
                    code,
                    text: String::new(),
                    since_ms: at_ms,
                },
                held: 0,
                absent: 0,
                is_plain,
            });
            known.finding.level = level;
            known.finding.text = text;
            known.held += 1;
            known.absent = 0;
            let begins = if is_plain { 1 } else { LASTING };
            if known.held == begins {
                changes.push(Change::Began(known.finding.clone()));
            }
        }
        self.known.retain(|code, known| {
            if present.contains(code) {
                return true;
            }
            known.absent += 1;
            let is_told = known.is_told();
            if is_told && known.absent < FORGIVEN {
                return true;
            }
            if is_told {
                changes.push(Change::Ceased(known.finding.clone()));
            }
            false
        });
        let told = self.known.values().filter(|known| known.is_told());
        self.told = told.map(|known| known.finding.clone()).collect();
        self.told
            .sort_by_key(|finding| (std::cmp::Reverse(finding.level), finding.since_ms));
        changes
    }

    /// What is wrong now, the worst first.
    pub fn findings(&self) -> &[Finding] {
        &self.told
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Known {
    fn is_told(&self) -> bool {
        self.is_plain || self.held >= LASTING
    }
}

/// What is wrong in this second: how bad, its code, in words, and whether it is told of at once.
fn found(signs: &Signs) -> Vec<(Level, &'static str, String, bool)> {
    let mut all = Vec::new();
    if signs.state.is_active() && signs.cpu_percent >= BUSY_PERCENT {
        let who = signs.busiest.as_deref();
        all.push((
            Level::Warning,
            "cpu",
            busy_now(signs.cpu_percent, who),
            false,
        ));
    }
    if let Some(lateness) = signs.lateness_p99.filter(|lateness| *lateness > LATE) {
        all.push((Level::Warning, "lateness", late(lateness), false));
    }
    if signs.lacks_files {
        all.push((Level::Error, "files", no_files().to_owned(), true));
    } else if let Some((open, most)) = signs.files
        && open as f64 >= most as f64 * MANY_FILES
    {
        let text = format!(
            "{open} of {most} files are open: connections will fail beyond that. Raise the limit (ulimit -n), or use more machines."
        );
        all.push((Level::Warning, "files", text, true));
    }
    if signs.lacks_ports {
        all.push((Level::Error, "ports", no_ports().to_owned(), true));
    }
    if signs.state.is_active() && signs.dropped > 0 {
        let text = format!(
            "{} iterations that were due did not begin in the last second, because no user was free in time: the load is less than asked for. {MORE_USERS}",
            signs.dropped
        );
        all.push((Level::Error, "iterations", text, true));
    }
    if signs.state.is_active()
        && let Some((heard, missing)) = signs.workers
    {
        if heard == 0 {
            let text = "There is no worker left to run users: start workers, or stop the run.";
            all.push((Level::Error, "workers", text.to_owned(), true));
        } else if missing > 0 {
            let text = format!(
                "{missing} of {} workers are not heard of: what they count is not here, and their users were started on the others.",
                heard + missing
            );
            all.push((Level::Warning, "workers", text, true));
        }
    }
    let (running, wanted) = signs.users;
    if signs.state == State::Running && f64::from(running) < f64::from(wanted) * FEW_USERS {
        let text = format!(
            "Only {running} of {wanted} users run: some have ended by themselves, or could not be started."
        );
        all.push((Level::Error, "users", text, false));
    }
    all
}

fn busy_now(percent: f64, worker: Option<&str>) -> String {
    let who = worker.map_or_else(
        || "A process of this test".to_owned(),
        |worker| format!("Worker {worker}"),
    );
    format!(
        "{who} uses {percent:.0} % of a core: the generator, not the target, may limit the rate and lengthen the times. \
         --processes spreads the users over the cores."
    )
}

/// A process has used much of a core.
pub(crate) fn busy(peak_percent: f64) -> String {
    format!(
        "A process of this test used up to {peak_percent:.0} % of a core: the generator, not the target, may be what limited the rate. \
         --processes spreads the users over the cores."
    )
}

/// Requests were late.
pub(crate) fn late(p99: Micros) -> String {
    format!(
        "Requests were up to {} late (99 %): the script, or this machine, was busy with something else.",
        crate::report::words::millis(p99.as_millis_f64()),
    )
}

/// Connections could not be opened for want of files.
pub(crate) const fn no_files() -> &'static str {
    "Connections failed for want of open files: raise the limit (ulimit -n), or use more machines."
}

/// Connections could not be opened for want of ports.
pub(crate) const fn no_ports() -> &'static str {
    "Connections failed for want of local ports: keep connections open, or use more machines."
}

/// Whether an error's text says that files were wanting, and that ports were.
pub fn lacks(error: &str) -> (bool, bool) {
    (
        error.contains("Too many open files"),
        error.contains("Cannot assign requested address"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy_signs() -> Signs {
        Signs {
            cpu_percent: 97.0,
            state: State::Running,
            ..Signs::default()
        }
    }

    #[test]
    fn a_busy_moment_is_not_told_of_but_busy_seconds_are_from_the_first_on() {
        let mut health = Health::default();
        assert_eq!(health.look(&busy_signs(), 1_000), []);
        assert_eq!(health.look(&Signs::default(), 2_000), []);
        assert_eq!(health.look(&busy_signs(), 3_000), []);
        assert_eq!(health.look(&busy_signs(), 4_000), []);
        let changes = health.look(&busy_signs(), 5_000);
        let [Change::Began(finding)] = &changes[..] else {
            panic!("{changes:?}");
        };
        assert_eq!((finding.code, finding.since_ms), ("cpu", 3_000));
        assert_eq!(health.findings(), std::slice::from_ref(finding));
    }

    #[test]
    fn what_was_wrong_is_told_of_for_some_seconds_more() {
        let mut health = Health::default();
        let signs = Signs {
            lacks_ports: true,
            ..Signs::default()
        };
        assert_eq!(health.look(&signs, 1_000).len(), 1);
        for second in 2..6 {
            assert_eq!(health.look(&Signs::default(), second * 1000), []);
            assert_eq!(health.findings().len(), 1);
        }
        let changes = health.look(&Signs::default(), 6_000);
        assert!(matches!(&changes[..], [Change::Ceased(finding)] if finding.code == "ports"));
        assert_eq!(health.findings(), []);
    }

    #[test]
    fn the_worst_stands_first() {
        let mut health = Health::default();
        let signs = Signs {
            state: State::Running,
            workers: Some((0, 2)),
            files: Some((990, 1000)),
            ..Signs::default()
        };
        health.look(&signs, 1_000);
        let codes: Vec<_> = health.findings().iter().map(|it| it.code).collect();
        assert_eq!(codes, ["workers", "files"]);
    }
}
