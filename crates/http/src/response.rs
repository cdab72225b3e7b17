//! What came back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};

use crate::body::Body;
use crate::error::Error;
use crate::request::Request;
use crate::target::Target;
use crate::timing::Timing;

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase, where the server sent one of its own.
    pub reason: Option<String>,
    /// The protocol version of the answer.
    pub version: Version,
    /// The header fields, names in lower case.
    pub headers: HeaderMap,
    /// The body, decoded if that was asked for.
    pub body: Bytes,
    /// What was asked for: the last target of a redirect chain.
    pub target: Arc<Target>,
    /// The method of the request that this answers.
    pub method: Method,
}

impl Response {
    /// The reason phrase: the server's own, else the standard one.
    pub fn reason(&self) -> &str {
        self.reason
            .as_deref()
            .or_else(|| self.status.canonical_reason())
            .unwrap_or("")
    }
}

/// One request's whole story.
#[derive(Debug)]
pub struct Exchange {
    /// The request, the last one of a redirect chain.
    pub asked: Request,
    /// The response, or why there is none.
    pub result: Result<Response, Error>,
    /// The redirects that were followed, the first one first.
    pub history: Vec<Response>,
    /// What is to be read of the body, where that was asked for.
    pub rest: Option<Box<Body>>,
    /// When everything happened.
    pub timing: Timing,
    /// Bytes written to sockets.
    pub bytes_out: u64,
    /// Bytes read from sockets.
    pub bytes_in: u64,
}
