//! Kept runs on the command line, from stores with known contents.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use katydid_core::units::Micros;
use katydid_core::window::{Count, Window};
use katydid_store::{Fact, Name, News, RunError, Script, Second, Store, Sums};
use serde_json::Value;

mod demo;

use demo::Target;

const STARTED: u64 = 1_700_000_000;

/// A minute of a run in which `/` takes about so long, and `/slow` ten times that.
fn put_run(store: &mut Store, id: &str, millis: u64, failures: u64) {
    let about = r#"{"name": "shop.py", "users": 5, "script_sha256": "aa"}"#;
    let marks = format!(
        r#"[{{"id":0,"t":{},"kind":"reached","text":"","by":null}},{{"id":1,"t":{},"kind":"stop","text":"","by":null}}]"#,
        (STARTED + 9) * 1000,
        (STARTED + 50) * 1000,
    );
    store
        .begin_run(id, STARTED * 1000, about, STARTED * 1000)
        .unwrap();
    let name = |id, name: &str| Name {
        id,
        method: "GET".into(),
        name: name.into(),
    };
    let second = |t: u64| {
        let mut window = Window::default();
        for (name, factor) in [(0, 1), (1, 10)] {
            let mut count = Count::default();
            for request in 0..20 {
                let micros = millis * factor * 1000 + request * 37 * factor + t % 3 * 50;
                let failed = name == 1 && request < failures;
                let times = if failed {
                    &mut count.failed
                } else {
                    &mut count.ok
                };
                times.record(Micros::from_micros(micros));
                count.requests += 1;
                count.failures += u64::from(failed);
            }
            window.counts.insert(name, count);
        }
        if failures > 0 {
            window.errors.insert(0, failures);
        }
        Second {
            t: STARTED + t,
            users: 5,
            wanted: 5,
            window,
        }
    };
    let error = RunError {
        id: 0,
        name: 1,
        text: "HTTPError('500 Server Error: Internal Server Error for url: /slow')".into(),
    };
    let script = Script {
        name: "shop.py".into(),
        sha256: "aa".into(),
        text: "from locust import HttpUser\n".repeat(40),
    };
    let news = News {
        facts: vec![(0, Fact::Script(script))],
        names: vec![name(0, "/"), name(1, "=slow|\"er\"")],
        errors: vec![error],
        seconds: (0..60).map(second).collect(),
        marks: Some(marks),
        now_ms: (STARTED + 60) * 1000,
        has_ended: true,
        ..News::default()
    };
    store.record(id, &news, &mut Sums::default()).unwrap();
}

fn katydid(store: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_katydid"));
    let command = command.args(words).env("LOCUST_STORE", store);
    command
        .current_dir(store.parent().unwrap())
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&printed(output)).unwrap()
}

