//! What is kept of a run besides what was counted: its script, examples of what went wrong, exceptions,
//! workers, log lines, and what was wrong with the generator.

use katydid_core::crew::Moment;
use katydid_core::fault::Example;
use katydid_core::log::Line;
use katydid_core::snapshot::{Exception, Loss};
use katydid_core::window::{Count, Window};
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::packed::{pack, unpack};
use crate::runs::{WriteError, int, unsigned};
use crate::windows::{span, window};
use crate::{Store, StoreError};

/// Log lines of a run that are kept, the newest.
pub const LINES: u64 = 5_000;
/// Shorter data is kept as it is.
const SHORT: usize = 300;

/// Something that is known of a run. Each is known by a number among those of its kind; what is written
/// under the same number takes its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A script.
    Script(Script),
    /// A request that failed.
    Sample(Sample),
    /// An exception that a script did not catch.
    Exception(Exception),
    /// A worker.
    Worker(Worker),
    /// How the workers, or this process, fared; known by its second.
    Moment(Moment),
    /// A line of the log; known by its place in it. Old ones make room for new ones.
    Line(Line),
    /// Something that was wrong with the generator.
    Finding(Finding),
    /// All load that was lost; there is one list of a run.
    Losses(Vec<Loss>),
}

/// A script of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The file's name.
    pub name: String,
    /// The hash of the file as it was, in hexadecimal digits.
    pub sha256: String,
    /// Its text, secrets hidden.
    pub text: String,
}

/// A request that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The number of the name.
    pub name: u32,
    /// What the errors of its kind have in common, see [`katydid_core::fingerprint::pattern`].
    pub pattern: String,
    /// The request, secrets hidden.
    pub example: Example,
}

/// A worker of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its id: host name, `_`, and something unique.
    pub id: String,
    /// Its place among all workers; that of its members in the run's [`Moment`]s.
    pub index: u32,
    /// The version it says it speaks.
    pub version: Option<String>,
    /// What it said last that it is doing, or that it was not heard of for too long.
    pub state: String,
    /// Whether its statistics come with exact times, and not only with Locust's two digits.
    pub is_exact: bool,
    /// How far its clock is ahead of the master's, in milliseconds, once that is known.
    pub clock_ahead_ms: Option<i64>,
    /// When it was heard of last, in milliseconds since the Unix epoch.
    pub heard_ms: u64,
}

/// Something that was wrong with the generator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `warning` or `error`.
    pub level: String,
    /// What it is about, see [`katydid_core::health::Finding::code`].
    pub code: String,
    /// What was wrong and what helps, in words.
    pub text: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Until when; none if it was the case to the end.
    pub until_ms: Option<u64>,
}

/// The log of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logs {
    /// The newest lines, the oldest of them first.
    pub lines: Vec<Line>,
    /// How many lines there were before and between these.
    pub dropped: u64,
}

/// The first numbers that no fact of a run has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreeNumbers {
    /// Of [`Fact::Sample`].
    pub samples: u64,
    /// Of [`Fact::Line`].
    pub lines: u64,
    /// Of [`Fact::Finding`].
    pub findings: u64,
}

/// What all of a run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    /// The first second of the Unix epoch that is in it.
    pub from: u64,
    /// The first second after it.
    pub to: u64,
    /// Under all names.
    pub count: Count,
}

const SCRIPT: &str = "script";
const SAMPLE: &str = "sample";
const EXCEPTION: &str = "exception";
const WORKER: &str = "worker";
const MOMENT: &str = "moment";
const LINE: &str = "line";
const FINDING: &str = "finding";
const LOSSES: &str = "losses";
/// The end of a run, and a window with one name and all that was counted.
const TOTAL: &str = "total";

