//! The store as programs use it, and files that are none.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use katydid_core::crew::{Member, Moment};
use katydid_core::fault::Example;
use katydid_core::histogram::Histogram;
use katydid_core::log::Line;
use katydid_core::snapshot::{Exception, Loss};
use katydid_core::units::Micros;
use katydid_store::{
    Checkpoint, Fact, Finding, LINES, Logs, News, Sample, Script, Store, StoreError, Sums, Worker,
};
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
        error
            .to_string()
            .contains("it is left as it is. Use another file"),
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

/// What an older program has written: the layout before this one, and a second in the first format of
/// windows.
fn old_store(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let tables = "
        CREATE TABLE checkpoint (run TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, state BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE run (id TEXT PRIMARY KEY, started_ms INTEGER NOT NULL, touched_ms INTEGER NOT NULL,
            ended INTEGER NOT NULL, about TEXT NOT NULL, marks TEXT NOT NULL, pinned INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE name (run TEXT NOT NULL, id INTEGER NOT NULL, method TEXT NOT NULL, name TEXT NOT NULL,
            PRIMARY KEY (run, id)) WITHOUT ROWID;
        CREATE TABLE error (run TEXT NOT NULL, id INTEGER NOT NULL, name INTEGER NOT NULL, text TEXT NOT NULL,
            PRIMARY KEY (run, id)) WITHOUT ROWID;
        CREATE TABLE window (run TEXT NOT NULL, step INTEGER NOT NULL, t INTEGER NOT NULL, users INTEGER NOT NULL,
            wanted INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (run, step, t));
        INSERT INTO run VALUES ('old', 1000, 4000, 1, '{\"name\":\"a.py\"}', '[]', 0);
        INSERT INTO name VALUES ('old', 0, 'GET', '/');
        PRAGMA application_id = 0x4b544444;
        PRAGMA user_version = 2;
        PRAGMA journal_mode = WAL;";
    connection.execute_batch(tables).unwrap();
    let mut ok = Histogram::default();
    ok.record(Micros::from_micros(100));
    let ok = ok.to_bytes();
    let length = u8::try_from(ok.len()).unwrap();
    let data = [&[1, 1, 0, 1, 0, 50, 20, length][..], &ok, &[1, 0, 0]].concat();
    for t in 1..=3 {
        let put = "INSERT INTO window VALUES ('old', 1, ?, 5, 5, ?)";
        connection.execute(put, rusqlite::params![t, data]).unwrap();
    }
}

#[test]
fn what_an_older_program_has_kept_is_read_and_goes_on() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("runs.db");
    old_store(&path);
    let check = |store: &Store| {
        let total = store.total("old").unwrap();
        assert_eq!((total.from, total.to), (1, 4));
        assert_eq!((total.count.requests, total.count.bytes_in), (3, 150));
        assert_eq!(total.count.ok.count(), 3);
        assert!(total.count.response_ok.is_empty(), "that was not kept");
        assert_eq!(store.seconds("old", 2, 9).unwrap().len(), 2);
        assert_eq!(store.samples("old").unwrap(), []);
        assert_eq!(store.logs("old").unwrap(), Logs::default());
    };
    // Whoever only looks changes nothing.
    check(&Store::look(&path).unwrap());
    let layout = |path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        let layout = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        let layout: i32 = layout.unwrap();
        layout
    };
    assert_eq!(layout(&path), 2);
    // As a file of one run, it is taken in by another store.
    let mut other = Store::open(&directory.path().join("other.db")).unwrap();
    other.import(&Store::look(&path).unwrap(), "old").unwrap();
    check(&other);
    let mut store = Store::open(&path).unwrap();
    assert_eq!(layout(&path), 3);
    check(&store);
    let news = News {
        seconds: store.seconds("old", 3, 4).unwrap(),
        has_ended: true,
        ..News::default()
    };
    store.record("old", &news, &mut Sums::default()).unwrap();
    assert_eq!(store.total("old").unwrap().count.requests, 4);
    // Space is given back by a file of an older program, too.
    store.delete_run("old").unwrap();
    while store.tidy().unwrap() {}
    assert_eq!(store.usage().unwrap().free, 0);
}

