//! The tables of a store, and how those of older programs become these.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// `SQLite`'s field for whose file it is: "KTDD".
const APPLICATION: i32 = 0x4b54_4444;
/// The layout of the tables; grows when an older program could not read them any more.
const LAYOUT: i32 = 3;
/// A file of an older program that is larger than this is not written anew to give space back.
const SMALL: i64 = 512 << 20;

/// What each layout has added.
const TABLES: [(i32, &str); 3] = [(1, FIRST), (2, SECOND), (3, THIRD)];

const FIRST: &str = "
    CREATE TABLE checkpoint (
        run TEXT PRIMARY KEY,      -- what tells this run from others on the machine
        at_ms INTEGER NOT NULL,    -- when it was written, in milliseconds since the Unix epoch
        state BLOB NOT NULL
    ) WITHOUT ROWID;
";

const SECOND: &str = "
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

const THIRD: &str = "
    CREATE TABLE minute (
        run TEXT NOT NULL,
        t INTEGER NOT NULL,           -- its first second, of the Unix epoch
        data BLOB NOT NULL,           -- its seconds
        PRIMARY KEY (run, t)
    );
    CREATE TABLE fact (
        run TEXT NOT NULL,
        kind TEXT NOT NULL,
        id INTEGER NOT NULL,
        data BLOB NOT NULL,           -- JSON
        PRIMARY KEY (run, kind, id)
    );
    CREATE TABLE deleted (            -- runs of which there may be rows left
        run TEXT PRIMARY KEY
    ) WITHOUT ROWID;
    CREATE TABLE setting (
        name TEXT PRIMARY KEY, value INTEGER NOT NULL
    ) WITHOUT ROWID;
";

/// Makes the tables of a new file, or looks whether those of an old one are ours.
pub(crate) fn prepare(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error| StoreError::of(path, error);
    let number = |connection: &Connection, name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
    };
    if number(connection, "page_count").map_err(failed)? == 0 {
        // Space of runs that are deleted is given back; only a file without tables can be told so.
        let incremental = "PRAGMA auto_vacuum = INCREMENTAL";
        connection.execute_batch(incremental).map_err(failed)?;
    }
    // One process at a time looks whether the file is new.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let (application, layout) = marks(&transaction).map_err(failed)?;
    let tables: u32 = transaction
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    match (application, layout) {
        (0, 0) if tables == 0 => {}
        (APPLICATION, 1..=LAYOUT) => {}
        (APPLICATION, newer) if newer > LAYOUT => return Err(StoreError::Newer(path.into())),
        _ => return Err(StoreError::Foreign(path.into())),
    }
    if layout < LAYOUT {
        for (_, tables) in TABLES.iter().filter(|(since, _)| *since > layout) {
            transaction.execute_batch(tables).map_err(failed)?;
        }
        let marks =
            format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {LAYOUT};");
        transaction.execute_batch(&marks).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    // Only once the file is known to be ours: this changes it.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
        .map_err(failed)?;
    if (1..3).contains(&layout) {
        let pages = number(connection, "page_count").map_err(failed)?;
        let size = number(connection, "page_size").map_err(failed)?;
        if pages * size <= SMALL {
            let again = "PRAGMA auto_vacuum = INCREMENTAL; VACUUM;";
            // Somebody else may be using the file; then its free pages are only used again.
            connection.execute_batch(again).ok();
        }
    }
    Ok(())
}

/// Looks whether a file that is only to be read is ours. What an older program has not made is there
/// and empty, for this connection alone.
pub(crate) fn look(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let failed = |error| StoreError::of(path, error);
    let layout = match marks(connection).map_err(failed)? {
        (APPLICATION, layout @ 1..=LAYOUT) => layout,
        (APPLICATION, newer) if newer > LAYOUT => return Err(StoreError::Newer(path.into())),
        _ => return Err(StoreError::Foreign(path.into())),
    };
    for (_, tables) in TABLES.iter().filter(|(since, _)| *since > layout) {
        let temporary = tables.replace("CREATE TABLE", "CREATE TEMP TABLE");
        let make = format!("PRAGMA temp_store = MEMORY; {temporary}");
        connection.execute_batch(&make).map_err(failed)?;
    }
    Ok(())
}

/// Whose a file is, and of which layout.
fn marks(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}
