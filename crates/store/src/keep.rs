//! How much is kept, and how space is given back.
//!
//! A run that is deleted is gone at once for everybody; its rows are deleted, and its space is given
//! back, in small steps, between which other processes write.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::facts::put_total;
use crate::runs::{RunState, int, unsigned};
use crate::windows::close;
use crate::{Run, Store, StoreError};

/// Rows that are deleted at a time: minutes are the largest, of some hundred kilobytes.
const ROWS: u32 = 32;
/// Free pages that are given back at a time.
const PAGES: u32 = 512;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Runs at the most, those that are pinned not counted.
    pub runs: u64,
    /// Bytes that all runs together may take.
    pub bytes: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            runs: 200,
            bytes: 5_000_000_000,
        }
    }
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of its file that are in use.
    pub used: u64,
    /// Bytes that were given up and are not given back yet.
    pub free: u64,
}

impl Store {
    /// Forgets a run; false if there is no such run. Its space is given back by [`Store::tidy`].
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn delete_run(&mut self, run: &str) -> Result<bool, StoreError> {
        let path = self.path.clone();
        let failed = |error| StoreError::of(&path, error);
        let transaction = self.connection.transaction().map_err(failed)?;
        let deleted = transaction
            .execute("DELETE FROM run WHERE id = ?", [run])
            .map_err(failed)?;
        if deleted > 0 {
            let doom = "INSERT OR IGNORE INTO deleted (run) VALUES (?)";
            transaction.execute(doom, [run]).map_err(failed)?;
        }
        transaction.commit().map_err(failed)?;
        Ok(deleted > 0)
    }

    /// Gives back some of the space of runs that were deleted; false if nothing is left to be done.
    ///
    /// It takes some milliseconds, so that others need not wait long to write.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn tidy(&mut self) -> Result<bool, StoreError> {
        tidy(&self.connection).map_err(self.failed())
    }

    /// Forgets what is left of a run that was deleted, so that another one may have its name.
    pub(crate) fn bury(&self, run: &str) -> Result<(), StoreError> {
        let doomed = "SELECT 1 FROM deleted WHERE run = ?";
        let doomed = self.connection.prepare_cached(doomed);
        let is_doomed = doomed.and_then(|mut doomed| doomed.exists([run]));
        if !is_doomed.map_err(self.failed())? {
            return Ok(());
        }
        while delete_some(&self.connection, run).map_err(self.failed())? {}
        let forget = "DELETE FROM deleted WHERE run = ?";
        self.connection
            .execute(forget, [run])
            .map_err(self.failed())?;
        Ok(())
    }

    /// Forgets the oldest runs beyond what is kept, and says which. Runs that are pinned or under way
    /// stay, and so does the newest one, however large it is.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn keep(&mut self, keep: Keep, now_ms: u64) -> Result<Vec<String>, StoreError> {
        let runs = self.runs(now_ms)?;
        for run in runs.iter().filter(|it| it.state == RunState::Interrupted) {
            self.conclude(&run.id)?;
        }
        let mut gone = Vec::new();
        for (run, _) in self.beyond(&runs, keep)? {
            self.delete_run(&run.id)?;
            gone.push(run.id.clone());
        }
        Ok(gone)
    }

    /// Does for a run that was interrupted what its process would have done at its end, so that it is
    /// listed as fast as others.
    fn conclude(&mut self, run: &str) -> Result<(), StoreError> {
        let path = self.path.clone();
        let failed = |error| StoreError::of(&path, error);
        let transaction = self.connection.transaction().map_err(failed)?;
        let concluded = close(&transaction, run, u64::MAX)
            .and_then(|()| put_total(&transaction, run))
            .and_then(|()| Ok(transaction.commit()?));
        concluded.map_err(|error| self.unread(error))
    }

    /// The runs that go when another one begins, the first one first. `runs` are all there are, the
    /// newest first.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn going<'a>(&self, runs: &'a [Run], keep: Keep) -> Result<Vec<&'a Run>, StoreError> {
        let next = Keep {
            runs: keep.runs.saturating_sub(1),
            ..keep
        };
        let going = self.beyond(runs, next)?.into_iter().map(|(run, _)| run);
        Ok(going.collect())
    }

    /// What the file holds.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let number = |name: &str| {
            let number = self
                .connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            number.map(unsigned).map_err(self.failed())
        };
        let (size, free) = (number("page_size")?, number("freelist_count")?);
        let pages = number("page_count")?;
        Ok(Usage {
            used: pages.saturating_sub(free) * size,
            free: free * size,
        })
    }

    /// Has the file itself have everything, and no other file beside it more than it needs.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn settle(&self) -> Result<(), StoreError> {
        let settle = "PRAGMA wal_checkpoint(TRUNCATE)";
        let settled = self.connection.query_row(settle, [], |_| Ok(()));
        settled.map_err(self.failed())
    }

    /// Remembers how much is kept, for those who ask.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn set_limits(&self, keep: Keep) -> Result<(), StoreError> {
        let put = "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)";
        for (name, value) in [("keep_runs", keep.runs), ("keep_bytes", keep.bytes)] {
            let put = self.connection.execute(put, params![name, int(value)]);
            put.map_err(self.failed())?;
        }
        Ok(())
    }

    /// How much is kept, as the last run had it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn limits(&self) -> Result<Keep, StoreError> {
        let setting = |name: &str, or: u64| {
            let get = "SELECT value FROM setting WHERE name = ?";
            let value = self.connection.query_row(get, [name], |row| row.get(0));
            let value: Option<i64> = value.optional().map_err(self.failed())?;
            Ok::<_, StoreError>(value.map_or(or, unsigned))
        };
        let or = Keep::default();
        Ok(Keep {
            runs: setting("keep_runs", or.runs)?,
            bytes: setting("keep_bytes", or.bytes)?,
        })
    }

    /// About how many bytes a run takes: what is longer than a page has pages of its own.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn size(&self, run: &str) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for table in ["window", "minute", "fact"] {
            let sum = format!(
                "SELECT coalesce(sum(iif(length(data) > 4000, (length(data) + 4095) / 4096 * 4096,
                    length(data) + 60)), 0) FROM {table} WHERE run = ?"
            );
            let sum = self.connection.prepare_cached(&sum);
            let sum = sum.and_then(|mut sum| sum.query_row([run], |row| row.get(0)));
            bytes += unsigned(sum.map_err(self.failed())?);
        }
        Ok(bytes)
    }

    /// The runs that are more than is kept, the oldest first, with their bytes.
    fn beyond<'a>(&self, runs: &'a [Run], keep: Keep) -> Result<Vec<(&'a Run, u64)>, StoreError> {
        let counted = runs.iter().filter(|run| !run.is_pinned).count() as u64;
        let mut many = counted.saturating_sub(keep.runs);
        let mut used = self.usage()?.used;
        let mut beyond = Vec::new();
        let old = runs.iter().skip(1).rev();
        for run in old.filter(|run| !run.is_pinned && run.state != RunState::Running) {
            if many == 0 && used <= keep.bytes {
                break;
            }
            let size = self.size(&run.id)?;
            many = many.saturating_sub(1);
            used = used.saturating_sub(size);
            beyond.push((run, size));
        }
        Ok(beyond)
    }
}

