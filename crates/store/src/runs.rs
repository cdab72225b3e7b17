//! Runs: what each was, and what was counted in each of its seconds.

use std::collections::BTreeMap;

use katydid_core::window::{Window, WindowError};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::{Store, StoreError};

/// How long after its last sign a run counts as under way.
const SILENCE_MS: u64 = 15_000;

/// Steps of windows, in seconds: a minute and an hour hold the sum of their seconds, so that a long
/// stretch is read from few rows.
pub(crate) const STEPS: [u64; 3] = [3_600, 60, 1];

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

/// One second of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Second {
    /// The second of the Unix epoch.
    pub t: u64,
    /// Users there were.
    pub users: u32,
    /// Users that were wanted.
    pub wanted: u32,
    /// What was counted.
    pub window: Window,
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
    /// What happened in the run so far, as JSON, if that has changed.
    pub marks: Option<String>,
    /// What else is known of it, as JSON, if that has changed.
    pub about: Option<String>,
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Whether the run has ended.
    pub has_ended: bool,
}

/// Adds a run up by minutes and hours while its seconds are written.
#[derive(Debug, Default)]
pub struct Sums {
    /// By step: when it began, whether all of it is in it, and what was counted.
    open: BTreeMap<u64, (u64, bool, Window)>,
    has_begun: bool,
}

impl Sums {
    /// Of a run that goes on: the minute and the hour under way are not whole.
    pub fn going_on() -> Self {
        Self {
            open: BTreeMap::new(),
            has_begun: true,
        }
    }

