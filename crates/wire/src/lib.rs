//! Locust's master and worker messages as bytes, and the sockets that carry them.
//!
//! - [`message`]: one message, msgpack in and out
//! - [`protocol`]: what masters and workers say to each other
//! - [`report`]: statistics in Locust's dictionaries; [`example`]: failed requests, which Locust has none of
//! - [`secret`]: how two nodes prove that they belong together
//! - [`zmtp`]: `ZeroMQ`'s handshake and frames, without a socket
//! - [`router`], [`dealer`]: the master's and the worker's end
//!
//! The protocol is Locust's, so stock masters and workers are peers like our own. `ZeroMQ` is
//! spoken here rather than by libzmq: of its hundred features Locust uses two socket types and no
//! security, and what a master open to a network needs, bounds on every frame, peer and queue,
//! libzmq does not give.

mod connection;
pub mod dealer;
pub mod example;
pub mod message;
pub mod protocol;
pub mod report;
pub mod router;
pub mod secret;
pub mod zmtp;

pub use connection::{ConnectionError, Trust};
pub use dealer::Dealer;
pub use message::{Message, MessageError};
pub use rmpv::Value;
pub use router::{Arrival, PeerId, Router};
pub use secret::{JoinSecret, SecretError};
