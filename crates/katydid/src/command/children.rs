//! Workers on this machine: `--processes N`. Each is a process of its own, started like this one but with `--worker`.

use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use katydid_http::timing::Stamp;

/// Environment variable of a child: which of how many it is, from 0, with a slash between.
const CHILD: &str = "KATYDID_CHILD";
/// Environment variable of a child: the process that has started it.
const PARENT: &str = "KATYDID_PARENT";
/// How long children may take to end by themselves before they are killed.
const GRACE: Duration = Duration::from_secs(3);
/// How often they are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);
/// A child that lives less than this is not started again more than [`MOST_RESTARTS`] times in a row.
const SHORT_LIFE: Duration = Duration::from_secs(10);
const MOST_RESTARTS: u32 = 3;

/// The workers that this process has started.
pub(super) struct Children {
    launcher: Vec<String>,
    command: Vec<String>,
    port: u16,
    count: usize,
    all: Vec<Started>,
    restarts: u32,
}

struct Started {
    process: Child,
    number: usize,
    since: Stamp,
}

/// A child that has ended although nobody has told it to.
pub(super) struct Ended {
    pub(super) id: u32,
    pub(super) status: ExitStatus,
    /// Whether there is another one in its place.
    pub(super) is_replaced: io::Result<bool>,
}

impl Children {
    /// Starts so many workers for the master on this port.
    pub(super) fn start(
        launcher: &[String],
        command: &[String],
        port: u16,
        count: usize,
    ) -> io::Result<Self> {
        let mut children = Self {
            launcher: launcher.to_vec(),
            command: command.to_vec(),
            port,
            count,
            all: Vec::new(),
            restarts: 0,
        };
        for number in 0..count {
            children.add(number)?;
        }
        Ok(children)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    fn add(&mut self, number: usize) -> io::Result<()> {
        let program = match self.launcher.first() {
            Some(program) => program.into(),
            None => std::env::current_exe()?,
        };
        let process = Command::new(program)
            .args(self.launcher.iter().skip(1))
            .args(arguments(&self.command))
            .args(["--worker", "--master-host", "127.0.0.1", "--master-port"])
            .arg(self.port.to_string())
            .env(CHILD, format!("{number}/{}", self.count))
            .env(PARENT, std::process::id().to_string())
            // What makes the parent one must not make its children such.
            .env_remove("KATYDID_PROCESSES")
            .env_remove("LOCUST_PROCESSES")
            .stdin(Stdio::null())
            .spawn()?;
        self.all.push(Started {
            process,
            number,
            since: Stamp::now(),
        });
        Ok(())
    }

    /// Looks for children that have ended although nobody has told them to. Those that were killed are started again,
    /// those that gave up by themselves are not.
    pub(super) fn look(&mut self) -> Vec<Ended> {
        let mut gone = Vec::new();
        let mut place = 0;
        while let Some(child) = self.all.get_mut(place) {
            match child.process.try_wait() {
                Ok(Some(status)) => gone.push((status, self.all.remove(place))),
                _ => place += 1,
            }
        }
        let now = Stamp::now();
        let ended = gone.into_iter().filter(|(status, _)| !status.success());
        let ended = ended.map(|(status, child)| {
            let was_short = u128::from(now.since(child.since)) < SHORT_LIFE.as_nanos();
            self.restarts = if was_short { self.restarts + 1 } else { 1 };
            let is_killed = status.code().is_none();
            let is_replaced = if is_killed && self.restarts <= MOST_RESTARTS {
                self.add(child.number).map(|()| true)
            } else {
                Ok(false)
            };
            Ended {
                id: child.process.id(),
                status,
                is_replaced,
            }
        });
        ended.collect()
    }

    /// Waits a little for the children to end, then kills them.
    pub(super) async fn end(mut self) {
        let mut waited = Duration::ZERO;
        while waited < GRACE {
            // One that cannot be asked has ended.
            self.all
                .retain_mut(|child| matches!(child.process.try_wait(), Ok(None)));
            if self.all.is_empty() {
                return;
            }
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.all {
            child.process.kill().ok();
            child.process.wait().ok();
        }
    }
}

/// The parent's arguments, less what makes it the parent.
fn arguments(command: &[String]) -> Vec<String> {
    const WITH_VALUES: [&str; 3] = ["--processes", "--master-host", "--master-port"];
    let mut kept = Vec::new();
    let mut given = command.iter().skip(1);
    while let Some(word) = given.next() {
        let (name, value) = word
            .split_once('=')
            .map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if WITH_VALUES.contains(&name) {
            if value.is_none() {
                given.next();
            }
        } else if !matches!(name, "--worker" | "--slave" | "--master") {
            kept.push(word.clone());
        }
    }
    kept
}

/// Which of how many this process is.
fn place() -> (u64, u64) {
    let text = std::env::var(CHILD).unwrap_or_default();
    let place = text.split_once('/');
    let place = place.and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
    place.filter(|(_, count)| *count > 0).unwrap_or((0, 1))
}

/// The process that has started this one as its worker, if one has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent {
    id: u32,
    /// Whether it was there to begin with, with nothing in between.
    was_there: bool,
}

impl Parent {
    pub(super) fn find() -> Option<Self> {
        let id = std::env::var(PARENT).ok()?.parse().ok()?;
        let was_there = parent_id() == Some(id);
        Some(Self { id, was_there })
    }

