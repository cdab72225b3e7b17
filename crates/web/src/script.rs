//! What the server cannot answer by itself.

use std::pin::Pin;

use serde_json::Value;

/// A future on the heap.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The reply to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Status code of the HTTP response.
    pub status: u16,
    /// Its body.
    pub body: Value,
}

/// The loaded script and the run it belongs to, which carry out what the page asks for.
///
/// | name | payload | answer's body |
/// |---|---|---|
/// | `swarm` | every field of the form, each a list of strings | Locust's reply to `/swarm` |
/// | `stop` | `{}` | Locust's reply to `/stop`, once all users have stopped |
/// | `reset_stats` | `{}` | not looked at |
/// | `tasks` | `{}` | Locust's reply to `/tasks` |
/// | `logs` | `{}` | Locust's reply to `/logs`; an error if nothing is kept |
pub trait Script: Send + Sync {
    /// Asks for something by name. Dropping the future takes nothing back.
    fn call(&self, name: &str, payload: Value) -> BoxFuture<Answer>;
}
