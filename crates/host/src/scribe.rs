//! A thread that writes to the store, now and then and when it is asked to.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use katydid_node::run::Node;
use katydid_store::StoreError;

use crate::vital;

/// How often something is written.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The pause between two times.
    pub period: Duration,
    /// Of its time the thread writes at most one part in so many, as long as that makes no longer
    /// pause than `longest`.
    pub share: u32,
    /// The longest pause.
    pub longest: Duration,
}

/// The thread that writes.
pub struct Scribe {
    /// Asks for everything to be written; the answer says that it is, or cannot be.
    flush: Arc<mpsc::Sender<mpsc::Sender<()>>>,
}

impl Scribe {
    /// Begins to write; `write` is told whether all that there is must be written now. `tell` hears of
    /// the first failure, and of the next one after something was written again.
    pub fn start(
        name: &'static str,
        node: Arc<Node>,
        pace: Pace,
        mut write: impl FnMut(bool) -> Result<(), StoreError> + Send + 'static,
        tell: impl Fn(String) + Send + 'static,
    ) -> io::Result<Self> {
        let (flush, requests) = mpsc::channel::<mpsc::Sender<()>>();
        let work = move || {
            let (mut pause, mut has_failed) = (pace.period, false);
            loop {
                let asker = match requests.recv_timeout(pause) {
                    Ok(asker) => Some(asker),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let began = node.now();
                let written = write(asker.is_some());
                if let Err(error) = &written
                    && !has_failed
                {
                    tell(error.to_string());
                }
                has_failed = written.is_err();
                let took = Duration::from_nanos(node.now().saturating_sub(began).as_nanos());
                pause = pace.period.max(took * pace.share).min(pace.longest);
                if let Some(asker) = asker {
                    asker.send(()).ok();
                }
            }
        };
        vital::thread(name, work)?;
        Ok(Self {
            flush: Arc::new(flush),
        })
    }

    /// A way to have everything written, which others may hold without keeping the thread; see
    /// [`Scribe::flush`].
    pub fn flusher(&self) -> impl Fn() + Send + Sync + use<> {
        let flush = Arc::downgrade(&self.flush);
        move || {
            if let Some(flush) = flush.upgrade() {
                ask(&flush);
            }
        }
    }

    /// Waits until what has happened so far is written, or cannot be.
    pub fn flush(&self) {
        ask(&self.flush);
    }
}

fn ask(flush: &mpsc::Sender<mpsc::Sender<()>>) {
    let (asker, answer) = mpsc::channel();
    if flush.send(asker).is_ok() {
        answer.recv().ok();
    }
}