#[test]
fn runs_are_listed_shown_and_deleted() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.db");
    assert!(refused(&katydid(&file, &["runs"]), 1).contains("no run is kept yet"));
    let mut store = Store::open(&file).unwrap();
    put_run(&mut store, "20231114-1", 10, 2);
    let list = printed(&katydid(&file, &["runs"]));
    assert!(
        list.contains("20231114-1  shop.py  finished      5   1m00s      2400  5.00 %"),
        "{list}"
    );
    assert!(list.contains("\n1 run takes "), "{list}");
    assert!(
        list.ends_with("Up to 200 runs and 5 GB are kept, and those that are pinned.\n"),
        "{list}"
    );
    let listed = json(&katydid(&file, &["runs", "--json"]));
    let [run] = &listed.as_array().unwrap()[..] else {
        panic!("one run");
    };
    assert_eq!(
        (&run["requests"], &run["failures"]),
        (&2400.into(), &120.into())
    );

    let whole = json(&katydid(&file, &["show", "--format", "json"]));
    assert_eq!(whole["total"]["requests"], 2400);
    assert_eq!(whole["errors"][0]["count"], 120);
    assert_eq!(whole["errors"][0]["kind"], "http 5xx");
    // Parts add up to the whole, and are what was counted in them.
    let part = |words: &[&str]| {
        let words = [&["show", "2023", "--format", "json"], words].concat();
        json(&katydid(&file, &words))["total"]["requests"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(part(&["--to", "17s"]) + part(&["--from", "17"]), 2400);
    assert_eq!(part(&["--last", "10s"]), 400);
    assert_eq!(part(&["--from", "5s", "--to", "6s"]), 40);
    assert_eq!(part(&["--steady"]), 40 * 40);
    let csv = printed(&katydid(&file, &["show", "--format", "csv"]));
    assert!(
        csv.contains("\"GET\",\"'=slow|\"\"er\"\"\",1200,120,20,"),
        "{csv}"
    );
    let markdown = printed(&katydid(&file, &["show", "--format", "markdown"]));
    assert!(
        markdown.contains("| `GET =slow\\|\"er\"` | 1,200 | 10.0 % |"),
        "{markdown}"
    );
    let beyond = refused(&katydid(&file, &["show", "--from", "2m"]), 1);
    assert!(
        beyond.contains("that is no part of 20231114-1, which lasted 1m00s"),
        "{beyond}"
    );
    refused(&katydid(&file, &["show", "--from", "soon"]), 2);
    assert!(refused(&katydid(&file, &["show", "1999"]), 1).contains("no run \"1999\" is kept"));

    assert_eq!(
        printed(&katydid(&file, &["delete", "last"])),
        "Deleted 20231114-1\n"
    );
    assert_eq!(printed(&katydid(&file, &["runs"])), "No run is kept yet.\n");
}

#[test]
fn a_worse_run_is_told_from_one_that_is_not() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.db");
    let mut store = Store::open(&file).unwrap();
    put_run(&mut store, "a", 10, 0);
    put_run(&mut store, "b", 10, 0);
    put_run(&mut store, "c", 12, 2);
    let same = katydid(&file, &["compare", "a", "b", "--fail-if-worse"]);
    assert!(printed(&same).starts_with("b beside a: no difference that is more than chance"));
    let worse = katydid(
        &file,
        &["compare", "a", "c", "--fail-if-worse", "--format", "json"],
    );
    assert_eq!(worse.status.code(), Some(3));
    let found: Value = serde_json::from_slice(&worse.stdout).unwrap();
    assert_eq!(found["verdict"], "worse");
    let [root, slow] = &found["entries"].as_array().unwrap()[..] else {
        panic!("two names");
    };
    let verdict = |row: &Value, measure: &str| {
        let mut differences = row["differences"].as_array().unwrap().iter();
        let found = differences.find(|it| it["measure"] == measure).unwrap();
        found["verdict"].clone()
    };
    assert_eq!(verdict(root, "p95"), "worse");
    assert_eq!(verdict(root, "fail_ratio"), "within_noise");
    assert_eq!(verdict(slow, "fail_ratio"), "worse");
    let better = printed(&katydid(
        &file,
        &["compare", "c", "a", "--format", "markdown"],
    ));
    assert!(better.starts_with("### a beside c: better\n"), "{better}");
    let short = printed(&katydid(&file, &["compare", "a", "c", "--to", "5s"]));
    assert!(short.contains("too short"), "{short}");
    assert!(refused(&katydid(&file, &["compare", "a", "a"]), 1).contains("both of the runs"));
    refused(
        &katydid(&file, &["compare", "a", "c", "--least-change=-1"]),
        1,
    );
}

