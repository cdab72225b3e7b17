//! Runs that go from one store to another; a file of one run is a store that has only that one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::params;

use katydid_core::window::Second;

use crate::facts::{copy_facts, put_total};
use crate::windows::{HOUR, MINUTE, close_hour, put_minute};
use crate::{Label, Store, StoreError};

const RUN: &str = "SELECT started_ms, touched_ms, ended, about, marks FROM run WHERE id = ?";
const PUT_RUN: &str = "INSERT INTO run (id, started_ms, touched_ms, ended, about, marks, pinned)
    VALUES (?, ?, ?, ?, ?, ?, 0)";
impl Store {
    /// Writes a run to a new file.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; the file is then gone again.
    pub fn export(&self, run: &str, file: &Path) -> Result<(), StoreError> {
        let written = Self::open(file).and_then(|mut store| {
            store.import(self, run)?;
            // A single file that can be sent.
            let single = "PRAGMA journal_mode = DELETE";
            let mode = store.connection.query_row(single, [], |_| Ok(()));
            mode.map_err(store.failed())
        });
        if written.is_err() {
            // What is left of it is of no use; that it was not written is told.
            std::fs::remove_file(file).ok();
        }
        written
    }

    /// Takes in a run of another store, all of it or nothing.
    ///
    /// # Errors
    ///
    /// A [`StoreError`], also if the other one is broken or the run is here already.
    pub fn import(&mut self, other: &Self, run: &str) -> Result<(), StoreError> {
        self.bury(run)?;
        let path = self.path.clone();
        let failed = |error| StoreError::of(&path, error);
        let theirs = other.failed();
        let (names, errors) = (other.names(run)?, other.errors(run)?);
        let transaction = self.connection.transaction().map_err(failed)?;
        other
            .connection
            .query_row(RUN, [run], |row| {
                let times: (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
                let texts: (String, String) = (row.get(3)?, row.get(4)?);
                Ok((times, texts))
            })
            .map_err(&theirs)
            .and_then(|((started, touched, ended), (about, marks))| {
                transaction
                    .execute(PUT_RUN, params![run, started, touched, ended, about, marks])
                    .map_err(failed)
            })?;
        for name in &names {
            let put = "INSERT INTO name (run, id, method, name) VALUES (?, ?, ?, ?)";
            transaction
                .prepare_cached(put)
                .and_then(|mut put| put.execute(params![run, name.id, name.method, name.name]))
                .map_err(failed)?;
        }
        for error in &errors {
            let put = "INSERT INTO error (run, id, name, text) VALUES (?, ?, ?, ?)";
            transaction
                .prepare_cached(put)
                .and_then(|mut put| put.execute(params![run, error.id, error.name, error.text]))
                .map_err(failed)?;
        }
        // Read and written anew: what cannot be read would be found out only when somebody looks, and
        // sums are not believed.
        let mut minute = BTreeMap::new();
        let mut hours = BTreeSet::new();
        let mut put = |minute: &mut BTreeMap<u64, Second>| {
            let Some(&t) = minute.keys().next() else {
                return Ok(());
            };
            hours.insert(t - t % HOUR);
            let minute = std::mem::take(minute);
            put_minute(&transaction, run, t - t % MINUTE, &minute)
        };
        let mut added = Ok(());
        other.each_second(run, 0, u64::MAX, |second| {
            let begins = minute
                .keys()
                .next()
                .is_some_and(|t| t / MINUTE != second.t / MINUTE);
            if begins && added.is_ok() {
                added = put(&mut minute);
            }
            minute.insert(second.t, second);
        })?;
        added
            .and_then(|()| put(&mut minute))
            .and_then(|()| {
                let mut hours = hours.iter();
                hours.try_for_each(|&hour| close_hour(&transaction, run, hour))
            })
            .map_err(|error| other.unread(error))?;
        copy_facts(&other.connection, &transaction, run)
            .and_then(|()| put_total(&transaction, run))
            .map_err(|error| other.unread(error))?;
        transaction.commit().map_err(failed)?;
        if let Some(label) = other.labels()?.remove(run) {
            // Of this store another run may be the baseline.
            let label = Label {
                is_baseline: false,
                ..label
            };
            self.set_label(run, &label)?;
        }
        Ok(())
    }

    /// Opens a store that comes from somebody else: it has plain tables only, and all of it can be read.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn look_at_foreign(path: &Path) -> Result<Self, StoreError> {
        let store = Self::look(path)?;
        // A view in place of a table could have anything computed.
        let others = "SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')
            OR sql LIKE 'CREATE VIRTUAL%'";
        let others: i64 = store
            .connection
            .query_row(others, [], |row| row.get(0))
            .map_err(store.failed())?;
        let check = "PRAGMA quick_check(1)";
        let check: String = store
            .connection
            .query_row(check, [], |row| row.get(0))
            .map_err(store.failed())?;
        if others > 0 || check != "ok" {
            return Err(StoreError::Foreign(path.into()));
        }
        Ok(store)
    }
}
