//! Runs that go from one store to another; a file of one run is a store that has only that one.

use std::path::Path;

use katydid_core::window::Window;
use rusqlite::params;

use crate::{Store, StoreError};

const RUN: &str = "SELECT started_ms, touched_ms, ended, about, marks FROM run WHERE id = ?";
const PUT_RUN: &str = "INSERT INTO run (id, started_ms, touched_ms, ended, about, marks, pinned)
    VALUES (?, ?, ?, ?, ?, ?, 0)";
const WINDOWS: &str = "SELECT step, t, users, wanted, data FROM window WHERE run = ?";
const PUT_WINDOW: &str = "INSERT INTO window (run, step, t, users, wanted, data)
    VALUES (?, ?, ?, ?, ?, ?)";

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
        let mut windows = other.connection.prepare(WINDOWS).map_err(&theirs)?;
        let mut rows = windows.query([run]).map_err(&theirs)?;
        while let Some(row) = rows.next().map_err(&theirs)? {
            let number = |index| row.get::<_, i64>(index).map_err(&theirs);
            let data: Vec<u8> = row.get(4).map_err(&theirs)?;
            // What cannot be read would be found out only when somebody looks.
            Window::from_bytes(&data).map_err(|_| StoreError::Foreign(other.path.clone()))?;
            let row = params![run, number(0)?, number(1)?, number(2)?, number(3)?, data];
            transaction
                .prepare_cached(PUT_WINDOW)
                .and_then(|mut put| put.execute(row))
                .map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }
}
