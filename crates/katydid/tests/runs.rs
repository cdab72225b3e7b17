//! Kept runs on the command line, from stores with known contents.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use katydid_core::units::Micros;
use katydid_core::window::{Count, Window};
use katydid_store::{Fact, Name, News, RunError, Script, Second, Store, Sums};
use serde_json::Value;

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
