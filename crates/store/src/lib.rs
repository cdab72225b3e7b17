//! What outlives a process: one file for all runs of a machine.
//!
//! It is an `SQLite` file in WAL mode, so that several processes may use it at the same time and
//! one that is killed leaves it whole. Nothing here is on a run's hot path: a thread of its own
//! writes, and a run whose store fails goes on without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use thiserror::Error;

mod portable;
mod runs;
mod summary;

pub use runs::{Error as RunError, Name, News, Run, RunState, Second, Sums};
pub use summary::{Fault, Summary};

/// `SQLite`'s field for whose file it is: "KTDD".
const APPLICATION: i32 = 0x4b54_4444;
/// The layout of the tables; grows when an older program could not read them any more.
const LAYOUT: i32 = 2;
/// How long another process's write is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS checkpoint (
        run TEXT PRIMARY KEY,      -- what tells this run from others on the machine
        at_ms INTEGER NOT NULL,    -- when it was written, in milliseconds since the Unix epoch
        state BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE run (
        id TEXT PRIMARY KEY,
        started_ms INTEGER NOT NULL,
        touched_ms INTEGER NOT NULL,  -- when it ended, or was heard of last
        ended INTEGER NOT NULL,
        about TEXT NOT NULL,          -- JSON
        marks TEXT NOT NULL,          -- JSON
        pinned INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE name (
        run TEXT NOT NULL, id INTEGER NOT NULL, method TEXT NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (run, id)
    ) WITHOUT ROWID;
    CREATE TABLE error (
        run TEXT NOT NULL, id INTEGER NOT NULL, name INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (run, id)
    ) WITHOUT ROWID;
    CREATE TABLE window (
        run TEXT NOT NULL,
        step INTEGER NOT NULL,        -- seconds it holds
        t INTEGER NOT NULL,           -- the first of them, of the Unix epoch
        users INTEGER NOT NULL,
        wanted INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (run, step, t)
    );
";

/// Why a store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file, or the directory for it, cannot be made or read.
    #[error("{0} cannot be opened: {1}")]
    Io(PathBuf, std::io::Error),
    /// The file is something else, or broken.
    #[error("{0} is not a store of Katydid's, or it is broken; it is left as it is")]
    Foreign(PathBuf),
    /// The file was made by a newer program.
    #[error("{0} was written by a newer Katydid; it is left as it is")]
    Newer(PathBuf),
    /// `SQLite`'s reason: a full disk, a directory that cannot be written to, another process.
    #[error("{0}: {1}")]
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
        let failed = |error| StoreError::of(path, error);
        keep_private(path).map_err(|error| StoreError::Io(path.into(), error))?;
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        prepare(path, &mut connection)?;
        Ok(Self {
            path: path.into(),
            connection,
        })
    }

    /// Opens a store to be read only, beside those who write to it.
    ///
    /// # Errors
    ///
    /// A [`StoreError`], also if there is no such file.
    pub fn look(path: &Path) -> Result<Self, StoreError> {
        let failed = |error| StoreError::of(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        // It may come from anybody.
        connection
            .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")
            .map_err(failed)?;
        match marks(&connection).map_err(failed)? {
            (APPLICATION, LAYOUT) => {}
            (APPLICATION, newer) if newer > LAYOUT => return Err(StoreError::Newer(path.into())),
            _ => return Err(StoreError::Foreign(path.into())),
        }
        Ok(Self {
            path: path.into(),
            connection,
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
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Foreign(path.into())
            }
            _ => Self::Sqlite(path.into(), error),
        }
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

/// Whose a file is, and of which layout.
fn marks(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// Makes the tables of a new file, or looks whether those of an old one are ours.
fn prepare(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error| StoreError::of(path, error);
    // One process at a time looks whether the file is new.
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(failed)?;
    let (application, layout) = marks(&transaction).map_err(failed)?;
    let tables: u32 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    match (application, layout) {
        (0, 0) if tables == 0 => {
            let make = format!(
                "{TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {LAYOUT};"
            );
            transaction.execute_batch(&make).map_err(failed)?;
        }
        (APPLICATION, LAYOUT) => {}
        // It held nothing but checkpoints.
        (APPLICATION, 1) => {
            let add = format!("{TABLES} PRAGMA user_version = {LAYOUT};");
            transaction.execute_batch(&add).map_err(failed)?;
        }
        (APPLICATION, newer) if newer > LAYOUT => return Err(StoreError::Newer(path.into())),
        _ => return Err(StoreError::Foreign(path.into())),
    }
    transaction.commit().map_err(failed)?;
    // Only once the file is known to be ours: this changes it.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
        .map_err(failed)
}
