//! How many requests failed in which way over the time of a run.

use parking_lot::RwLock;

use crate::fingerprint::KINDS;
use crate::steps::{Step, Steps};

/// The failures of one step, by the place of their kind in [`KINDS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// The second (Unix epoch) in which the step began.
    pub t: u64,
    /// How many of each kind.
    pub counts: [u64; KINDS.len()],
}

/// The failures of a run, shared between who writes and who reads them.
#[derive(Debug, Default)]
pub struct SharedFailures(RwLock<Steps<Failures>>);

impl Step for Failures {
    fn second(&self) -> u64 {
        self.t
    }

    fn set_second(&mut self, second: u64) {
        self.t = second;
    }

    fn join(&mut self, next: Self) {
        for (count, more) in self.counts.iter_mut().zip(next.counts) {
            *count += more;
        }
    }
}

impl SharedFailures {
    /// Adds a finished second.
    pub fn push(&self, second: Failures) {
        self.0.write().push(second);
    }

    /// All steps with failures.
    pub fn all(&self) -> Steps<Failures> {
        self.0.read().clone()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.0.write() = Steps::default();
    }
}
