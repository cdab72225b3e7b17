//! The store as programs use it, and files that are none.

use std::fs;

use katydid_store::{Checkpoint, Store, StoreError};
use tempfile::tempdir;

fn state(at_ms: u64, text: &str) -> Checkpoint {
    Checkpoint {
        at_ms,
        state: text.as_bytes().to_vec(),
    }
}

#[test]
fn a_checkpoint_is_there_for_the_next_process() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("deep/er/runs.db");
    let store = Store::open(&path).unwrap();
    assert_eq!(store.checkpoint("master").unwrap(), None);
    store.put_checkpoint("master", &state(1, "one")).unwrap();
    store.put_checkpoint("master", &state(2, "two")).unwrap();
    store.put_checkpoint("other", &state(3, "three")).unwrap();
    // Not closed: as if it had been killed.
    std::mem::forget(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.checkpoint("master").unwrap(), Some(state(2, "two")));
    store.forget_checkpoint("master", 0).unwrap();
    assert_eq!(store.checkpoint("master").unwrap(), None);
    assert_eq!(store.checkpoint("other").unwrap(), Some(state(3, "three")));
    store.forget_checkpoint("master", 4).unwrap();
    assert_eq!(store.checkpoint("other").unwrap(), None, "too old");
}

#[test]
fn two_processes_share_a_store() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (one, two) = (Store::open(&path).unwrap(), Store::open(&path).unwrap());
    for at in 0..50 {
        one.put_checkpoint("one", &state(at, "a")).unwrap();
        two.put_checkpoint("two", &state(at, "b")).unwrap();
    }
    assert_eq!(one.checkpoint("two").unwrap(), Some(state(49, "b")));
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    let text = "These are notes, and nobody wants them to become a database. ".repeat(50);
    fs::write(&path, &text).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Foreign(_)), "{error}");
    assert!(
        error.to_string().ends_with("it is left as it is"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let other = directory.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Store::open(&other), Err(StoreError::Foreign(_))));

    let newer = directory.path().join("newer.db");
    drop(Store::open(&newer).unwrap());
    let connection = rusqlite::Connection::open(&newer).unwrap();
    connection
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    assert!(matches!(Store::open(&newer), Err(StoreError::Newer(_))));
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let error = Store::open("/proc/nowhere/runs.db".as_ref()).unwrap_err();
    assert!(
        error.to_string().contains("/proc/nowhere/runs.db"),
        "{error}"
    );
}
