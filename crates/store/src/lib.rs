//! What outlives a process: one file for all runs of a machine.
//!
//! It is an `SQLite` file in WAL mode, so that several processes may use it at the same time and
//! one that is killed leaves it whole. Nothing here is on a run's hot path: a thread of its own
//! writes, and a run whose store fails goes on without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use thiserror::Error;

mod archive;
mod course;
mod facts;
mod judged;
mod keep;
mod label;
mod layout;
mod packed;
mod portable;
mod runs;
mod summary;
#[cfg(test)]
mod testing;
mod windows;

pub use course::{Course, MOST_STEPS, Moment, Step, Times, step_of};
pub use facts::{Fact, Finding, FreeNumbers, LINES, Logs, Sample, Script, Total, Worker};
pub use judged::Judged;
pub use katydid_core::window::Second;
pub use keep::{Keep, Usage};
pub use label::Label;
pub use runs::{Error as RunError, Name, News, Run, RunState};
pub use summary::{Fault, Summary};
pub use windows::Sums;

/// How long another process's write is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file, or the directory for it, cannot be made or read.
    #[error("{0} cannot be opened: {1}")]
    Io(PathBuf, std::io::Error),
    /// The file is something else, or broken.
    #[error(
        "{0} is not a store of Katydid's, or it is broken; it is left as it is. Use another file, or a copy \
         of it from before it broke"
    )]
    Foreign(PathBuf),
    /// The file was made by a newer program.
    #[error("{0} was written by a newer Katydid; it is left as it is")]
    Newer(PathBuf),
    /// `SQLite`'s reason: a full disk, a directory that cannot be written to, another process.
    #[error("{}", told(.0, .1))]
    Sqlite(PathBuf, rusqlite::Error),
}

/// One open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

/// The state of a run, as its last process left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// When it was written, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Whatever the process wrote.
    pub state: Vec<u8>,
}

impl Store {
    /// Opens a store, or makes one, its directory included.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; a file that is no store is not touched.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| StoreError::Io(path.into(), error))?;
        }
        archive::refuse_folder(path)?;
        let failed = |error| StoreError::of(path, error);
        keep_private(path).map_err(|error| StoreError::Io(path.into(), error))?;
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        layout::prepare(path, &mut connection)?;
        Ok(Self {
            path: path.into(),
            connection,
        })
    }

    /// Opens a store to be read only, beside those who write to it. One that nobody can write to
    /// here, such as an archive, can be read as well.
    ///
    /// # Errors
    ///
    /// A [`StoreError`], also if there is no such file.
    pub fn look(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.into(),
            connection: archive::look(path)?,
        })
    }

    /// Writes a run's state down in place of its last one; it is there even if this process is
    /// killed right afterwards.
    ///
    /// # Errors
    ///
    /// A [`StoreError`]; the last state is there still.
    pub fn put_checkpoint(&self, run: &str, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let put = "INSERT OR REPLACE INTO checkpoint (run, at_ms, state) VALUES (?, ?, ?)";
        let at_ms = i64::try_from(checkpoint.at_ms).unwrap_or(i64::MAX);
        let mut put = self.connection.prepare_cached(put).map_err(self.failed())?;
        put.execute(params![run, at_ms, checkpoint.state])
            .map_err(self.failed())?;
        Ok(())
    }

    /// The state of a run that was not forgotten, if there is one.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn checkpoint(&self, run: &str) -> Result<Option<Checkpoint>, StoreError> {
        let get = "SELECT at_ms, state FROM checkpoint WHERE run = ?";
        self.connection
            .query_row(get, [run], |row| {
                let at_ms: i64 = row.get(0)?;
                Ok(Checkpoint {
                    at_ms: u64::try_from(at_ms).unwrap_or(0),
                    state: row.get(1)?,
                })
            })
            .optional()
            .map_err(self.failed())
    }

    /// Forgets the state of a run, because it has ended, and of those that nobody will go on with.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn forget_checkpoint(&self, run: &str, older_than_ms: u64) -> Result<(), StoreError> {
        let older = i64::try_from(older_than_ms).unwrap_or(i64::MAX);
        let delete = "DELETE FROM checkpoint WHERE run = ? OR at_ms < ?";
        self.connection
            .execute(delete, params![run, older])
            .map_err(self.failed())?;
        Ok(())
    }

    fn failed(&self) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        |error| StoreError::of(&self.path, error)
    }
}

impl StoreError {
    fn of(path: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        match (error.sqlite_error_code(), &error) {
            // A value that is not what was written.
            (Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt), _)
            | (
                _,
                FromSqlConversionFailure(..)
                | IntegralValueOutOfRange(..)
                | InvalidColumnType(..)
                | Utf8Error(..),
            ) => Self::Foreign(path.into()),
            _ => Self::Sqlite(path.into(), error),
        }
    }
}

/// What `SQLite` says, and what to do where that is not enough.
fn told(path: &Path, error: &rusqlite::Error) -> String {
    let path = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => format!(
            "{path} may only be read; to change it, copy it to a folder of your own and name the copy with --store"
        ),
        _ => format!("{path}: {error}"),
    }
}

/// Makes a new file one that only its owner reads: notes and errors of runs are nobody else's.
fn keep_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