impl Store {
    /// The scripts of a run.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn scripts(&self, run: &str) -> Result<Vec<Script>, StoreError> {
        self.facts(run, SCRIPT)
    }

    /// Requests of a run that failed: of each kind of failure the first one, then the newest ones.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn samples(&self, run: &str) -> Result<Vec<Sample>, StoreError> {
        self.facts(run, SAMPLE)
    }

    /// The exceptions that a run's script did not catch.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn exceptions(&self, run: &str) -> Result<Vec<Exception>, StoreError> {
        self.facts(run, EXCEPTION)
    }

    /// The workers of a run, by their places; none if its users ran in one process.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn workers(&self, run: &str) -> Result<Vec<Worker>, StoreError> {
        self.facts(run, WORKER)
    }

    /// How a run's workers, or the process of its users (as worker 0), fared, every five seconds.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn moments(&self, run: &str) -> Result<Vec<Moment>, StoreError> {
        self.facts(run, MOMENT)
    }

    /// What was wrong with the generator, in the order it began.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn findings(&self, run: &str) -> Result<Vec<Finding>, StoreError> {
        self.facts(run, FINDING)
    }

    /// What workers that were gone have not told.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn losses(&self, run: &str) -> Result<Vec<Loss>, StoreError> {
        let lists: Vec<Vec<Loss>> = self.facts(run, LOSSES)?;
        Ok(lists.into_iter().next().unwrap_or_default())
    }

    /// What was logged during a run.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn logs(&self, run: &str) -> Result<Logs, StoreError> {
        let lines: Vec<Line> = self.facts(run, LINE)?;
        let logged = lines.last().map_or(0, |line| line.seq.saturating_add(1));
        let dropped = logged.saturating_sub(lines.len() as u64);
        Ok(Logs { lines, dropped })
    }

    /// What all of a run came to; at once if it has ended.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn total(&self, run: &str) -> Result<Total, StoreError> {
        let total = total(&self.connection, run);
        total.map_err(|error| self.unread(error))
    }

    /// The first numbers that no fact of a run has, so that another process can go on with it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn free_numbers(&self, run: &str) -> Result<FreeNumbers, StoreError> {
        let free = |kind| {
            let newest = "SELECT max(id) + 1 FROM fact WHERE run = ? AND kind = ?";
            let newest = self.connection.query_row(newest, [run, kind], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.unwrap_or(0))
            });
            newest.map(unsigned).map_err(self.failed())
        };
        Ok(FreeNumbers {
            samples: free(SAMPLE)?,
            lines: free(LINE)?,
            findings: free(FINDING)?,
        })
    }

    /// All facts of a kind, by their numbers.
    fn facts<T: DeserializeOwned>(&self, run: &str, kind: &str) -> Result<Vec<T>, StoreError> {
        let mut facts = Vec::new();
        let each = each(&self.connection, run, kind, |data| {
            facts.push(serde_json::from_slice(data)?);
            Ok(())
        });
        each.map_err(|error| self.unread(error))?;
        Ok(facts)
    }
}

impl Fact {
    fn kind(&self) -> &'static str {
        match self {
            Self::Script(_) => SCRIPT,
            Self::Sample(_) => SAMPLE,
            Self::Exception(_) => EXCEPTION,
            Self::Worker(_) => WORKER,
            Self::Moment(_) => MOMENT,
            Self::Line(_) => LINE,
            Self::Finding(_) => FINDING,
            Self::Losses(_) => LOSSES,
        }
    }

    fn to_json(&self) -> Vec<u8> {
        let json = match self {
            Self::Script(it) => serde_json::to_vec(it),
            Self::Sample(it) => serde_json::to_vec(it),
            Self::Exception(it) => serde_json::to_vec(it),
            Self::Worker(it) => serde_json::to_vec(it),
            Self::Moment(it) => serde_json::to_vec(it),
            Self::Line(it) => serde_json::to_vec(it),
            Self::Finding(it) => serde_json::to_vec(it),
            Self::Losses(it) => serde_json::to_vec(it),
        };
        // Plain structures of texts and numbers have no reason not to become JSON.
        json.unwrap_or_default()
    }

    fn from_json(kind: &str, data: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        Ok(Some(match kind {
            SCRIPT => Self::Script(serde_json::from_slice(data)?),
            SAMPLE => Self::Sample(serde_json::from_slice(data)?),
            EXCEPTION => Self::Exception(serde_json::from_slice(data)?),
            WORKER => Self::Worker(serde_json::from_slice(data)?),
            MOMENT => Self::Moment(serde_json::from_slice(data)?),
            LINE => Self::Line(serde_json::from_slice(data)?),
            FINDING => Self::Finding(serde_json::from_slice(data)?),
            LOSSES => Self::Losses(serde_json::from_slice(data)?),
            // It is made anew, or is of a newer program.
            _ => return Ok(None),
        }))
    }
}

