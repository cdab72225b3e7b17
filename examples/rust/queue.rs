//! Another protocol than HTTP: lines that a server sends back, counted by `record`.
//!
//! `cargo run --release --example queue -- --headless -u 10 -r 10 -t 10s` needs no server: it brings its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use katydid::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// A user's connection, once there is one.
struct Line {
    server: SocketAddr,
    stream: Option<BufStream<TcpStream>>,
}

/// More users in the middle.
struct Rush;

impl Shape for Rush {
    fn tick(&mut self, time: Duration) -> Option<Load> {
        match time.as_secs() {
            0..2 | 4..6 => Some(Load::users(5)),
            2..4 => Some(Load::users(20)),
            _ => None,
        }
    }
}

#[katydid::main]
fn test() -> Test {
    let server = echo().expect("a port of this machine");
    Test::new().name("queue").shape(Rush).user(
        User::new("Speaker")
            .state(move || Line {
                server,
                stream: None,
            })
            .wait(constant_pacing(100.millis()))
            .on_start(connect)
            .task(1, say),
    )
}

async fn connect(u: &mut HttpUser<Line>) -> TaskResult {
    let stream = u
        .record("TCP", "connect", TcpStream::connect(u.state.server))
        .await?;
    u.state.stream = Some(BufStream::new(stream));
    Ok(())
}

async fn say(u: &mut HttpUser<Line>) -> TaskResult {
    let word = format!("hello {}\n", u.iteration());
    let (line, me) = u.parts();
    let Some(stream) = &mut line.stream else {
        return Err(TaskError::msg("there is no connection"));
    };
    let mut answer = String::new();
    let talk = async {
        stream.write_all(word.as_bytes()).await?;
        stream.flush().await?;
        stream.read_line(&mut answer).await
    };
    me.record("TCP", "say", talk).await?;
    Ok(())
}

/// A server that sends back each line, on threads of its own.
fn echo() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut out = stream.try_clone()?;
                for line in BufReader::new(stream).lines() {
                    writeln!(out, "{}", line?)?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    Ok(address)
}
