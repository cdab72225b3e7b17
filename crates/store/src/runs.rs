//! Runs: what each was, and what is new of it.

use katydid_core::window::{Second, WindowError};
use rusqlite::{OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use crate::facts::{Fact, forget_total, put_facts, put_total};
use crate::windows::{Sums, add_second, close};
use crate::{Label, Store, StoreError};

/// How long after its last sign a run counts as under way.
const SILENCE_MS: u64 = 15_000;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// It is under way.
    Running,
    /// It has ended.
    Finished,
    /// Its process was gone before it ended; what was counted until then is there.
    Interrupted,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its name in the store: when it began, and a few letters.
    pub id: String,
    /// When it was started, in milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// When it ended, or when it was heard of last.
    pub ended_ms: u64,
    /// How it stands.
    pub state: RunState,
    /// What else is known of it, as JSON.
    pub about: String,
    /// What happened in it, as JSON.
    pub marks: String,
    /// Whether it is kept however many there are.
    pub is_pinned: bool,
    /// What people have said about it.
    pub label: Label,
}

/// A name of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its number in the run.
    pub id: u32,
    /// The method, empty for none.
    pub method: String,
    /// The name.
    pub name: String,
}

/// An error of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Its number in the run.
    pub id: u32,
    /// The number of the name whose requests failed so.
    pub name: u32,
    /// The error, without secrets.
    pub text: String,
}

/// What is new of a run; written at once or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// Names that were not there before.
    pub names: Vec<Name>,
    /// Errors that were not there before.
    pub errors: Vec<Error>,
    /// Seconds, each once and in their order.
    pub seconds: Vec<Second>,
    /// What else is known of the run that is new or has changed, by its number.
    pub facts: Vec<(u64, Fact)>,
    /// What happened in the run so far, as JSON, if that has changed.
    pub marks: Option<String>,
    /// What else is known of it, as JSON, if that has changed.
    pub about: Option<String>,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Whether the run has ended.
    pub has_ended: bool,
}

impl Store {
    /// Begins a run, or goes on with it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn begin_run(
        &self,
        id: &str,
        started_ms: u64,
        about: &str,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.bury(id)?;
        let begin = "INSERT INTO run (id, started_ms, touched_ms, ended, about, marks, pinned)
            VALUES (?, ?, ?, 0, ?, '[]', 0)
            ON CONFLICT (id) DO UPDATE SET ended = 0, touched_ms = excluded.touched_ms";
        self.connection
            .execute(begin, params![id, int(started_ms), int(now_ms), about])
            .map_err(self.failed())?;
        Ok(())
    }

    /// Writes what is new of a run.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; nothing of it is written then, and it may be tried again.
    pub fn record(&mut self, run: &str, news: &News, sums: &mut Sums) -> Result<(), StoreError> {
        let path = self.path.clone();
        let failed = |error| StoreError::of(&path, error);
        // Whoever reads before it writes must not find that somebody else has written in between.
        let immediate = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(immediate);
        let transaction = transaction.map_err(failed)?;
        let written = write(&transaction, run, news, sums).and_then(|()| Ok(transaction.commit()?));
        if written.is_err() {
            // What they know is not in the store.
            *sums = Sums::default();
        }
        written.map_err(|error| self.unread(error))
    }

    /// All runs, the newest first; `now_ms` tells which of them were interrupted.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn runs(&self, now_ms: u64) -> Result<Vec<Run>, StoreError> {
        let all = "SELECT id, started_ms, touched_ms, ended, about, marks, pinned FROM run
            ORDER BY started_ms DESC, id";
        let mut all = self.connection.prepare(all).map_err(self.failed())?;
        let runs = all.query_map([], |row| run(row, now_ms));
        let runs = runs.and_then(Iterator::collect);
        let mut runs: Vec<Run> = runs.map_err(self.failed())?;
        let mut labels = self.labels()?;
        for run in &mut runs {
            run.label = labels.remove(&run.id).unwrap_or_default();
        }
        Ok(runs)
    }

    /// The run of this name, or, without one, the newest.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn run(&self, id: Option<&str>, now_ms: u64) -> Result<Option<Run>, StoreError> {
        let one = "SELECT id, started_ms, touched_ms, ended, about, marks, pinned FROM run
            WHERE ?1 IS NULL OR id = ?1 ORDER BY started_ms DESC LIMIT 1";
        let found = self
            .connection
            .query_row(one, [id], |row| run(row, now_ms))
            .optional();
        let mut found = found.map_err(self.failed())?;
        if let Some(run) = &mut found {
            run.label = self.labels()?.remove(&run.id).unwrap_or_default();
        }
        Ok(found)
    }

    /// The names of a run, by their numbers.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn names(&self, run: &str) -> Result<Vec<Name>, StoreError> {
        let all = "SELECT id, method, name FROM name WHERE run = ? ORDER BY id";
        let mut all = self.connection.prepare_cached(all).map_err(self.failed())?;
        let names = all.query_map([run], |row| {
            Ok(Name {
                id: row.get(0)?,
                method: row.get(1)?,
                name: row.get(2)?,
            })
        });
        names.and_then(Iterator::collect).map_err(self.failed())
    }

    /// The errors of a run, by their numbers.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn errors(&self, run: &str) -> Result<Vec<Error>, StoreError> {
        let all = "SELECT id, name, text FROM error WHERE run = ? ORDER BY id";
        let mut all = self.connection.prepare_cached(all).map_err(self.failed())?;
        let errors = all.query_map([run], |row| {
            Ok(Error {
                id: row.get(0)?,
                name: row.get(1)?,
                text: row.get(2)?,
            })
        });
        errors.and_then(Iterator::collect).map_err(self.failed())
    }

    /// Whether a run is kept however many there are; false if there is no such run.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn pin(&self, run: &str, is_pinned: bool) -> Result<bool, StoreError> {
        let pin = "UPDATE run SET pinned = ? WHERE id = ?";
        let changed = self.connection.execute(pin, params![is_pinned, run]);
        Ok(changed.map_err(self.failed())? > 0)
    }
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// What is there already is no window.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// What is there already is no fact.
    #[error(transparent)]
    Fact(#[from] serde_json::Error),
}

