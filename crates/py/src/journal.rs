//! Writes a master's state down, on a thread of its own, so that another process can go on with it.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use katydid_core::snapshot::State;
use katydid_node::Event;
use katydid_node::run::Node;
use katydid_store::{Checkpoint, Store, StoreError};

/// Between two looks whether there is something to write.
const PERIOD: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);
/// Of its time this thread writes at most one part in so many.
const SHARE: u32 = 10;
/// Runs of other masters that nobody went on with for so long are forgotten.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// The thread that writes.
pub(crate) struct Journal {
    /// Asks for everything to be written; the answer says that it is.
    flush: mpsc::Sender<mpsc::Sender<()>>,
}

impl Journal {
    /// Begins to write the state of a master under this name. `tell` hears of the first failure;
    /// the run goes on without a journal then, as long as writing fails.
    pub(crate) fn start(
        node: Arc<Node>,
        store: Store,
        run: String,
        tell: impl Fn(String) + Send + 'static,
    ) -> std::io::Result<Self> {
        node.keep_journal();
        let (flush, requests) = mpsc::channel::<mpsc::Sender<()>>();
        let work = move || {
            let mut writer = Writer { node, store, run };
            let (mut pause, mut has_failed) = (PERIOD, false);
            loop {
                let asker = match requests.recv_timeout(pause) {
                    Ok(asker) => Some(asker),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let began = writer.node.now();
                if let Err(error) = writer.write() {
                    if !has_failed {
                        tell(error.to_string());
                    }
                    has_failed = true;
                }
                let took = writer.node.now().saturating_sub(began);
                pause = PERIOD
                    .max(Duration::from_nanos(took.as_nanos()) * SHARE)
                    .min(LONGEST);
                if let Some(asker) = asker {
                    asker.send(()).ok();
                }
            }
        };
        thread::Builder::new()
            .name("katydid-store".into())
            .spawn(work)?;
        Ok(Self { flush })
    }

    /// Waits until what has happened so far is written, or cannot be.
    pub(crate) fn flush(&self) {
        let (asker, answer) = mpsc::channel();
        if self.flush.send(asker).is_ok() {
            answer.recv().ok();
        }
    }
}

struct Writer {
    node: Arc<Node>,
    store: Store,
    run: String,
}

impl Writer {
    fn write(&mut self) -> Result<(), StoreError> {
        let Some(checkpoint) = self.node.take_checkpoint() else {
            return Ok(());
        };
        let at_ms = self.node.now().as_millis();
        let written = match checkpoint.state {
            State::Spawning | State::Running | State::Stopping => {
                let state = checkpoint.encode(self.node.registry());
                self.store
                    .put_checkpoint(&self.run, &Checkpoint { at_ms, state })
            }
            // There is nothing to go on with.
            _ => {
                let kept = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
                let old = at_ms.saturating_sub(kept);
                self.store.forget_checkpoint(&self.run, old)
            }
        };
        // Workers must not wait for a disk that is full.
        self.node.send(Event::Saved);
        written
    }
}