/// Something of each kind.
fn facts() -> Vec<(u64, Fact)> {
    let example = Example {
        url: "/a".into(),
        status: Some(503),
        request_headers: vec![("accept".into(), "*/*".into())],
        body: "busy ".repeat(200),
        ..Example::default()
    };
    let member = Member {
        users: 7,
        lateness_p99: Some(Micros::from_micros(1_500)),
        ..Member::default()
    };
    vec![
        (
            0,
            Fact::Script(Script {
                name: "a.py".into(),
                sha256: "ab".into(),
                text: "import locust\n".repeat(100),
            }),
        ),
        (
            4,
            Fact::Sample(Sample {
                name: 0,
                pattern: "HTTPError('503 <n>')".into(),
                example,
            }),
        ),
        (
            0,
            Fact::Exception(Exception {
                count: 2,
                msg: "KeyError('a')".into(),
                traceback: "at line 1".into(),
                nodes: ["local".to_owned()].into(),
            }),
        ),
        (
            0,
            Fact::Worker(Worker {
                id: "w_1".into(),
                version: Some("1.0".into()),
                state: "running".into(),
                ..Worker::default()
            }),
        ),
        (
            70,
            Fact::Moment(Moment {
                t: 70,
                members: vec![member],
            }),
        ),
        (
            0,
            Fact::Finding(Finding {
                level: "warning".into(),
                code: "cpu".into(),
                since_ms: 70_000,
                ..Finding::default()
            }),
        ),
        (
            0,
            Fact::Losses(vec![Loss {
                worker: "w_1".into(),
                users: 3,
                from_ms: 1,
                until_ms: 2,
                requests: 40,
            }]),
        ),
        (0, Fact::Line(line(0))),
    ]
}

fn line(seq: u64) -> Line {
    Line {
        seq,
        at_ms: 70_000,
        level: "INFO".into(),
        source: String::new(),
        logger: "locust.main".into(),
        text: format!("line {seq}"),
    }
}

#[test]
fn what_is_known_of_a_run_is_kept_and_travels_with_it() {
    let directory = tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("runs.db")).unwrap();
    store.begin_run("one", 0, "{}", 0).unwrap();
    let news = News {
        facts: facts(),
        ..News::default()
    };
    store.record("one", &news, &mut Sums::default()).unwrap();
    // What is written under the same number takes its place.
    let Some(Fact::Exception(exception)) = facts().into_iter().map(|it| it.1).nth(2) else {
        panic!("the third one is an exception");
    };
    let again = Exception {
        count: 9,
        ..exception
    };
    let news = News {
        facts: vec![(0, Fact::Exception(again.clone()))],
        ..News::default()
    };
    store.record("one", &news, &mut Sums::default()).unwrap();
    let file = directory.path().join("one.run");
    store.export("one", &file).unwrap();
    let mut other = Store::open(&directory.path().join("other.db")).unwrap();
    other.import(&Store::look(&file).unwrap(), "one").unwrap();
    for store in [&store, &other] {
        let told = facts();
        let is_there = |fact: Fact| assert!(told.iter().any(|(_, it)| *it == fact), "{fact:?}");
        store
            .scripts("one")
            .unwrap()
            .into_iter()
            .map(Fact::Script)
            .for_each(is_there);
        store
            .samples("one")
            .unwrap()
            .into_iter()
            .map(Fact::Sample)
            .for_each(is_there);
        store
            .workers("one")
            .unwrap()
            .into_iter()
            .map(Fact::Worker)
            .for_each(is_there);
        store
            .moments("one")
            .unwrap()
            .into_iter()
            .map(Fact::Moment)
            .for_each(is_there);
        store
            .findings("one")
            .unwrap()
            .into_iter()
            .map(Fact::Finding)
            .for_each(is_there);
        is_there(Fact::Losses(store.losses("one").unwrap()));
        assert_eq!(
            store.exceptions("one").unwrap(),
            std::slice::from_ref(&again)
        );
        assert_eq!(store.logs("one").unwrap().lines, [line(0)]);
        let lengths = [
            store.scripts("one").unwrap().len(),
            store.samples("one").unwrap().len(),
            store.workers("one").unwrap().len(),
            store.moments("one").unwrap().len(),
            store.findings("one").unwrap().len(),
        ];
        assert_eq!(lengths, [1; 5]);
    }
    let free = other.free_numbers("one").unwrap();
    assert_eq!((free.samples, free.lines, free.findings), (5, 1, 1));
}

#[test]
fn the_newest_lines_of_a_log_are_kept_and_the_others_counted() {
    let directory = tempdir().unwrap();
    let mut store = Store::open(&directory.path().join("runs.db")).unwrap();
    store.begin_run("one", 0, "{}", 0).unwrap();
    // Some were lost before they could be written.
    for part in [0..3_000, 3_100..LINES + 500] {
        let lines = part.map(|seq| (seq, Fact::Line(line(seq))));
        let news = News {
            facts: lines.collect(),
            ..News::default()
        };
        store.record("one", &news, &mut Sums::default()).unwrap();
    }
    let logs = store.logs("one").unwrap();
    assert_eq!(logs.lines.len() as u64, LINES - 100);
    assert_eq!(logs.dropped, 600);
    assert_eq!(logs.lines.first(), Some(&line(500)));
}