fn write(
    transaction: &Transaction<'_>,
    run: &str,
    news: &News,
    sums: &mut Sums,
) -> Result<(), WriteError> {
    let put = "INSERT OR REPLACE INTO name (run, id, method, name) VALUES (?, ?, ?, ?)";
    let mut put = transaction.prepare_cached(put)?;
    for Name { id, method, name } in &news.names {
        put.execute(params![run, id, method, name])?;
    }
    let put = "INSERT OR REPLACE INTO error (run, id, name, text) VALUES (?, ?, ?, ?)";
    let mut put = transaction.prepare_cached(put)?;
    for Error { id, name, text } in &news.errors {
        put.execute(params![run, id, name, text])?;
    }
    for second in &news.seconds {
        sums.follow(transaction, run, second.t)?;
        add_second(transaction, run, second)?;
    }
    put_facts(transaction, run, &news.facts)?;
    if !news.seconds.is_empty() {
        forget_total(transaction, run)?;
    }
    if news.has_ended {
        close(transaction, run, u64::MAX)?;
        put_total(transaction, run)?;
    }
    // When a run has ended, it has ended: what comes later does not make it longer.
    let touch = "UPDATE run SET touched_ms = iif(ended, touched_ms, ?), ended = ?,
        marks = coalesce(?, marks), about = coalesce(?, about) WHERE id = ?";
    transaction.prepare_cached(touch)?.execute(params![
        int(news.now_ms),
        news.has_ended,
        news.marks,
        news.about,
        run
    ])?;
    Ok(())
}

fn run(row: &Row<'_>, now_ms: u64) -> rusqlite::Result<Run> {
    let touched_ms = unsigned(row.get(2)?);
    let state = match row.get(3)? {
        true => RunState::Finished,
        false if now_ms.saturating_sub(touched_ms) <= SILENCE_MS => RunState::Running,
        false => RunState::Interrupted,
    };
    Ok(Run {
        id: row.get(0)?,
        started_ms: unsigned(row.get(1)?),
        ended_ms: touched_ms,
        state,
        about: row.get(4)?,
        marks: row.get(5)?,
        is_pinned: row.get(6)?,
        label: Label::default(),
    })
}

/// A number as `SQLite` keeps it.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    #[test]
    fn a_run_is_listed_with_how_it_stands() {
        let (_folder, mut store) = store();
        store.begin_run("b", 2_000, "{\"users\":1}", 2_000).unwrap();
        store.begin_run("a", 1_000, "{}", 1_000).unwrap();
        let ended = News {
            now_ms: 5_000,
            has_ended: true,
            ..News::default()
        };
        store.record("b", &ended, &mut Sums::default()).unwrap();
        // A note that comes later makes it no longer.
        let noted = News {
            now_ms: 9_000,
            marks: Some("[1]".into()),
            ..ended
        };
        store.record("b", &noted, &mut Sums::default()).unwrap();
        let b = store.run(Some("b"), 9_000).unwrap().unwrap();
        assert_eq!((b.ended_ms, &b.marks[..]), (5_000, "[1]"));
        let states = |store: &Store, now| -> Vec<_> {
            let runs = store.runs(now).unwrap();
            runs.into_iter().map(|run| (run.id, run.state)).collect()
        };
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            states(&store, 10_000),
            [
                (b.clone(), RunState::Finished),
                (a.clone(), RunState::Running)
            ]
        );
        assert_eq!(
            states(&store, 60_000),
            [(b, RunState::Finished), (a, RunState::Interrupted)]
        );
        assert_eq!(store.run(None, 0).unwrap().unwrap().about, "{\"users\":1}");
    }
}
