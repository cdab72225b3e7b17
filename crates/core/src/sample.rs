//! One finished request, as it is counted.

use crate::registry::{ErrorId, KeyId};
use crate::units::Nanos;

/// What is counted for one request, once, after the verdict on it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Method and name it is counted under.
    pub key: KeyId,
    /// Why it failed, if it did.
    pub error: Option<ErrorId>,
    /// How long it took; none where the script gave no response time.
    pub times: Option<Times>,
    /// Size of the response.
    pub bytes_in: u64,
    /// Size of the request.
    pub bytes_out: u64,
    /// When it was complete, since the Unix epoch.
    pub at: Nanos,
    /// False for an error reported by itself, which is a failure but not a request.
    pub counts_request: bool,
}

/// Where the time of one request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How long the request and its answer waited for the engine: the generator's own delay.
    pub lateness: Nanos,
    /// From taken up until the last byte: what Locust calls the response time.
    pub service: Nanos,
    /// From taken up until the first byte of the response.
    pub first_byte: Option<Nanos>,
}

impl Times {
    /// From when the request was due until its answer was in hand.
    pub fn response(&self) -> Nanos {
        self.lateness.saturating_add(self.service)
    }
}
