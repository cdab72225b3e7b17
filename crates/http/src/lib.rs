//! Sends one request and tells how long each part took.
//!
//! In reading order:
//!
//! - [`client`]: one user's connections, cookies and settings; [`Client::send`] is the way in
//! - [`request`], [`target`]: what is asked, and of whom
//! - [`response`]: what came back
//! - [`body`], [`upload`]: bodies in pieces, of answers and of requests
//! - [`timing`]: the clock, and the stamps every exchange carries
//! - [`pool`]: the connections of a client, or of several
//! - `connect`: name, socket, proxy tunnel, TLS
//! - `socket`, `arrival`: when bytes reached this machine
//! - `exchange`: bytes out, bytes in, on one connection
//! - `lean`, `answer`: the same for whole requests and answers, without hyper
//! - [`redirect`], [`cookies`], [`decode`]: what browsers and requests do around an exchange
//! - [`tls`], [`proxy`]: how to trust, and whom to go through
//! - [`error`]: why no response came
//!
//! Nothing here counts, names or judges a response: a status of 500 is a response.

mod answer;
#[cfg(target_os = "linux")]
mod arrival;
#[cfg(not(target_os = "linux"))]
#[path = "arrival_portable.rs"]
mod arrival;
pub mod body;
pub mod client;
mod connect;
pub mod cookies;
pub mod decode;
pub mod error;
mod exchange;
mod lean;
pub mod pool;
pub mod proxy;
pub mod redirect;
pub mod request;
pub mod response;
mod socket;
pub mod target;
pub mod timing;
pub mod tls;
pub mod upload;

pub use client::{Client, Config};
pub use error::Error;
pub use request::{Request, Timeouts};
pub use response::{Exchange, Response};
pub use target::Target;
