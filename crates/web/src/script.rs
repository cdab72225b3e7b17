//! What the server cannot answer by itself.

use std::net::SocketAddr;
use std::pin::Pin;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

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

/// A request for one of the script's own pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Its method.
    pub method: String,
    /// Its path as it was sent.
    pub path: String,
    /// What stood after the question mark.
    pub query: String,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Who sent it.
    pub peer: Option<SocketAddr>,
    /// Names and values; each character of a value stands for a byte.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

impl Visit {
    /// Everything but the body.
    pub fn head(&self) -> Value {
        json!({
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "scheme": self.scheme,
            // A socket for both generations of addresses writes the old ones as new ones.
            "peer": self.peer.map(|peer| peer.ip().to_canonical().to_string()),
            "peer_port": self.peer.map(|peer| peer.port()),
            "headers": self.headers,
        })
    }
}

/// What a page of the script's replied.
#[derive(Debug)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// Names and values; each character of a value stands for a byte.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: PageBody,
}

/// The body of a page.
#[derive(Debug)]
pub enum PageBody {
    /// All of it.
    Whole(Bytes),
    /// It comes piece by piece and ends with the channel.
    Stream(mpsc::Receiver<Bytes>),
}

/// The loaded script and the run it belongs to, which carry out what the page asks for.
///
/// | name | payload | answer's body |
/// |---|---|---|
/// | `swarm` | the fields of the form in order, as pairs of a name and a list of strings | Locust's reply to `/swarm` |
/// | `start` | the same, from our own page | the same |
/// | `load` | `users`, `spawn_rate`, `run_time`, `user_classes` (names, or weights by name); null for as it is | like `swarm` |
/// | `pause`, `resume` | `{"by": name}`, null where visitors are not asked who they are | not looked at |
/// | `stop` | `{}` | Locust's reply to `/stop`, once all users have stopped |
/// | `end` | `{"timeout": seconds}`, which users get to finish their tasks | the same |
/// | `reset_stats` | `{}` | not looked at |
/// | `tasks` | `{}` | Locust's reply to `/tasks` |
/// | `logs` | `{}` | Locust's reply to `/logs`; an error if nothing is kept |
/// | `user` | `{"body": "..."}` | Locust's reply to `/user` |
/// | `full_history` | `{}` | `{"path": "..."}`; an error if there is no such file |
/// | `report` | `{"theme": ..., "download": bool}` | `{"html": "..."}` |
/// | `authorized` | [`Visit::head`] | not looked at; the status says whether the visitor is known |
pub trait Script: Send + Sync {
    /// Asks for something by name. Dropping the future takes nothing back.
    fn call(&self, name: &str, payload: Value) -> BoxFuture<Answer>;

    /// Asks the script's own pages; none if they are gone.
    fn page(&self, visit: Visit) -> BoxFuture<Option<Page>>;
}
