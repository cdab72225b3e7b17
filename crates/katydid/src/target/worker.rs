//! Worker threads: each runs its own share of the connections.
//!
//! The first worker also accepts, and deals new connections out in turn, so
//! that every thread has the same number of them.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::serve;
use super::routes::Site;
use super::timer::Timer;
use super::truth::Truth;

/// Connections that may wait to be taken over by a worker.
const DEALT: usize = 1024;
/// How long accepting rests when the process has no descriptor left.
const REST: Duration = Duration::from_millis(50);

/// What all worker threads share.
pub(crate) struct Shared {
    pub(crate) site: Site,
    pub(crate) truth: Truth,
}

/// What the connections of one thread share.
pub(crate) struct Worker {
    pub(crate) thread: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) timer: Timer,
    pub(crate) tls: Option<TlsAcceptor>,
}

/// A new connection, on its way to its worker.
pub(crate) struct Dealt {
    stream: std::net::TcpStream,
    number: u32,
}

/// The ends of the way from the accepting worker to each of `count`.
pub(crate) fn deal(count: usize) -> (Vec<mpsc::Sender<Dealt>>, Vec<mpsc::Receiver<Dealt>>) {
    (0..count).map(|_| mpsc::channel(DEALT)).unzip()
}

/// The accepting worker's part.
pub(crate) struct Door {
    pub(crate) listener: TcpListener,
    pub(crate) workers: Vec<mpsc::Sender<Dealt>>,
}

/// Serves connections until `shutdown`.
pub(crate) async fn work(
    worker: Worker,
    door: Option<Door>,
    mut dealt: mpsc::Receiver<Dealt>,
    shutdown: CancellationToken,
) {
    // All tasks end with the runtime, which is dropped right after this.
    let tasks = TaskTracker::new();
    let worker = Arc::new(worker);
    let driven = Arc::clone(&worker);
    tasks.spawn(async move { driven.timer.drive().await });
    if let Some(door) = door {
        let (worker, open) = (Arc::clone(&worker), tasks.clone());
        tasks.spawn(async move { accept(door, &worker, &open).await });
    }
    loop {
        let dealt = tokio::select! {
            () = shutdown.cancelled() => return,
            Some(dealt) = dealt.recv() => dealt,
        };
        // A socket that cannot be registered is closed: the client sees that.
        if let Ok(stream) = TcpStream::from_std(dealt.stream) {
            start(stream, dealt.number, &worker, &tasks);
        }
    }
}

async fn accept(door: Door, worker: &Arc<Worker>, tasks: &TaskTracker) {
    let mut number = 0u32;
    loop {
        let stream = match door.listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                let _ = writeln!(io::stderr(), "katydid target: cannot accept: {error}");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        number = number.wrapping_add(1);
        let turn = number as usize % door.workers.len();
        if turn == worker.thread {
            start(stream, number, worker, tasks);
        } else if let Ok(stream) = stream.into_std() {
            // Fails only while the workers are being ended.
            let _ = door.workers[turn].send(Dealt { stream, number }).await;
        }
    }
}

fn start(stream: TcpStream, number: u32, worker: &Arc<Worker>, tasks: &TaskTracker) {
    let worker = Arc::clone(worker);
    // Without this, small answers in several pieces would wait for each other.
    let _ = stream.set_nodelay(true);
    if worker.tls.is_some() {
        tasks.spawn(async move { serve_tls(stream, number, &worker).await });
    } else {
        tasks.spawn(async move { serve(stream, number, &worker).await });
    }
}

async fn serve_tls(stream: TcpStream, number: u32, worker: &Worker) {
    let Some(tls) = &worker.tls else { return };
    // A failed handshake is the client's to report.
    if let Ok(stream) = tls.accept(stream).await {
        serve(stream, number, worker).await;
    }
}
