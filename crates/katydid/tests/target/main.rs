//! The demo target over real sockets, seen by a client that takes bytes as
//! they come.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod faults;
mod lab;
mod protocol;
mod shop;
mod timing;
mod tls;
mod truth;

use katydid::target::{Config, Running, run};
use tokio_util::sync::CancellationToken;

/// A target with default settings on a free port.
fn target() -> Running {
    target_with(Config::default())
}

/// A target on a free port.
fn target_with(config: Config) -> Running {
    run(config, &CancellationToken::new()).unwrap()
}
