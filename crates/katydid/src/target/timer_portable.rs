//! Wakes a task at a moment, where the system has no `timerfd`.
//!
//! The runtime's millisecond timer goes most of the way, yielding the rest.

use std::io;
use std::time::Duration;

use super::clock::{self, Stamp};

/// What the runtime's timer may be late by, in nanoseconds.
const COARSE: u64 = 2_000_000;

/// Deadlines of the tasks of one worker thread.
pub(crate) struct Timer;

impl Timer {
    /// A timer of the current runtime.
    #[expect(clippy::unnecessary_wraps, reason = "the same shape as on Linux")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Returns when the moment `due` has come.
    #[expect(clippy::unused_self, reason = "the same shape as on Linux")]
    pub(crate) async fn until(&self, due: Stamp) {
        let wait = due.saturating_sub(clock::now());
        if wait > COARSE {
            tokio::time::sleep(Duration::from_nanos(wait - COARSE)).await;
        }
        while clock::now() < due {
            tokio::task::yield_now().await;
        }
    }

    /// Has nothing to do: the runtime drives its own timer.
    #[expect(clippy::unused_self, reason = "the same shape as on Linux")]
    pub(crate) async fn drive(&self) -> io::Result<()> {
        std::future::pending().await
    }
}