/// Writes facts by their numbers; log lines that are too many go.
pub(crate) fn put_facts(
    connection: &Connection,
    run: &str,
    facts: &[(u64, Fact)],
) -> Result<(), WriteError> {
    let mut newest_line = None;
    for (id, fact) in facts {
        put(connection, run, fact.kind(), *id, &fact.to_json())?;
        if matches!(fact, Fact::Line(_)) {
            newest_line = newest_line.max(Some(*id));
        }
    }
    if let Some(old) = newest_line.and_then(|newest| newest.checked_sub(LINES)) {
        let forget = "DELETE FROM fact WHERE run = ? AND kind = ? AND id <= ?";
        let mut forget = connection.prepare_cached(forget)?;
        forget.execute(params![run, LINE, int(old)])?;
    }
    Ok(())
}

/// Writes what is known of a run to another store.
pub(crate) fn copy_facts(from: &Connection, to: &Connection, run: &str) -> Result<(), WriteError> {
    let all = "SELECT kind, id, data FROM fact WHERE run = ?";
    let mut all = from.prepare_cached(all)?;
    let mut rows = all.query([run])?;
    while let Some(row) = rows.next()? {
        let (kind, id): (String, i64) = (row.get(0)?, row.get(1)?);
        let data: Vec<u8> = row.get(2)?;
        let json = unpack(&data).unwrap_or_default();
        // What cannot be read would be found out only when somebody looks.
        if let Some(fact) = Fact::from_json(&kind, &json)? {
            put(to, run, &kind, unsigned(id), &fact.to_json())?;
        }
    }
    Ok(())
}

/// Writes down what all of a run came to, which is asked for often and takes long to add up.
pub(crate) fn put_total(connection: &Connection, run: &str) -> Result<(), WriteError> {
    let known = "SELECT 1 FROM fact WHERE run = ? AND kind = ?";
    if connection.prepare_cached(known)?.exists([run, TOTAL])? {
        return Ok(());
    }
    let total = total_of_windows(connection, run)?;
    if total.to > 0 {
        let mut all = Window::default();
        all.counts.insert(0, total.count);
        let data = [&total.from.to_le_bytes()[..], &total.to.to_le_bytes()];
        let data = [&data.concat()[..], &all.to_bytes()].concat();
        put(connection, run, TOTAL, 0, &data)?;
    }
    Ok(())
}

/// Forgets what all of a run came to, because it goes on.
pub(crate) fn forget_total(connection: &Connection, run: &str) -> Result<(), WriteError> {
    let forget = "DELETE FROM fact WHERE run = ? AND kind = ?";
    let mut forget = connection.prepare_cached(forget)?;
    forget.execute(params![run, TOTAL])?;
    Ok(())
}

fn total(connection: &Connection, run: &str) -> Result<Total, WriteError> {
    let mut known = None;
    each(connection, run, TOTAL, |data| {
        known = parse_total(data)?;
        Ok(())
    })?;
    known.map_or_else(|| total_of_windows(connection, run), Ok)
}

fn parse_total(data: &[u8]) -> Result<Option<Total>, WriteError> {
    let ends = data.split_first_chunk().and_then(|(from, rest)| {
        let (to, rest) = rest.split_first_chunk()?;
        Some((u64::from_le_bytes(*from), u64::from_le_bytes(*to), rest))
    });
    let Some((from, to, rest)) = ends else {
        return Ok(None);
    };
    let count = Window::from_bytes(rest)?.total();
    Ok(Some(Total { from, to, count }))
}

fn total_of_windows(connection: &Connection, run: &str) -> Result<Total, WriteError> {
    let (from, to) = span(connection, run)?.unwrap_or_default();
    let count = window(connection, run, from, to)?.total();
    Ok(Total { from, to, count })
}

fn put(
    connection: &Connection,
    run: &str,
    kind: &str,
    id: u64,
    data: &[u8],
) -> Result<(), WriteError> {
    let put = "INSERT OR REPLACE INTO fact (run, kind, id, data) VALUES (?, ?, ?, ?)";
    let mut put = connection.prepare_cached(put)?;
    if data.len() < SHORT {
        put.execute(params![run, kind, int(id), data])?;
    } else {
        put.execute(params![run, kind, int(id), pack(data)])?;
    }
    Ok(())
}

/// Shows the facts of a kind, by their numbers.
fn each(
    connection: &Connection,
    run: &str,
    kind: &str,
    mut see: impl FnMut(&[u8]) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let all = "SELECT data FROM fact WHERE run = ? AND kind = ? ORDER BY id";
    let mut all = connection.prepare_cached(all)?;
    let mut rows = all.query([run, kind])?;
    while let Some(row) = rows.next()? {
        let data: Vec<u8> = row.get(0)?;
        see(&unpack(&data).unwrap_or_default())?;
    }
    Ok(())
}
