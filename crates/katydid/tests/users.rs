//! Users in Rust and URLs, run by their commands against the demo target, which knows what it was asked.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The demo target, ended when it is dropped.
struct Target {
    child: Child,
    address: String,
}

impl Target {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_katydid"))
            .args(["target", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim_end().rsplit("http://").next().unwrap().to_owned();
        Self { child, address }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it counted, by route.
    fn truth(&self) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream
            .write_all(b"GET /_truth HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where cargo has put an example.
fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_katydid")).parent().unwrap();
    folder.join("examples").join(name)
}

/// After so long a command that should have ended is killed, so that what it said is seen.
const DEADLINE: Duration = Duration::from_secs(120);

fn run(command: impl AsRef<std::ffi::OsStr>, words: &[&str]) -> Output {
    let mut command = Command::new(command);
    command.args(words);
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
    for (words, said) in [
        (&["http://127.0.0.1:1/", "-n", "0"][..], "-n"),
        (&["http://127.0.0.1:1/", "-H", "nothing"], "is no header"),
        (&["http://127.0.0.1:1/", "-u", "many"], "number of users"),
        (&["http:///", "-n", "1"], "invalid URL"),
        (&["http://127.0.0.1:1/", "--colour"], "--colour"),
    ] {
        let output = run(env!("CARGO_BIN_EXE_katydid"), words);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(said), "{told}");
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
