//! Users in Rust and URLs, run by their commands against the demo target, which knows what it was asked.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

mod demo;

use demo::Target;

/// Where cargo has put an example.
fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_katydid")).parent().unwrap();
    folder.join("examples").join(name)
}

/// After so long a command that should have ended is killed, so that what it said is seen.
const DEADLINE: Duration = Duration::from_secs(120);

fn run(command: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Output {
    run_in(Path::new("."), command, words)
}

fn run_in(folder: &Path, command: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Output {
    let mut command = Command::new(command);
    command.args(words).current_dir(folder);
    if !words.contains(&"--store") {
        command.env("LOCUST_NO_STORE", "1");
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command.spawn().unwrap();
    #[cfg(unix)]
    let group = rustix::process::Pid::from_child(&child);
    let (ended, end) = mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let is_late = end.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout);
        #[cfg(unix)]
        if is_late {
            let killed = rustix::process::Signal::KILL;
            rustix::process::kill_process_group(group, killed).ok();
        }
        is_late
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    assert!(
        !watch.join().unwrap(),
        "it did not end by itself: {output:?}"
    );
    output
}

/// What it said on the log.
fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What is kept of the only run of a store, as the command tells it.
fn kept(store: &str, format: &str) -> String {
    let words = [
        "report", "--store", store, "--format", format, "--output", "-",
    ];
    let output = run(env!("CARGO_BIN_EXE_katydid"), &words);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A server that answers one request with this status, and tells what its head was.
fn asked_once(status: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let head = thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
        head
    });
    (address, head)
}

fn stats(output: &Output) -> Vec<Value> {
    match serde_json::from_slice(&output.stdout) {
        Ok(Value::Array(stats)) => stats,
        _ => panic!("{output:?}"),
    }
}

fn counted(stats: &[Value], name: &str) -> u64 {
    let mut rows = stats.iter().filter(|row| row["name"] == name);
    rows.next()
        .map_or(0, |row| row["num_requests"].as_u64().unwrap())
}

#[test]
fn a_url_is_asked_for_so_often_and_all_of_it_is_counted() {
    let target = Target::start();
    let url = target.url("/bytes/33");
    let output = run(
        env!("CARGO_BIN_EXE_katydid"),
        &[&url, "-n", "200", "-u", "8", "--json"],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let stats = stats(&output);
    assert_eq!(counted(&stats, "/bytes/33"), 200);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("Aggregated"), "{told}");
    assert_eq!(target.truth()["by_path"]["GET /bytes/33"], 200);
    // Nobody would ever end it.
    let output = run(env!("CARGO_BIN_EXE_katydid"), &[&url, "-n", "3", "-u", "0"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(target.truth()["by_path"]["GET /bytes/33"], 203);
}

#[test]
fn weights_methods_headers_and_bodies_are_those_of_the_command_line() {
    let target = Target::start();
    let (echo, broken) = (target.url("/echo"), target.url("/status/500"));
    let output = run(
        env!("CARGO_BIN_EXE_katydid"),
        &[
            &echo,
            "3",
            &broken,
            "0",
            "-n",
            "20",
            "-X",
            "PUT",
            "-d",
            "a=b",
            "-H",
            "X-One: two",
            "--json",
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let stats = stats(&output);
    assert_eq!(stats.len(), 1);
    assert_eq!(
        (&stats[0]["method"], counted(&stats, "/echo")),
        (&"PUT".into(), 20)
    );
    let failing = run(
        env!("CARGO_BIN_EXE_katydid"),
        &[&broken, "-n", "5", "-u", "1"],
    );
    assert_eq!(failing.status.code(), Some(1));
    let told = String::from_utf8_lossy(&failing.stderr).into_owned();
    assert!(told.contains("500 Internal Server Error"), "{told}");
    let judged = run(
        env!("CARGO_BIN_EXE_katydid"),
        &[&broken, "-n", "5", "-u", "1", "--fail-if", "fail>1%"],
    );
    assert_eq!(judged.status.code(), Some(3));
}

#[test]
fn a_login_in_a_url_is_sent_and_shown_nowhere() {
    let target = Target::start();
    let url = target
        .url("/basic-auth/ann/pass")
        .replace("//", "//ann:pass@");
    let output = run(env!("CARGO_BIN_EXE_katydid"), &[&url, "-n", "4"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("runs.db");
    let words = ["-n", "1", "-u", "1", "--store", store.to_str().unwrap()];
    // An error, of which an example is kept.
    let (address, head) = asked_once("500 Broken");
    let url = format!("http://ann+b:hunter%232@{address}/");
    let output = run(
        env!("CARGO_BIN_EXE_katydid"),
        &[&[url.as_str()], &words[..]].concat(),
    );
    let head = head.join().unwrap();
    // The user and password, plus sign and hash included, in base64.
    let sent = "YW5uK2I6aHVudGVyIzI=";
    assert!(
        head.contains(&format!("Authorization: Basic {sent}\r\n")),
        "{head}"
    );
    let shown = [
        told(&output),
        kept(words[5], "json"),
        kept(words[5], "html"),
        String::from_utf8_lossy(&std::fs::read(&store).unwrap()).into_owned(),
    ];
    for text in shown {
        assert!(!text.contains("hunter") && !text.contains(sent), "{text}");
    }

    let (address, head) = asked_once("200 OK");
    let url = format!("http://ann:hunter2@{address}/");
    let words = [&url, "-n", "1", "-u", "1", "-H", "Authorization: Own word"];
    run(env!("CARGO_BIN_EXE_katydid"), &words);
    let head = head.join().unwrap();
    assert!(head.contains("Authorization: Own word"), "{head}");
    assert!(!head.contains("Basic"), "{head}");
}

#[test]
fn secrets_in_a_query_are_sent_and_not_part_of_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("runs.db");
    let store = store.to_str().unwrap();
    let (address, head) = asked_once("404 Gone");
    let url = format!("http://{address}/items?token=hunter2&page=1");
    let words = [&url, "-n", "1", "-u", "1", "--json", "--store", store];
    let output = run(env!("CARGO_BIN_EXE_katydid"), &words);
    let head = head.join().unwrap();
    assert!(
        head.starts_with("GET /items?token=hunter2&page=1 "),
        "{head}"
    );
    assert_eq!(counted(&stats(&output), "/items?token=***&page=1"), 1);
    for text in [told(&output), kept(store, "json"), kept(store, "html")] {
        assert!(text.contains("/items?token=***"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn what_a_run_was_asked_and_where_it_ran_is_kept() {
    let target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let about_of = |command: &Path, name: &str, words: &[&str]| -> Value {
        let store = folder.path().join(name);
        let store = store.to_str().unwrap();
        let output = run(command, &[words, &["--store", store]].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let kept: Value = serde_json::from_str(&kept(store, "json")).unwrap();
        kept["about"].clone()
    };
    let katydid = Path::new(env!("CARGO_BIN_EXE_katydid"));
    let url = target.url("/echo?key=hunter2");
    let words = [
        &url,
        "--stages",
        "1s:5",
        "-H",
        "X-Api-Key: hunter2",
        "-d",
        "hunter2",
    ];
    let about = about_of(katydid, "urls.db", &words);
    assert_eq!(about["host"], target.url(""), "{about}");
    assert_eq!(about["shape"], "Stages", "{about}");
    assert_eq!(about["stages"], serde_json::json!([[1, 5]]), "{about}");
    let options = &about["options"];
    assert_eq!(options["stages"], "1s:5", "{about}");
    assert_eq!(options["urls"][0], target.url("/echo?key=***"), "{about}");
    assert_eq!(options["header"][0], "X-Api-Key: ***", "{about}");
    assert!(!about.to_string().contains("hunter2"), "{about}");

    let host = target.url("");
    let words = [
        "--headless",
        "-u",
        "2",
        "-r",
        "2.5",
        "-t",
        "1s",
        "--host",
        &host,
    ];
    let about = about_of(&example("shop"), "shop.db", &words);
    let options = &about["options"];
    let numbers = (
        &options["num_users"],
        &options["spawn_rate"],
        &options["run_time"],
    );
    assert_eq!(numbers, (&2.into(), &2.5.into(), &1.into()), "{about}");
    assert_eq!(options["headless"], true, "{about}");
    // What nobody has said.
    assert_eq!(options["web_port"], Value::Null, "{about}");
    #[cfg(target_os = "linux")]
    {
        assert_eq!(about["system"], "Linux", "{about}");
        assert!(about["memory_bytes"].as_u64() > Some(1 << 20), "{about}");
        assert!(
            about["platform"].as_str().unwrap().starts_with("Linux-"),
            "{about}"
        );
    }
}

#[test]
fn urls_are_asked_for_as_the_folders_files_say() {
    let target = Target::start();
    let url = target.url("/items");
    let katydid = env!("CARGO_BIN_EXE_katydid");
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    // What only a script has a use for is nothing to URLs.
    put(
        "katydid.conf",
        "users = 3\nlocustfile = shop.py\ntags = slow\niterations = 1\n",
    );
    let output = run_in(folder.path(), katydid, &[&url, "-n", "9", "--json"]);
    let said = told(&output);
    assert!(said.contains("Ramping to 3 users"), "{said}");
    assert_eq!(counted(&stats(&output), "/items"), 9, "{said}");
    put("pyproject.toml", "[tool.katydid]\nusers = 4\n");
    let output = run_in(folder.path(), katydid, &[&url, "-n", "9"]);
    assert!(told(&output).contains("Ramping to 4 users"), "{output:?}");
    let output = run_in(folder.path(), katydid, &[&url, "-n", "9", "-u", "5"]);
    assert!(told(&output).contains("Ramping to 5 users"), "{output:?}");
    put("katydid.conf", "user = 3\n");
    let output = run_in(folder.path(), katydid, &[&url, "-n", "9"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = told(&output);
    assert!(
        said.contains("katydid.conf, line 1: there is no option \"user\""),
        "{said}"
    );
}

#[test]
fn a_time_limit_may_have_a_fraction() {
    // It takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let words = [&url, "-n", "1", "-u", "1", "--timeout", "0.2", "--json"];
    let output = run(env!("CARGO_BIN_EXE_katydid"), &words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stats = stats(&output);
    let took = stats[0]["max_response_time"].as_f64().unwrap();
    assert!((200.0..20_000.0).contains(&took), "{stats:?}");
}

#[test]
fn a_page_that_cannot_be_served_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let words = ["http://127.0.0.1:1/", "--autostart", "-P", &port];
    let output = run(env!("CARGO_BIN_EXE_katydid"), &words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = told(&output);
    assert!(said.contains("leave out --autostart"), "{said}");
    assert!(!said.contains("--headless"), "{said}");
    let output = run(example("shop"), &["-P", &port, "--no-store"]);
    let said = told(&output);
    assert!(
        said.contains("run without the page with --headless"),
        "{said}"
    );
}

#[test]
fn users_beside_a_rate_are_only_those_it_begins_with() {
    let target = Target::start();
    let url = target.url("/items");
    let words = [&url, "--rate", "20/s for 1s", "-u", "2"];
    let said = told(&run(env!("CARGO_BIN_EXE_katydid"), &words));
    assert!(
        said.contains("--rate-users the most there may be"),
        "{said}"
    );
    let words = [&words[..], &["--rate-users", "9"]].concat();
    let said = told(&run(env!("CARGO_BIN_EXE_katydid"), &words));
    assert!(!said.contains("--rate-users"), "{said}");
}

#[test]
fn options_may_stand_in_a_file() {
    let target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("load.conf");
    let text = "users = 2\nspawn-rate: 2\nheadless\nrun-time 1s\nmaster = true\nmaster-bind-port = 0\nprocesses = 2";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let words = ["--config", file, "--json", "--host", &target.url("")];
    let output = run(example("shop"), &words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("Ramping to 2 users"), "{told}");
    assert!(!stats(&output).is_empty(), "{told}");
    std::fs::write(file, "users = 2\nrun-time = soon").unwrap();
    let output = run(example("shop"), &words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("load.conf, line 2: --run-time: \"soon\" is not a length of time"),
        "{told}"
    );
}

#[test]
fn what_makes_no_sense_is_said_and_exits_2() {
    const URL: &str = "http://127.0.0.1:1/";
    for (words, said) in [
        (&[URL, "-n", "0"][..], "-n"),
        (&[URL, "-H", "nothing"], "is no header"),
        (&[URL, "-u", "many"], "number of users"),
        (&["http:///", "-n", "1"], "invalid URL"),
        (&[URL, "--colour"], "--colour"),
        (
            &[URL, "-r", "0"],
            "--spawn-rate: \"0\" is not a number above zero",
        ),
        (
            &[URL, "--fail-if", "p95>>1"],
            "--fail-if: this is no threshold",
        ),
        (&[URL, "--body-file", "/nowhere"], "--body-file: /nowhere"),
        (&[URL, "--timeout", "soon"], "above zero; write 0.5, 20"),
        (&[URL, "--timeout", "0.0"], "above zero; write 0.5, 20"),
        (
            &[URL, "--rate-users", "5"],
            "--rate-users is only meaningful",
        ),
        (
            &[URL, "--arrivals", "poisson"],
            "--arrivals is only meaningful",
        ),
        (
            &["ftp://ann:hunter2@a/", "-n", "1"],
            "Only http:// and https:// URLs can be asked for, and no ftp:// ones\n",
        ),
    ] {
        let output = run(env!("CARGO_BIN_EXE_katydid"), words);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(said), "{told}");
    }
    for (command, words) in [
        (env!("CARGO_BIN_EXE_katydid").into(), [URL].as_slice()),
        (example("shop"), &["--headless"]),
    ] {
        let both = ["--rate", "100/s", "--stages", "1s:5"];
        let output = run(command, &[words, &both].concat());
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = "--rate and --stages both say what the load is: leave one of them out\n";
        assert_eq!(told(&output), said);
    }
}

#[test]
fn nobody_there_is_a_failure_that_is_told() {
    let output = run(
        env!("CARGO_BIN_EXE_katydid"),
        &["http://127.0.0.1:1/", "-n", "3", "-u", "1"],
    );
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("Connection refused"), "{told}");
}

#[test]
fn the_shop_runs_as_its_test_says() {
    let target = Target::start();
    let output = run(
        example("shop"),
        &[
            "--headless",
            "-u",
            "20",
            "-r",
            "20",
            "-t",
            "3s",
            "--host",
            &target.url(""),
            "--json",
            "-s",
            "5s",
        ],
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let stats = stats(&output);
    assert!(counted(&stats, "/items?page=[page]") > 0, "{told}");
    assert!(
        counted(&stats, "/item/[id]") >= counted(&stats, "/items?page=[page]"),
        "{told}"
    );
    assert!(counted(&stats, "/cart") > 0, "{told}");
    let total: u64 = stats
        .iter()
        .map(|row| row["num_requests"].as_u64().unwrap())
        .sum();
    let truth = target.truth();
    let asked = truth["by_path"].as_object().unwrap().values();
    let asked: u64 = asked.filter_map(Value::as_u64).sum();
    assert_eq!(asked, total, "{told}");
}

#[test]
fn classes_and_tags_are_chosen_on_the_command_line() {
    let target = Target::start();
    let output = run(
        example("shop"),
        &[
            "Buyer",
            "--headless",
            "-u",
            "3",
            "-r",
            "3",
            "-t",
            "2s",
            "--host",
            &target.url(""),
            "--json",
        ],
    );
    let names: Vec<_> = stats(&output)
        .iter()
        .map(|row| row["name"].to_string())
        .collect();
    assert!(
        names.contains(&"\"/cart\"".to_owned()) && !names.contains(&"\"/\"".to_owned()),
        "{names:?}"
    );
    let list = run(example("shop"), &["--list"]);
    let list = String::from_utf8(list.stdout).unwrap();
    assert_eq!(list, "Available Users:\n    Visitor\n    Buyer\n");
    let unknown = run(example("shop"), &["Stranger", "--headless"]);
    assert_eq!(unknown.status.code(), Some(1));
    let none = run(example("shop"), &["--headless", "--tags", "nothing"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&none.stderr).contains("no tasks"),
        "{none:?}"
    );
}

#[test]
fn other_protocols_and_shapes_need_no_http() {
    let output = run(example("queue"), &["--headless", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let stats = stats(&output);
    assert!(counted(&stats, "connect") >= 20, "{stats:?}");
    assert!(
        counted(&stats, "say") > counted(&stats, "connect"),
        "{stats:?}"
    );
}

/// Sends a request and reads the whole answer, without the spaces that JSON may have.
fn ask(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let kind = if body.starts_with('{') {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.replace(": ", ":")
}

#[test]
fn the_page_starts_changes_and_stops_a_test() {
    let target = Target::start();
    let mut child = Command::new(example("shop"))
        .args(["-P", "0", "--host", &target.url(""), "--no-store"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = log
        .find_map(|line| line.ok().filter(|line| line.contains("web interface")))
        .unwrap();
    let port: String = line
        .split("localhost:")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    // Nobody else reads it, and a full pipe would stop the program.
    let rest = std::thread::spawn(move || log.map_while(Result::ok).collect::<Vec<_>>());
    let page = format!("127.0.0.1:{port}");
    let started = ask(&page, "POST", "/swarm", "user_count=6&spawn_rate=6");
    assert!(started.contains("Swarming started"), "{started}");
    let stats = |until: &dyn Fn(&str) -> bool| {
        (0..600)
            .map(|_| {
                thread::park_timeout(Duration::from_millis(50));
                ask(&page, "GET", "/stats/requests", "")
            })
            .find(|stats| until(stats))
            .unwrap()
    };
    stats(&|stats| stats.contains("\"user_count\":6") && stats.contains("/items?page=[page]"));
    let changed = ask(&page, "POST", "/api/v1/load", r#"{"users": 2}"#);
    assert!(changed.contains("\"ok\":true"), "{changed}");
    stats(&|stats| stats.contains("\"user_count\":2"));
    let stopped = ask(&page, "GET", "/stop", "");
    assert!(stopped.contains("Test stopped"), "{stopped}");
    let after = stats(&|stats| stats.contains("\"state\":\"stopped\""));
    assert!(after.contains("\"user_count\":0"), "{after}");
    #[cfg(unix)]
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&child),
        rustix::process::Signal::INT,
    )
    .unwrap();
    let code = child.wait().unwrap().code();
    let log = rest.join().unwrap().join("\n");
    assert!(matches!(code, Some(0 | 1)), "{log}");
    assert!(log.contains("Shutting down"), "{log}");
}

#[test]
fn workers_of_this_machine_share_the_users_and_report_all_they_counted() {
    let target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("runs.db");
    let store = store.to_str().unwrap();
    let output = run(
        example("shop"),
        &[
            "--headless",
            "--processes",
            "2",
            "-u",
            "8",
            "-r",
            "8",
            "-t",
            "4s",
            "-s",
            "5s",
            "--host",
            &target.url(""),
            "--json",
            "--store",
            store,
        ],
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let stats = stats(&output);
    let total: u64 = stats
        .iter()
        .map(|row| row["num_requests"].as_u64().unwrap())
        .sum();
    let truth = target.truth();
    let asked = truth["by_path"].as_object().unwrap().values();
    let asked: u64 = asked.filter_map(Value::as_u64).sum();
    assert!(total > 0, "{told}");
    assert_eq!(asked, total, "{told}");
    let kept = run(
        env!("CARGO_BIN_EXE_katydid"),
        &["show", "--store", store, "--format", "json"],
    );
    let kept: Value = serde_json::from_slice(&kept.stdout).unwrap();
    assert_eq!(kept["total"]["requests"], total, "{told}");
}
