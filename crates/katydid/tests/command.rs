//! The command `katydid`, as a shell sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

fn katydid() -> Command {
    Command::new(env!("CARGO_BIN_EXE_katydid"))
}

/// A started target and the line that it announced itself with.
fn announced(command: &mut Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line)
}

#[test]
fn running_scripts_is_the_wheels_business() {
    // A host that is a URL makes it no URL mode.
    for args in [
        &[][..],
        &["-f", "locustfile.py"],
        &["-f", "a.py", "-H", "http://a/"],
    ] {
        let output = katydid().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(
            String::from_utf8(output.stderr)
                .unwrap()
                .contains("pip install katydid")
        );
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = katydid().arg("--version").output().unwrap();
    let wanted = format!("katydid {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (output.status.code(), output.stdout),
        (Some(0), wanted.into_bytes())
    );
}

#[test]
fn a_taken_port_is_told_and_exits_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = katydid()
        .args(["target", "--port", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with(&format!(
        "katydid target: cannot listen on 127.0.0.1:{port}: "
    )));
}

#[test]
fn an_unknown_option_exits_2() {
    let output = katydid().args(["target", "--colour"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn signals_end_the_target_cleanly_with_its_log_written() {
    use std::io::{Read as _, Write as _};

    use rustix::process::{Pid, Signal, kill_process};

    for signal in [Signal::INT, Signal::TERM] {
        let name = format!("katydid-{}-{}.csv", std::process::id(), signal.as_raw());
        let log = std::env::temp_dir().join(name);
        let mut command = katydid();
        command
            .args(["target", "--port", "0", "--truth-log"])
            .arg(&log);
        let (mut child, line) = announced(&mut command);
        let address = line
            .trim_end()
            .strip_prefix("Target listening on http://")
            .unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream
            .write_all(b"GET /item/3 HTTP/1.1\r\nconnection: close\r\n\r\n")
            .unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();

        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let rows = std::fs::read_to_string(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        assert_eq!(rows.lines().count(), 2);
        assert!(rows.trim_end().ends_with("\"GET /item/3\""));
    }
}

#[test]
fn the_certificate_is_written_before_the_target_announces_itself() {
    let path = std::env::temp_dir().join(format!("katydid-ca-{}.pem", std::process::id()));
    let mut command = katydid();
    command
        .args(["target", "--port", "0", "--tls", "--tls-cert-out"])
        .arg(&path);
    let (mut child, line) = announced(&mut command);
    let pem = std::fs::read_to_string(&path);
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(line.starts_with("Target listening on https://127.0.0.1:"));
    assert!(pem.unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}