#[test]
fn a_run_travels_in_a_file() {
    let place = tempfile::tempdir().unwrap();
    let [here, there] = ["here.db", "there.db"].map(|name| place.path().join(name));
    let mut store = Store::open(&here).unwrap();
    put_run(&mut store, "20231114-1", 10, 2);
    let wrote = printed(&katydid(&here, &["export", "last"]));
    assert_eq!(wrote, "Wrote 20231114-1.run\n");
    let file = "20231114-1.run";
    assert!(refused(&katydid(&here, &["export", "last"]), 1).contains("is there already"));
    assert_eq!(
        printed(&katydid(&there, &["import", file])),
        "Imported 20231114-1\n"
    );
    let [one, other] =
        [&here, &there].map(|store| printed(&katydid(store, &["show", "--format", "json"])));
    assert_eq!(one, other);
    let scripts = Store::look(&there).unwrap().scripts("20231114-1").unwrap();
    assert_eq!(scripts[0].name, "shop.py");
    assert!(refused(&katydid(&there, &["import", file]), 1).contains("is kept here already"));
    let path = place.path().join("broken.run");
    std::fs::write(&path, "not a run at all, whatever its name says").unwrap();
    assert!(
        refused(&katydid(&there, &["import", "broken.run"]), 1)
            .contains("is not a store of Katydid's")
    );
    assert!(refused(&katydid(&there, &["import", "none.run"]), 1).contains("there is no none.run"));
    // Whichever byte of it is broken, nothing breaks here, and what is kept stays.
    let whole = std::fs::read(place.path().join(file)).unwrap();
    for place_of_harm in (0..whole.len()).step_by(whole.len() / 60) {
        let mut harmed = whole.clone();
        harmed[place_of_harm] ^= 0x55;
        std::fs::write(&path, harmed).unwrap();
        let other = place.path().join("other.db");
        std::fs::remove_file(&other).ok();
        let output = katydid(&other, &["import", "broken.run"]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    }
}

#[test]
fn a_run_goes_to_another_program() {
    let place = tempfile::tempdir().unwrap();
    let [here, there] = ["here.db", "there.db"].map(|name| place.path().join(name));
    let mut store = Store::open(&here).unwrap();
    put_run(&mut store, "20231114-1", 10, 2);
    let piped = katydid(&here, &["export", "last", "-"]);
    assert!(
        piped.status.success() && piped.stderr.is_empty(),
        "{piped:?}"
    );
    assert!(!place.path().join("-").exists());
    fs::write(place.path().join("one.run"), &piped.stdout).unwrap();
    let imported = printed(&katydid(&there, &["import", "one.run"]));
    assert_eq!(imported, "Imported 20231114-1\n");
}

#[test]
fn several_files_go_to_a_folder_and_not_to_the_terminal() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.db");
    let mut store = Store::open(&file).unwrap();
    put_run(&mut store, "20231114-1", 10, 2);
    let report = |format: &str, to: &str| {
        let words = ["report", "last", "--format", format, "-o", to];
        katydid(&file, &words)
    };
    for format in ["svg", "png", "hgrm"] {
        let said = refused(&report(format, "-"), 2);
        assert!(
            said.contains("several files") && said.contains("name a folder"),
            "{said}"
        );
        assert!(!place.path().join("-").exists());
        let said = refused(&report(format, "runs.db"), 1);
        assert!(said.contains("runs.db is one: name a folder"), "{said}");
    }
    assert!(printed(&report("csv", "-")).contains(",1200,120,20,"));
    printed(&report("hgrm", "each"));
    let mut names: Vec<_> = fs::read_dir(place.path().join("each"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["001-GET__slow__er_.hgrm", "002-GET__.hgrm", "all.hgrm"]
    );
}

#[test]
fn numbers_of_runs_are_as_they_were_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.db");
    let mut store = Store::open(&file).unwrap();
    for id in ["a", "b", "c"] {
        put_run(&mut store, id, 10, 0);
    }
    let none = refused(&katydid(&file, &["runs", "-n", "0"]), 2);
    assert!(none.contains("write a number of runs, 1 or more"), "{none}");
    let one = printed(&katydid(&file, &["runs", "-n", "1"]));
    assert!(one.contains("and 2 more; --limit shows them"), "{one}");
    // One of them that is named twice is one.
    let gone = printed(&katydid(&file, &["delete", "last", "a", "b"]));
    assert_eq!(gone, "Deleted a\nDeleted b\n");
    refused(&katydid(&file, &["delete", "c", "nowhere"]), 1);
    assert!(printed(&katydid(&file, &["runs"])).contains("\nc "));
}

