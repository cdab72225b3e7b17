//! What workers that are gone have not told: a bounded list, from which is struck what arrives
//! after all.

use std::sync::Arc;

use katydid_core::snapshot::Loss;

/// How many losses are told apart; the later ones are added to the last.
const MOST: usize = 200;

/// The losses of a run, shared with the snapshots that show them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses {
    all: Arc<Vec<Loss>>,
}

impl Losses {
    /// Goes on with losses that were noticed before.
    pub(crate) fn of(all: Arc<Vec<Loss>>) -> Self {
        Self { all }
    }

    /// A worker is gone with what it had not reported.
    pub(crate) fn add(&mut self, loss: Loss) {
        let all = Arc::make_mut(&mut self.all);
        if all.len() < MOST {
            all.push(loss);
            return;
        }
        if let Some(last) = all.last_mut() {
            "(other workers)".clone_into(&mut last.worker);
            last.users = last.users.saturating_add(loss.users);
            last.requests = last.requests.saturating_add(loss.requests);
            last.until_ms = loss.until_ms;
        }
    }

    /// What this worker had not reported has arrived; true if it was missed.
    pub(crate) fn strike(&mut self, worker: &str) -> bool {
        if self.all.iter().all(|loss| loss.worker != worker) {
            return false;
        }
        Arc::make_mut(&mut self.all).retain(|loss| loss.worker != worker);
        true
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.all = Arc::default();
    }

    /// All of them, the earliest first.
    pub(crate) fn all(&self) -> &Arc<Vec<Loss>> {
        &self.all
    }
}
