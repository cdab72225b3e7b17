//! An answer, and the verdict on it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use katydid_core::registry::KeyId;
use katydid_host::failure::Plain;
use katydid_host::{example, verdict};
use katydid_http::Exchange;
use serde::de::DeserializeOwned;

use crate::engine::Lane;

/// An answer. What it is counted as is settled when it is dropped: as failed if a check has said so, or else by its status.
///
/// A status from 400 on is a failure unless [`Response::expect_status`] or [`Response::succeed`] says otherwise.
pub struct Response {
    lane: Rc<Lane>,
    key: KeyId,
    exchange: Exchange,
    verdict: RefCell<Verdict>,
}

#[derive(Default)]
enum Verdict {
    /// As its status says.
    #[default]
    Open,
    Good,
    Bad(String),
}

/// A check that did not hold. The request that it is about counts as failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct CheckFailed {
    text: String,
}

impl Response {
    pub(crate) fn new(lane: Rc<Lane>, key: KeyId, exchange: Exchange) -> Self {
        Self {
            lane,
            key,
            exchange,
            verdict: RefCell::default(),
        }
    }

    fn parts(&self) -> Option<&katydid_http::Response> {
        self.exchange.result.as_ref().ok()
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.parts()
            .map_or_else(StatusCode::default, |it| it.status)
    }

    /// Whether the status is below 400.
    pub fn is_ok(&self) -> bool {
        self.status().as_u16() < 400
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
        self.parts().map_or(&NONE, |it| &it.headers)
    }

    /// A header field, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The body, decoded.
    pub fn bytes(&self) -> &[u8] {
        self.parts().map_or(&[], |it| &it.body)
    }

    /// The same, shared and not copied.
    pub fn body(&self) -> Bytes {
        self.parts().map_or_else(Bytes::new, |it| it.body.clone())
    }

    /// The body as text; what is not UTF-8 in it is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// If it is not what is asked for; the request counts as failed then.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CheckFailed> {
        serde_json::from_slice(self.bytes()).map_err(|error| {
            self.fail(format!(
                "the body is not the JSON that was expected: {error}"
            ))
        })
    }

    /// What was asked for: the last URL of a chain of redirects.
    pub fn url(&self) -> &str {
        &self.exchange.asked.target.url
    }

    /// From the sending of the request until the last byte of the answer.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.exchange.timing.service())
    }

    /// Checks something about the answer. If it does not hold, the request counts as failed, by this text.
    ///
    /// # Errors
    ///
    /// If it does not hold, so that `?` ends the task; without `?` the task goes on.
    pub fn expect(&self, holds: bool, text: impl Into<String>) -> Result<(), CheckFailed> {
        if holds {
            return Ok(());
        }
        Err(self.fail(text))
    }

    /// Checks the status. If it is the one, the request is a success whatever it is.
    ///
    /// # Errors
    ///
    /// If it is another one; the request counts as failed then.
    pub fn expect_status(&self, status: u16) -> Result<(), CheckFailed> {
        let got = self.status();
        if got.as_u16() == status {
            self.succeed();
            return Ok(());
        }
        Err(self.fail(format!("the status is {got}, and not {status}")))
    }

    /// Counts the request as failed, by this text, unless a check has failed before.
    pub fn fail(&self, text: impl Into<String>) -> CheckFailed {
        let text = text.into();
        let mut verdict = self.verdict.borrow_mut();
        if !matches!(*verdict, Verdict::Bad(_)) {
            *verdict = Verdict::Bad(text.clone());
        }
        CheckFailed { text }
    }

    /// Counts the request as a success, whatever its status is, unless a check has failed before.
    pub fn succeed(&self) {
        let mut verdict = self.verdict.borrow_mut();
        if matches!(*verdict, Verdict::Open) {
            *verdict = Verdict::Good;
        }
    }
}

impl Drop for Response {
    fn drop(&mut self) {
        let Self {
            lane,
            key,
            exchange,
            verdict,
        } = self;
        let text = match (std::mem::take(verdict.get_mut()), &exchange.result) {
            (_, Err(error)) => Some(Plain::of_error(error)),
            (Verdict::Bad(text), Ok(_)) => Some(Plain::of_check(&text)),
            (Verdict::Good, Ok(_)) => None,
            (Verdict::Open, Ok(response)) => Plain::of_response(response),
        };
        let error = text.map(|text| lane.registry.error(*key, &text));
        let length = verdict::length_of(exchange);
        let sample = verdict::sample_of(exchange, *key, error, length);
        if let Some(error) = error {
            example::keep(&lane.registry, error, exchange);
        }
        lane.record(&sample, Some(&verdict::trip_of(exchange)));
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("url", &self.url())
            .field("bytes", &self.bytes().len())
            .finish_non_exhaustive()
    }
}