    fn add(
        &mut self,
        second: &Second,
        mut put: impl FnMut(u64, u64, &Window) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        for step in STEPS.into_iter().filter(|&step| step > 1) {
            let t = second.t - second.t % step;
            let mut follows = false;
            if let Some((begun, is_whole, window)) = self.open.get(&step)
                && *begun != t
            {
                if *is_whole {
                    put(step, *begun, window)?;
                }
                self.open.remove(&step);
                follows = true;
            }
            // Before a run's first second there is nothing, so its first minute is whole.
            let is_whole = follows || !self.has_begun;
            let (_, _, sum) = self
                .open
                .entry(step)
                .or_insert_with(|| (t, is_whole, Window::default()));
            sum.merge(&second.window);
        }
        self.has_begun = true;
        Ok(())
    }
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
        let transaction = self.connection.transaction().map_err(failed)?;
        let written = write(&transaction, run, news, sums).and_then(|()| Ok(transaction.commit()?));
        if written.is_err() {
            // They have what is not in the store; minutes and hours under way are read by their seconds.
            *sums = Sums::going_on();
        }
        written.map_err(|error| match error {
            WriteError::Sqlite(error) => failed(error),
            WriteError::Window(_) => StoreError::Foreign(path.clone()),
        })
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
        runs.map_err(self.failed())
    }

    /// The run of this name, or, without one, the newest.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn run(&self, id: Option<&str>, now_ms: u64) -> Result<Option<Run>, StoreError> {
        let one = "SELECT id, started_ms, touched_ms, ended, about, marks, pinned FROM run
            WHERE ?1 IS NULL OR id = ?1 ORDER BY started_ms DESC LIMIT 1";
        self.connection
            .query_row(one, [id], |row| run(row, now_ms))
            .optional()
            .map_err(self.failed())
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

    /// What was counted from one second up to another, that one not included.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn window(&self, run: &str, from: u64, to: u64) -> Result<Window, StoreError> {
        let mut sum = Window::default();
        let mut stretches = vec![(from, to)];
        for step in STEPS {
            let mut rest = Vec::new();
            for (from, to) in stretches {
                let mut next = from;
                self.each(run, step, from, to, |t, window| {
                    if next < t {
                        rest.push((next, t));
                    }
                    sum.merge(&window);
                    next = t + step;
                })?;
                if next < to {
                    rest.push((next, to));
                }
            }
            stretches = rest;
        }
        Ok(sum)
    }

    /// The seconds of a run from one on, up to another.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn seconds(&self, run: &str, from: u64, to: u64) -> Result<Vec<Second>, StoreError> {
        let some = "SELECT t, users, wanted, data FROM window
            WHERE run = ? AND step = 1 AND t >= ? AND t < ? ORDER BY t";
        let mut some = self
            .connection
            .prepare_cached(some)
            .map_err(self.failed())?;
        let mut rows = some
            .query(params![run, int(from), int(to)])
            .map_err(self.failed())?;
        let mut seconds = Vec::new();
        while let Some(row) = rows.next().map_err(self.failed())? {
            let field = |index| row.get::<_, i64>(index).map_err(self.failed());
            let data: Vec<u8> = row.get(3).map_err(self.failed())?;
            seconds.push(Second {
                t: unsigned(field(0)?),
                users: u32::try_from(field(1)?).unwrap_or(0),
                wanted: u32::try_from(field(2)?).unwrap_or(0),
                window: self.read(&data)?,
            });
        }
        Ok(seconds)
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

    /// Forgets a run; false if there is no such run.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn delete_run(&mut self, run: &str) -> Result<bool, StoreError> {
        let path = self.path.clone();
        let failed = |error| StoreError::of(&path, error);
        let transaction = self.connection.transaction().map_err(failed)?;
        let is_known = delete(&transaction, run).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(is_known)
    }

    /// Forgets the oldest runs beyond so many, but none that is pinned or under way.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn keep_newest(&mut self, most: usize, now_ms: u64) -> Result<(), StoreError> {
        let runs = self.runs(now_ms)?;
        let old = runs.iter().skip(most);
        for run in old.filter(|run| !run.is_pinned && run.state != RunState::Running) {
            self.delete_run(&run.id)?;
        }
        Ok(())
    }

    /// Reads the windows of one step that lie within a stretch.
    fn each(
        &self,
        run: &str,
        step: u64,
        from: u64,
        to: u64,
        mut see: impl FnMut(u64, Window),
    ) -> Result<(), StoreError> {
        let last = to.saturating_sub(step);
        if to < step || last < from {
            return Ok(());
        }
        let some = "SELECT t, data FROM window
            WHERE run = ? AND step = ? AND t >= ? AND t <= ? ORDER BY t";
        let mut some = self
            .connection
            .prepare_cached(some)
            .map_err(self.failed())?;
        let mut rows = some
            .query(params![run, int(step), int(from), int(last)])
            .map_err(self.failed())?;
        while let Some(row) = rows.next().map_err(self.failed())? {
            let t: i64 = row.get(0).map_err(self.failed())?;
            let data: Vec<u8> = row.get(1).map_err(self.failed())?;
            see(unsigned(t), self.read(&data)?);
        }
        Ok(())
    }

    fn read(&self, data: &[u8]) -> Result<Window, StoreError> {
        Window::from_bytes(data).map_err(|_| StoreError::Foreign(self.path.clone()))
    }
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// What is there already is no window.
    #[error(transparent)]
    Window(#[from] WindowError),
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
        add(transaction, run, 1, second.t, second, &second.window)?;
        sums.add(second, |step, t, window| {
            add(transaction, run, step, t, second, window)
        })?;
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

/// Adds what was counted in a step to what another process has counted in it.
fn add(
    transaction: &Transaction<'_>,
    run: &str,
    step: u64,
    t: u64,
    second: &Second,
    window: &Window,
) -> Result<(), WriteError> {
    let known = "SELECT data FROM window WHERE run = ? AND step = ? AND t = ?";
    let known: Option<Vec<u8>> = transaction
        .prepare_cached(known)?
        .query_row(params![run, int(step), int(t)], |row| row.get(0))
        .optional()?;
    let data = match known {
        None => window.to_bytes(),
        Some(data) => {
            let mut sum = Window::from_bytes(&data)?;
            sum.merge(window);
            sum.to_bytes()
        }
    };
    let put = "INSERT OR REPLACE INTO window (run, step, t, users, wanted, data)
        VALUES (?, ?, ?, ?, ?, ?)";
    let (users, wanted) = (second.users, second.wanted);
    transaction.prepare_cached(put)?.execute(params![
        run,
        int(step),
        int(t),
        users,
        wanted,
        data
    ])?;
    Ok(())
}

fn delete(transaction: &Transaction<'_>, run: &str) -> rusqlite::Result<bool> {
    for table in ["window", "name", "error"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE run = ?"), [run])?;
    }
    Ok(transaction.execute("DELETE FROM run WHERE id = ?", [run])? > 0)
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
    })
}

