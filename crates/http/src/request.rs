//! What is asked.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

use crate::target::Target;
use crate::timing::Stamp;
use crate::upload::Upload;

/// How long the parts of an exchange may take. `None` waits for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the socket is connected and the TLS handshake done.
    pub connect: Option<Duration>,
    /// Between any two bytes of the answer.
    pub read: Option<Duration>,
    /// For everything, redirects included.
    pub total: Option<Duration>,
}

/// One request, ready to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, in the case it is sent in.
    pub method: Method,
    /// What is asked for.
    pub target: Arc<Target>,
    /// Headers besides `Content-Length`, `Host` and the jar's cookies, which are added; a `Host` or
    /// `Cookie` among them is sent instead.
    pub headers: Arc<HeaderMap>,
    /// The body; empty for none.
    pub body: Bytes,
    /// A body that is still being made, in place of `body`. It is sent once: what would need it
    /// again (a redirect that repeats the request, a retry) does not happen.
    pub upload: Option<Arc<Upload>>,
    /// Whether the body of the answer is left in [`crate::Exchange::rest`], to be read in pieces.
    pub stream: bool,
    /// How often it is sent again if no answer comes; only where that is harmless.
    pub retries: u32,
    /// How many redirects to follow; `None` makes the redirect itself the response.
    pub redirects: Option<u32>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Whether the body's content encoding is undone.
    pub decode: bool,
    /// When the script, or the schedule, asked.
    pub due: Stamp,
}

/// The value of an `Authorization` header for HTTP basic authentication.
pub fn basic_auth(user: &str, password: &str) -> HeaderValue {
    let token = BASE64.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {token}")).expect("base64 is ASCII");
    value.set_sensitive(true);
    value
}