/// The command for somebody who has no more rights than others.
#[cfg(unix)]
fn stranger(place: &Path, words: &[&str]) -> Output {
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65_534;
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_katydid"));
    // Who may do everything may also write to what is only to be read.
    let is_root = fs::write(place.join("ro/probe"), "").is_ok();
    if is_root {
        fs::remove_file(place.join("ro/probe")).unwrap();
        let copy = place.join("katydid");
        if !copy.exists() {
            fs::copy(&program, &copy).unwrap();
        }
        program = copy;
    }
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(place)
        .env_remove("LOCUST_STORE");
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.output().unwrap()
}

#[cfg(unix)]
#[test]
fn an_archive_is_read_and_not_changed() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let may =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = place.join("ro");
    let file = folder.join("r.db");
    let mut store = Store::open(&file).unwrap();
    put_run(&mut store, "a", 10, 0);
    put_run(&mut store, "b", 10, 0);
    drop(store);
    fs::create_dir(place.join("out")).unwrap();
    may(place, 0o755);
    may(&place.join("out"), 0o777);
    may(&file, 0o444);
    may(&folder, 0o555);
    let before = fs::read(&file).unwrap();

    let on = ["--store", "ro/r.db"];
    let asked = |words: &[&str]| stranger(place, &[words, &on[..]].concat());
    let list = printed(&asked(&["runs"]));
    assert!(list.contains("\n2 runs take "), "{list}");
    assert!(printed(&asked(&["show", "a"])).starts_with("a of shop.py, finished"));
    assert!(printed(&asked(&["report", "a", "--format", "markdown"])).starts_with("### Load test"));
    assert!(printed(&asked(&["compare", "a", "b"])).starts_with("b beside a: no difference"));
    assert_eq!(
        printed(&asked(&["export", "a", "out/a.run"])),
        "Wrote out/a.run\n"
    );
    for words in [&["delete", "a"][..], &["import", "out/a.run"]] {
        let said = refused(&asked(words), 1);
        assert!(
            said.contains(
                "ro/r.db may only be read; to change it, copy it to a folder of your own"
            ),
            "{said}"
        );
    }
    assert_eq!(fs::read(&file).unwrap(), before);

    // What waits to be taken in would be missing from what is read.
    may(&folder, 0o755);
    fs::write(folder.join("r.db-wal"), "news").unwrap();
    may(&folder, 0o555);
    let said = refused(&asked(&["runs"]), 1);
    assert!(
        said.contains("ro/r.db-wal") && said.contains("copy both files"),
        "{said}"
    );
    may(&folder, 0o755);
}

