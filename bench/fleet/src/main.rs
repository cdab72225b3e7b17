//! Plays workers to a master: as many as wanted, each with a connection of its own.
//!
//! They say what workers say and run no users. Every three seconds each of them reports requests
//! under 50 names, either as our own workers do, with histograms, or as stock ones (`--stock`).
//! Lines of JSON on stdout tell how it goes; the end of stdin ends it.

mod reports;
mod worker;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::reports::Reports;
use crate::worker::Worker;

/// How fast workers join, per second.
const JOINING: u32 = 500;

/// Plays workers to a master.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The master's port, on this machine.
    #[arg(long)]
    port: u16,
    /// How many workers there are.
    #[arg(long)]
    workers: u32,
    /// Report as stock workers do, without histograms.
    #[arg(long)]
    stock: bool,
    /// Names in each report.
    #[arg(long, default_value_t = 50)]
    names: u32,
    /// Requests under each name in each report.
    #[arg(long, default_value_t = 10)]
    requests: u32,
}

/// What all workers together have done.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    connected: u32,
    welcome: u32,
    lost: u64,
    reports: u64,
    requests: u64,
    receipts: u64,
    heartbeats: u64,
    answered: u64,
    ended: u32,
}

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (gone, stdin_ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
        gone.send(()).ok();
    });
    LocalSet::new().block_on(&runtime, async move {
        let played = tokio::task::spawn_local(play(options));
        stdin_ended.await.ok();
        played.abort();
    });
}

/// Has the workers join, then tells once a second how they do.
async fn play(options: Options) {
    let tally = Rc::new(RefCell::new(Tally::default()));
    let reports = Rc::new(RefCell::new(Reports::new(
        options.names,
        options.requests,
        options.stock,
    )));
    let start = Instant::now();
    for index in 0..options.workers {
        sleep_until(start + Duration::from_secs(1) * index / JOINING).await;
        let worker = Worker::new(index, options.port, Rc::clone(&tally), Rc::clone(&reports));
        tokio::task::spawn_local(worker.run());
    }
    loop {
        sleep(Duration::from_secs(1)).await;
        if say(*tally.borrow()).is_err() {
            return;
        }
    }
}

fn say(tally: Tally) -> std::io::Result<()> {
    let line = json!({
        "connected": tally.connected,
        "welcome": tally.welcome,
        "lost": tally.lost,
        "reports": tally.reports,
        "requests": tally.requests,
        "receipts": tally.receipts,
        "heartbeats": tally.heartbeats,
        "answered": tally.answered,
        "ended": tally.ended,
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