    /// Whether it has ended; what it has started is of no use without it.
    pub(super) fn is_gone(self) -> bool {
        /// Whom the system gives those whose parents have ended.
        const INIT: u32 = 1;
        let now = parent_id();
        now.is_some_and(|now| now != self.id && (self.was_there || now == INIT))
    }
}

#[cfg(unix)]
fn parent_id() -> Option<u32> {
    let parent = rustix::process::getppid()?;
    u32::try_from(parent.as_raw_pid()).ok()
}

/// Not told here: a worker notices that its master is silent.
#[cfg(not(unix))]
fn parent_id() -> Option<u32> {
    None
}

/// How many processes share this machine's cores.
pub(super) fn siblings() -> usize {
    usize::try_from(place().1).unwrap_or(1)
}

/// This process's share of the iterations.
pub(super) fn share(iterations: Option<u64>) -> Option<u64> {
    let (number, count) = place();
    iterations.map(|all| all / count + u64::from(number < all % count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_get_what_does_not_make_the_parent_one() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let given = words("shop --headless --processes 2 -u 5 --master-port=7 --master");
        assert_eq!(arguments(&given), words("--headless -u 5"));
    }

    /// Looks after children that run this in a shell, until one has ended for good.
    #[cfg(unix)]
    fn ended(script: &str) -> (Vec<bool>, usize) {
        let launcher = ["/bin/sh", "-c", script].map(str::to_owned);
        let mut children = Children::start(&launcher, &[], 1, 2).unwrap();
        let mut replaced = Vec::new();
        while replaced.last() != Some(&false) {
            replaced.extend(
                children
                    .look()
                    .into_iter()
                    .map(|it| it.is_replaced.unwrap()),
            );
            std::thread::yield_now();
        }
        (replaced, children.len())
    }

    #[cfg(unix)]
    #[test]
    fn children_that_give_up_are_not_started_again() {
        let (replaced, left) = ended("exit 3");
        assert_eq!(replaced.len() + left, 2, "{replaced:?}");
    }

    #[cfg(unix)]
    #[test]
    fn children_that_are_killed_are_started_again_for_so_often() {
        let (replaced, left) = ended("kill -9 $$");
        let again = replaced.iter().filter(|again| **again).count();
        assert_eq!(again, MOST_RESTARTS as usize, "{replaced:?}");
        assert!(left < 2);
    }
}