/// Harms what was packed into a store and is not in the copy of it from before.
fn harm(file: &Path, before: &[u8]) {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    const LONG: usize = 40;
    let packed = |bytes: &[u8]| -> Vec<(usize, Vec<u8>)> {
        let pieces = bytes.windows(LONG).enumerate();
        let packed = pieces.filter(|(_, piece)| piece.starts_with(&MAGIC));
        packed
            .map(|(place, piece)| (place, piece.to_vec()))
            .collect()
    };
    let known: BTreeSet<_> = packed(before).into_iter().map(|(_, piece)| piece).collect();
    let mut bytes = fs::read(file).unwrap();
    for (place, _) in packed(&bytes.clone())
        .into_iter()
        .filter(|(_, piece)| !known.contains(piece))
    {
        // A bit that no header has (RFC 8878, 3.1.1.1.1.4).
        bytes[place + MAGIC.len()] |= 0b1000;
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_run_is_named_and_the_others_are_read() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.db");
    let mut store = Store::open(&file).unwrap();
    put_run(&mut store, "whole", 10, 2);
    drop(store);
    let before = fs::read(&file).unwrap();
    let mut store = Store::open(&file).unwrap();
    put_run(&mut store, "harmed", 12, 2);
    // It goes on, so that nobody has written down what it comes to.
    let more = News {
        seconds: vec![Second {
            t: STARTED + 60,
            users: 5,
            wanted: 5,
            window: Window::default(),
        }],
        now_ms: (STARTED + 61) * 1000,
        ..News::default()
    };
    store.record("harmed", &more, &mut Sums::default()).unwrap();
    drop(store);
    harm(&file, &before);

    for words in [
        &["show", "harmed"][..],
        &["report", "harmed", "--format", "json"],
        &["compare", "whole", "harmed"],
        &["export", "harmed", "out.run"],
    ] {
        let said = refused(&katydid(&file, words), 1);
        assert!(said.contains("harmed is damaged"), "{said}");
        assert!(said.contains("katydid delete harmed removes it"), "{said}");
    }
    let list = printed(&katydid(&file, &["runs"]));
    assert!(list.contains("harmed  shop.py  damaged "), "{list}");
    assert!(list.contains("whole   shop.py  finished "), "{list}");
    assert!(list.contains("harmed is damaged"), "{list}");
    let listed = json(&katydid(&file, &["runs", "--json"]));
    assert_eq!(listed[0]["result"], "damaged");
    assert_eq!(listed[0]["requests"], Value::Null);
    printed(&katydid(&file, &["show", "whole"]));
    printed(&katydid(&file, &["delete", "harmed"]));
    let list = printed(&katydid(&file, &["runs"]));
    assert!(!list.contains("damaged"), "{list}");
}

#[test]
fn a_store_that_cannot_be_used_says_why() {
    let place = tempfile::tempdir().unwrap();
    let folder = refused(
        &katydid(&place.path().join("runs.db"), &["runs", "--store", "."]),
        1,
    );
    assert!(
        folder.contains(". cannot be opened: it is a folder; name a file in it"),
        "{folder}"
    );
    let file = place.path().join("flip.db");
    let mut store = Store::open(&file).unwrap();
    put_run(&mut store, "a", 10, 2);
    drop(store);
    let mut bytes = fs::read(&file).unwrap();
    let name = bytes.windows(7).position(|it| it == b"shop.py").unwrap();
    bytes[name] = 0xff;
    fs::write(&file, bytes).unwrap();
    let broken = refused(&katydid(&file, &["runs"]), 1);
    assert!(
        broken.contains("it is broken; it is left as it is. Use another file, or a copy of it"),
        "{broken}"
    );
}

#[test]
fn a_run_fails_by_what_it_could_not_measure() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("runs.db");
    let target = Target::start();
    let url = target.url("");
    let condition = "GET /nosuch p99>1s";
    let words = [
        &url,
        "-n",
        "20",
        "--fail-if",
        condition,
        "--fail-if",
        "fail>99%",
    ];
    let run = katydid(&file, &words);
    assert_eq!(run.status.code(), Some(3), "{run:?}");

    let listed = json(&katydid(&file, &["runs", "--json"]));
    assert_eq!(listed[0]["result"], "failed");
    let failed = |thresholds: &Value| -> Vec<(String, bool, String)> {
        let all = thresholds.as_array().unwrap().iter();
        all.map(|it| {
            let text = |field: &str| it[field].as_str().unwrap().to_owned();
            (
                text("text"),
                it["failed"].as_bool().unwrap(),
                text("measured"),
            )
        })
        .collect()
    };
    let expected = [
        (
            condition.to_owned(),
            true,
            "no request to measure".to_owned(),
        ),
        ("fail>99%".to_owned(), false, "0.00 %".to_owned()),
    ];
    assert_eq!(failed(&listed[0]["thresholds"]), expected);
    let shown = printed(&katydid(&file, &["show"]));
    assert!(shown.contains(", failed:"), "{shown}");
    assert!(shown.contains("FAILED  GET /nosuch p99>1s"), "{shown}");
    let report = |format: &str| {
        let words = ["report", "last", "--format", format, "-o", "-"];
        printed(&katydid(&file, &words))
    };
    let told: Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(told["result"], "failed");
    assert_eq!(failed(&told["thresholds"]), expected);
    assert_eq!(
        told["verdict"],
        "Failed by 1 of 2 thresholds: GET /nosuch p99>1s (no request to measure)."
    );
    let junit = report("junit");
    assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
    assert!(
        junit.contains("<failure message=\"no request to measure\"/>"),
        "{junit}"
    );
    let markdown = report("markdown");
    assert!(
        markdown.contains("| **FAILED** | `GET /nosuch p99>1s` | no request to measure |"),
        "{markdown}"
    );
    assert!(report("html").contains("✖ FAILED"));
}
