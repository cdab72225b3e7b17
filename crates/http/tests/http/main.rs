//! The client against real servers on this machine: sound ones, odd ones and broken ones.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod addresses;
mod answers;
mod arbitrary;
mod arrival;
mod cookies;
mod demo_target;
mod encodings;
mod keep_alive;
mod limits;
mod proxy;
mod redirects;
mod server;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use katydid_http::timing::Stamp;
use katydid_http::tls::{Tls, Verify};
use katydid_http::{Client, Config, Error, Request, Response, Target, Timeouts};

/// Ends a test that would hang; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

fn client() -> Client {
    Client::new(Arc::new(config()))
}

/// Trusts anyone, goes through no proxy.
fn config() -> Config {
    let tls = Tls {
        verify: Verify::Nobody,
        identity: None,
    };
    Config {
        tls: tls.load().unwrap(),
        proxy: None,
        body_limit: 1 << 24,
        max_redirects: 30,
    }
}

fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        target: Arc::new(Target::parse(url).unwrap()),
        headers: Arc::new(HeaderMap::new()),
        body: Bytes::new(),
        upload: None,
        stream: false,
        retries: 0,
        redirects: Some(30),
        timeouts: Timeouts {
            read: Some(PATIENCE),
            ..Timeouts::default()
        },
        decode: true,
        due: Stamp::now(),
    }
}

fn ask(method: &str, url: &str, body: &'static str) -> Request {
    Request {
        method: method.parse().unwrap(),
        body: Bytes::from_static(body.as_bytes()),
        ..get(url)
    }
}

/// Runs a test's body as the engine does: on one thread.
fn run<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(body)
}

/// What one request of a fresh client comes to.
fn send(request: Request) -> Result<Response, Error> {
    run(client().send(request)).result
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.to_vec()).unwrap()
}