/// A number as `SQLite` keeps it.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use katydid_core::histogram::Histogram;
    use katydid_core::units::Micros;
    use katydid_core::window::Count;
    use proptest::prelude::*;
    use tempfile::{TempDir, tempdir};

    use super::*;

    /// A second in which requests of names took these times.
    fn second(t: u64, requests: &[(u32, u64)]) -> Second {
        let mut window = Window::default();
        for &(name, time) in requests {
            let mut ok = Histogram::default();
            ok.record(Micros::from_micros(time));
            let count = Count {
                requests: 1,
                ok,
                ..Count::default()
            };
            window.counts.entry(name).or_default().merge(&count);
        }
        Second {
            t,
            users: 1,
            wanted: 1,
            window,
        }
    }

    /// A store in a folder that goes with it.
    fn store() -> (TempDir, Store) {
        let folder = tempdir().unwrap();
        let store = Store::open(&folder.path().join("runs.db")).unwrap();
        (folder, store)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn any_window_counts_what_all_requests_in_it_count(
            start in 0_u64..8_000,
            requests in prop::collection::btree_map(0_u64..9_000, prop::collection::vec((0_u32..3, 1_u64..1_000_000), 1..4), 1..300),
            from in 0_u64..18_000,
            length in 0_u64..18_000,
            pieces in 1_usize..4,
        ) {
            let (_folder, mut store) = store();
            store.begin_run("one", 0, "{}", 0).unwrap();
            let seconds: Vec<_> = requests.iter().map(|(t, all)| second(start + t, all)).collect();
            let mut sums = Sums::default();
            for chunk in seconds.chunks(seconds.len().div_ceil(pieces)) {
                let news = News { seconds: chunk.to_vec(), ..News::default() };
                store.record("one", &news, &mut sums).unwrap();
                // Another process goes on with it.
                sums = Sums::going_on();
            }
            let to = from + length;
            let mut expected = Window::default();
            for second in seconds.iter().filter(|second| (from..to).contains(&second.t)) {
                expected.merge(&second.window);
            }
            prop_assert_eq!(store.window("one", from, to).unwrap(), expected);
        }
    }

    #[test]
    fn a_day_is_read_from_few_rows() {
        let (_folder, mut store) = store();
        store.begin_run("one", 0, "{}", 0).unwrap();
        let mut sums = Sums::default();
        let seconds = (0..7_300).map(|t| second(t, &[(1, t + 1)])).collect();
        let news = News {
            seconds,
            ..News::default()
        };
        store.record("one", &news, &mut sums).unwrap();
        let rows = |step: u64| -> i64 {
            let count = "SELECT count(*) FROM window WHERE step = ?";
            store
                .connection
                .query_row(count, [int(step)], |row| row.get(0))
                .unwrap()
        };
        assert_eq!((rows(3_600), rows(60), rows(1)), (2, 121, 7_300));
        let all = store.window("one", 0, 10_000).unwrap();
        assert_eq!(all.total().requests, 7_300);
    }

    #[test]
    fn what_another_process_counted_in_the_same_second_stays() {
        let (_folder, mut store) = store();
        store.begin_run("one", 0, "{}", 0).unwrap();
        for requests in [&[(1, 5), (2, 7)][..], &[(1, 9)]] {
            let news = News {
                seconds: vec![second(70, requests)],
                ..News::default()
            };
            store.record("one", &news, &mut Sums::going_on()).unwrap();
        }
        let window = store.window("one", 0, 100).unwrap();
        assert_eq!(window.counts[&1].requests, 2);
        assert_eq!(window.total().requests, 3);
    }

    #[test]
    fn what_could_not_be_written_can_be_written_later() {
        let (_folder, mut store) = store();
        store.begin_run("one", 0, "{}", 0).unwrap();
        let mut sums = Sums::default();
        let news = |t| News {
            seconds: (t..t + 100).map(|t| second(t, &[(1, t + 1)])).collect(),
            ..News::default()
        };
        store.record("one", &news(0), &mut sums).unwrap();
        store
            .connection
            .execute_batch("PRAGMA query_only = 1")
            .unwrap();
        store.record("one", &news(100), &mut sums).unwrap_err();
        store
            .connection
            .execute_batch("PRAGMA query_only = 0")
            .unwrap();
        store.record("one", &news(100), &mut sums).unwrap();
        store.record("one", &news(200), &mut sums).unwrap();
        for (from, to) in [(0, 300), (30, 290), (100, 200), (119, 121)] {
            let window = store.window("one", from, to).unwrap();
            assert_eq!(window.total().requests, to - from, "{from} {to}");
        }
    }

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
        store.pin("a", true).unwrap();
        store.keep_newest(0, 60_000).unwrap();
        assert_eq!(store.runs(60_000).unwrap().len(), 1);
        assert!(store.delete_run("a").unwrap());
        assert!(!store.delete_run("a").unwrap());
    }
}
