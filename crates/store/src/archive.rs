//! Stores that are only read, also those that nobody can write to.
//!
//! `SQLite` makes a file beside a store to read it while others write, so it cannot read one in a
//! folder that is not to be written to. There it is told that the file will not change, which is
//! believed only if this process could not change it and nothing waits to be taken in.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf, absolute};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{PATIENCE, StoreError, layout};

/// Opens a file to be read only.
pub(crate) fn look(path: &Path) -> Result<Connection, StoreError> {
    refuse_folder(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match connected(path, path, flags) {
        Err(StoreError::Sqlite(_, error)) if is_hindered(&error) => {
            let failed = |error| StoreError::Io(path.into(), error);
            File::open(path).map_err(failed)?;
            let address = unchanging(path).map_err(failed)?;
            let flags = flags | OpenFlags::SQLITE_OPEN_URI;
            connected(path, Path::new(&address), flags)
        }
        done => done,
    }
}

/// Refuses a folder in place of a file, of which `SQLite` would say something else.
pub(crate) fn refuse_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        let reason = "it is a folder; name a file in it";
        let error = io::Error::new(ErrorKind::IsADirectory, reason);
        return Err(StoreError::Io(path.into(), error));
    }
    Ok(())
}

fn connected(path: &Path, address: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let failed = |error| StoreError::of(path, error);
    let connection = Connection::open_with_flags(address, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    // It may come from anybody.
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")
        .map_err(failed)?;
    layout::look(path, &connection)?;
    Ok(connection)
}

/// Whether `SQLite` could not make or open what it needs beside the file.
fn is_hindered(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// The address of a file that does not change, or why it may.
fn unchanging(path: &Path) -> io::Result<String> {
    let refused = |reason: String| Err(io::Error::new(ErrorKind::PermissionDenied, reason));
    let wal = beside(path, "-wal");
    if fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0) {
        return refused(format!(
            "its newest numbers are in {}, and can be read only in a folder that can be written to; \
             copy both files to one of your own",
            wal.display()
        ));
    }
    match File::options().write(true).open(path) {
        Err(error) if is_forbidden(&error) => address(path),
        Err(error) => Err(error),
        Ok(_) => refused(
            "it can be written to, but its folder cannot, so that others may be changing it; copy it to a \
             folder of your own, or take the right to write to it away"
                .to_owned(),
        ),
    }
}

fn is_forbidden(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    )
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// A file as `SQLite` takes it in an URI: <https://www.sqlite.org/uri.html>.
fn address(path: &Path) -> io::Result<String> {
    let path = absolute(path)?;
    let mut address = "file://".to_owned();
    let bytes = path.as_os_str().as_encoded_bytes();
    if !bytes.starts_with(b"/") {
        address.push('/');
    }
    for &byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => address.push('/'),
            b'/' | b':' | b'.' | b'-' | b'_' => address.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => address.push(byte.into()),
            _ => address.extend(["%", &format!("{byte:02X}")]),
        }
    }
    address.push_str("?immutable=1");
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn an_address_names_any_file() {
        let address = |path: &str| address(Path::new(path)).unwrap();
        assert_eq!(address("/a/runs.db"), "file:///a/runs.db?immutable=1");
        assert_eq!(
            address("/a b/50%?#ü.db"),
            "file:///a%20b/50%25%3F%23%C3%BC.db?immutable=1"
        );
    }

    #[test]
    fn a_store_that_may_change_is_not_taken_for_one_that_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.db");
        fs::write(&path, "").unwrap();
        let said = unchanging(&path).unwrap_err().to_string();
        assert!(said.contains("it can be written to"), "{said}");
        fs::write(beside(&path, "-wal"), "news").unwrap();
        let said = unchanging(&path).unwrap_err().to_string();
        assert!(said.contains("runs.db-wal"), "{said}");
    }

    #[test]
    fn a_folder_is_no_store() {
        let folder = tempfile::tempdir().unwrap();
        for said in [
            look(folder.path()).err(),
            crate::Store::open(folder.path()).err(),
        ] {
            let said = said.unwrap().to_string();
            assert!(said.contains("it is a folder; name a file in it"), "{said}");
        }
    }
}
