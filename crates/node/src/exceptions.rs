//! Exceptions that scripts did not catch, the same ones counted together.

use std::collections::BTreeSet;
use std::sync::Arc;

use katydid_core::snapshot::Exception;

/// How many different exceptions are told apart; the rest is counted as one.
const MOST: usize = 1_000;

/// The exceptions of a run, shared with the snapshots that show them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exceptions {
    all: Arc<Vec<Exception>>,
}

impl Exceptions {
    /// Goes on with exceptions that were counted before.
    pub(crate) fn of(all: Arc<Vec<Exception>>) -> Self {
        Self { all }
    }

    /// Counts an exception; the same traceback is the same exception.
    pub(crate) fn add(&mut self, node: String, msg: String, traceback: String) {
        let all = Arc::make_mut(&mut self.all);
        let known = all.iter().position(|known| known.traceback == traceback);
        if let Some(place) = known.or_else(|| (all.len() > MOST).then_some(MOST)) {
            all[place].count += 1;
            all[place].nodes.insert(node);
            return;
        }
        let (msg, traceback) = if all.len() == MOST {
            ("(other exceptions)".to_owned(), String::new())
        } else {
            (msg, traceback)
        };
        all.push(Exception {
            count: 1,
            msg,
            traceback,
            nodes: BTreeSet::from([node]),
        });
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.all = Arc::default();
    }

    /// All of them, in the order they were first seen.
    pub(crate) fn all(&self) -> &Arc<Vec<Exception>> {
        &self.all
    }
}