fn tidy(connection: &Connection) -> rusqlite::Result<bool> {
    let doomed = "SELECT run FROM deleted LIMIT 1";
    let doomed: Option<String> = connection
        .query_row(doomed, [], |row| row.get(0))
        .optional()?;
    if let Some(run) = doomed {
        if !delete_some(connection, &run)? {
            connection.execute("DELETE FROM deleted WHERE run = ?", [&run])?;
        }
        return Ok(true);
    }
    let free = |connection: &Connection| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, "freelist_count", |row| row.get(0))
    };
    let before = free(connection)?;
    if before == 0 {
        return Ok(false);
    }
    // It has a row for each page.
    let some = format!("PRAGMA incremental_vacuum({PAGES})");
    let mut some = connection.prepare(&some)?;
    let mut rows = some.query([])?;
    while rows.next()?.is_some() {}
    // A file of an older program cannot give anything back; its free pages are used again.
    Ok(free(connection)? < before)
}

/// Deletes some rows of a run; false if there are none.
fn delete_some(connection: &Connection, run: &str) -> rusqlite::Result<bool> {
    for table in ["minute", "window", "fact"] {
        let some = format!(
            "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE run = ? LIMIT {ROWS})"
        );
        if connection.prepare_cached(&some)?.execute([run])? > 0 {
            return Ok(true);
        }
    }
    let mut deleted = 0;
    for table in ["name", "error"] {
        let all = format!("DELETE FROM {table} WHERE run = ?");
        deleted += connection.execute(&all, [run])?;
    }
    Ok(deleted > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::News;
    use crate::testing::{second, store};
    use crate::windows::Sums;

    /// A run of three minutes that has ended, its times all different.
    fn put_run(store: &mut Store, id: &str, started: u64) {
        store
            .begin_run(id, started * 1_000, "{}", started * 1_000)
            .unwrap();
        let seconds = (started..started + 180).map(|t| {
            let time = |name: u32| (t * 7_919 + u64::from(name) * 104_729) % 900_001;
            let requests: Vec<_> = (0..10).map(|name| (name, time(name))).collect();
            second(t, &requests)
        });
        let news = News {
            seconds: seconds.collect(),
            now_ms: (started + 180) * 1_000,
            has_ended: true,
            ..News::default()
        };
        store.record(id, &news, &mut Sums::default()).unwrap();
    }

    fn ids(store: &Store) -> Vec<String> {
        let runs = store.runs(u64::MAX).unwrap();
        runs.into_iter().map(|run| run.id).collect()
    }

    #[test]
    fn the_oldest_runs_go_but_pinned_ones_and_those_under_way_stay() {
        let (_folder, mut store) = store();
        for (id, started) in [("a", 1_000), ("b", 2_000), ("c", 3_000), ("d", 4_000)] {
            put_run(&mut store, id, started);
        }
        store.pin("a", true).unwrap();
        store.begin_run("old", 500_000, "{}", 5_000_000).unwrap();
        let keep = Keep {
            runs: 3,
            ..Keep::default()
        };
        let runs = store.runs(5_000_000).unwrap();
        let next: Vec<_> = store
            .going(&runs, keep)
            .unwrap()
            .iter()
            .map(|run| run.id.clone())
            .collect();
        assert_eq!(next, ["b", "c"]);
        assert_eq!(store.keep(keep, 5_000_000).unwrap(), ["b"]);
        assert_eq!(ids(&store), ["d", "c", "a", "old"]);
        // However small, the newest one stays.
        let none = Keep { runs: 0, bytes: 0 };
        assert_eq!(store.keep(none, 5_000_000).unwrap(), ["c"]);
        assert_eq!(ids(&store), ["d", "a", "old"]);
    }

    #[test]
    fn a_size_is_kept_and_space_is_given_back() {
        let (folder, mut store) = store();
        let file = folder.path().join("runs.db");
        for number in 1..=8 {
            put_run(&mut store, &format!("run {number}"), number * 1_000);
        }
        let before = store.usage().unwrap();
        let keep = Keep {
            runs: 100,
            bytes: before.used * 3 / 4,
        };
        let gone = store.keep(keep, u64::MAX).unwrap();
        assert!((2..=5).contains(&gone.len()), "{gone:?}");
        // What is deleted is gone for everybody before its rows are.
        let left = 8 - gone.len();
        assert_eq!(ids(&store).len(), left);
        while store.tidy().unwrap() {}
        let after = store.usage().unwrap();
        assert_eq!(after.free, 0);
        assert!(after.used <= keep.bytes + 8_192, "{before:?} {after:?}");
        store
            .connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        assert!(std::fs::metadata(&file).unwrap().len() <= after.used + 65_536);
        for run in store.runs(u64::MAX).unwrap() {
            let total = store.total(&run.id).unwrap();
            assert_eq!((total.to - total.from, total.count.requests), (180, 1_800));
        }
    }

    #[test]
    fn a_run_that_was_deleted_leaves_nothing_to_another_of_its_name() {
        let (_folder, mut store) = store();
        put_run(&mut store, "a", 1_000);
        assert!(store.delete_run("a").unwrap());
        assert!(!store.delete_run("a").unwrap());
        store.begin_run("a", 9_000_000, "{}", 9_000_000).unwrap();
        assert_eq!(store.total("a").unwrap().count.requests, 0);
        assert_eq!(store.window("a", 0, u64::MAX).unwrap().total().requests, 0);
    }

    #[test]
    fn an_interrupted_run_is_concluded_when_another_one_begins() {
        let (_folder, mut store) = store();
        store.begin_run("a", 1_000_000, "{}", 1_000_000).unwrap();
        let news = News {
            seconds: (1_000..1_100).map(|t| second(t, &[(1, t)])).collect(),
            now_ms: 1_100_000,
            ..News::default()
        };
        store.record("a", &news, &mut Sums::default()).unwrap();
        let rows = |store: &Store| -> (i64, i64) {
            let count = "SELECT (SELECT count(*) FROM window WHERE step = 1),
                (SELECT count(*) FROM fact WHERE kind = 'total')";
            let row = store
                .connection
                .query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)));
            row.unwrap()
        };
        // It may be under way still.
        store.keep(Keep::default(), 1_101_000).unwrap();
        assert_eq!(rows(&store), (20, 0));
        store.keep(Keep::default(), 2_000_000).unwrap();
        assert_eq!(rows(&store), (0, 1));
        let total = store.total("a").unwrap();
        assert_eq!(
            (total.from, total.to, total.count.requests),
            (1_000, 1_100, 100)
        );
    }

    #[test]
    fn limits_are_remembered() {
        let (_folder, store) = store();
        assert_eq!(store.limits().unwrap(), Keep::default());
        let keep = Keep { runs: 7, bytes: 8 };
        store.set_limits(keep).unwrap();
        assert_eq!(store.limits().unwrap(), keep);
    }
}
