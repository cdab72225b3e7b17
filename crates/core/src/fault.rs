//! Examples of what went wrong, and on which workers, by fingerprint; bounded, secrets hidden.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::registry::{ErrorId, FingerprintId};
use crate::units::Micros;

/// Examples of one fingerprint: the first one and the newest ones.
const EXAMPLES: usize = 3;
/// Milliseconds after which the newest example is replaced by a newer one.
const RENEWED_MS: u64 = 1_000;
/// Workers that are told apart for one fingerprint.
const WORKERS: usize = 200;
/// Examples that may wait for a worker's next report.
const UNSENT: usize = 50;
/// Whose failures are counted together beyond that.
const OTHERS: &str = "(others)";

/// One request that failed, its secrets hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// When it was complete, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The worker that made it; empty for this process.
    pub worker: String,
    /// Its method.
    pub method: String,
    /// What was asked for.
    pub url: String,
    /// The status of the response, if one came.
    pub status: Option<u16>,
    /// The error as text.
    pub error: String,
    /// From taken up to the last byte.
    pub duration: Micros,
    /// Names and values of the request's headers.
    pub request_headers: Vec<(String, String)>,
    /// Names and values of the response's headers.
    pub response_headers: Vec<(String, String)>,
    /// The beginning of the response's body.
    pub body: String,
    /// How long that body was.
    pub body_bytes: u64,
}

/// Examples and workers of all fingerprints, shared between who writes and who reads them.
#[derive(Debug, Default)]
pub struct Faults {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    kept: FxHashMap<FingerprintId, Kept>,
    workers: FxHashMap<FingerprintId, BTreeMap<String, u64>>,
    /// Of a worker: what its master has not been sent yet.
    unsent: Option<Vec<(ErrorId, Arc<Example>)>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The first one, then the newest ones in the order they came.
    examples: Vec<Arc<Example>>,
    newest_ms: u64,
}

impl Faults {
    /// Whether another example of a fingerprint is welcome now; making one costs something.
    pub(crate) fn wants(&self, fingerprint: FingerprintId, now_ms: u64) -> bool {
        if fingerprint == FingerprintId::OTHER {
            return false;
        }
        let inner = self.inner.lock();
        inner.kept.get(&fingerprint).is_none_or(|kept| {
            kept.examples.len() < EXAMPLES || now_ms >= kept.newest_ms + RENEWED_MS
        })
    }

    /// Keeps an example.
    pub(crate) fn add(&self, fingerprint: FingerprintId, error: ErrorId, example: Example) {
        let mut inner = self.inner.lock();
        let example = Arc::new(example);
        if let Some(unsent) = &mut inner.unsent
            && unsent.len() < UNSENT
        {
            unsent.push((error, Arc::clone(&example)));
        }
        let kept = inner.kept.entry(fingerprint).or_default();
        kept.newest_ms = kept.newest_ms.max(example.at_ms);
        if kept.examples.len() == EXAMPLES {
            kept.examples.remove(1);
        }
        kept.examples.push(example);
    }

    /// Counts failures of a worker.
    pub(crate) fn count(&self, fingerprint: FingerprintId, worker: &str, times: u64) {
        let mut inner = self.inner.lock();
        let workers = inner.workers.entry(fingerprint).or_default();
        let is_known = workers.contains_key(worker) || workers.len() < WORKERS;
        let worker = if is_known { worker } else { OTHERS };
        *workers.entry(worker.to_owned()).or_default() += times;
    }

    /// The examples of a fingerprint: the first one, then the newest ones.
    pub fn examples(&self, fingerprint: FingerprintId) -> Vec<Arc<Example>> {
        let inner = self.inner.lock();
        inner
            .kept
            .get(&fingerprint)
            .map(|kept| kept.examples.clone())
            .unwrap_or_default()
    }

    /// The failures of each worker; nothing where the users run in this process.
    pub fn workers(&self, fingerprint: FingerprintId) -> BTreeMap<String, u64> {
        let inner = self.inner.lock();
        inner.workers.get(&fingerprint).cloned().unwrap_or_default()
    }

    /// From now on keeps new examples for [`Faults::take_unsent`], too.
    pub fn keep_unsent(&self) {
        self.inner.lock().unsent.get_or_insert_default();
    }

    /// The examples that came since this was last called.
    pub fn take_unsent(&self) -> Vec<(ErrorId, Arc<Example>)> {
        let mut inner = self.inner.lock();
        inner
            .unsent
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.kept.clear();
        inner.workers.clear();
    }
}
