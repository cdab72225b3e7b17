//! Writes a master's state down, on a thread of its own, so that another process can go on with it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::snapshot::State;
use katydid_node::Event;
use katydid_node::run::Node;
use katydid_store::{Checkpoint, Store, StoreError};

use crate::scribe::{Pace, Scribe};

const PACE: Pace = Pace {
    period: Duration::from_millis(100),
    share: 10,
    longest: Duration::from_secs(2),
};
/// Runs of other masters that nobody went on with for so long are forgotten.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Begins to write the state of a master under this name. `tell` hears of failures; the run goes on
/// without a journal then, as long as writing fails.
pub fn start(
    node: Arc<Node>,
    store: Store,
    run: String,
    tell: impl Fn(String) + Send + 'static,
) -> io::Result<Scribe> {
    node.keep_journal();
    let clock = Arc::clone(&node);
    let write = move |_| write(&node, &store, &run);
    Scribe::start("katydid-store", clock, PACE, write, tell)
}

fn write(node: &Node, store: &Store, run: &str) -> Result<(), StoreError> {
    let Some(checkpoint) = node.take_checkpoint() else {
        return Ok(());
    };
    let at_ms = node.now().as_millis();
    let written = match checkpoint.state {
        State::Spawning | State::Running | State::Stopping => {
            let state = checkpoint.encode(node.registry());
            store.put_checkpoint(run, &Checkpoint { at_ms, state })
        }
        // There is nothing to go on with.
        _ => {
            let kept = u64::try_from(KEPT.as_millis()).unwrap_or(u64::MAX);
            store.forget_checkpoint(run, at_ms.saturating_sub(kept))
        }
    };
    if written.is_err() {
        // It is tried again, also if nothing else happens: what has ended must not be gone on with.
        node.keep_journal();
    }
    // Workers must not wait for a disk that is full.
    node.send(Event::Saved);
    written
}
