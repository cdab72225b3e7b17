//! What the target answers, before any byte of it is sent.

use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

use http::StatusCode;

use super::fault::Fault;

/// The largest body that is sent in one piece with its head.
pub(crate) const ONE_PIECE: usize = 16 * 1024;

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) body: Cow<'static, [u8]>,
    /// How long after the request's arrival the first byte goes out.
    pub(crate) delay: Duration,
    pub(crate) form: Form,
}

/// How an answer goes over the wire.
#[derive(Debug)]
pub(crate) enum Form {
    /// With a `Content-Length`.
    Whole,
    /// In chunks of this many bytes, a pause before each; the head goes first.
    Chunked { size: usize, pause: Duration },
    /// Without a length: closing the connection ends the body.
    UntilClose,
    /// With a `Content-Length`, and the connection is then given up silently.
    Dropping(Quota),
    /// Not as HTTP wants it.
    Broken(Fault),
}

/// When a connection is closed without having been announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Answers on this connection before it is closed.
    pub(crate) after: u64,
    /// The moment after the last answer.
    pub(crate) end: QuotaEnd,
}

/// The moment at which a silent close happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuotaEnd {
    /// So long after the answer.
    Idle(Duration),
    /// When the next request arrives, which is neither read nor counted.
    NextRequest,
}

/// What a head says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    /// What the HTTP version implies.
    Nothing,
    Close,
    KeepAlive,
}

impl Answer {
    /// A body of some type, status 200.
    pub(crate) fn typed(kind: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            status: StatusCode::OK,
            headers: vec![("content-type", Cow::Borrowed(kind))],
            body: body.into(),
            delay: Duration::ZERO,
            form: Form::Whole,
        }
    }

    /// A JSON value, status 200.
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::typed("application/json", value.to_string().into_bytes())
    }

    /// Plain text, status 200.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::typed("text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// A failure, told as JSON.
    pub(crate) fn error(status: StatusCode, message: &str) -> Self {
        Self::json(&serde_json::json!({ "error": message })).status(status)
    }

    /// A redirect.
    pub(crate) fn redirect(status: StatusCode, location: String) -> Self {
        Self::text("moved\n")
            .status(status)
            .header("location", location)
    }

    /// The same answer with another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same answer with one more header; a value that would break the head
    /// loses its line ends.
    pub(crate) fn header(
        mut self,
        name: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut value = value.into();
        if value.contains(['\r', '\n']) {
            value = Cow::Owned(value.replace(['\r', '\n'], ""));
        }
        self.headers.push((name, value));
        self
    }

    /// The same answer, later.
    pub(crate) fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same answer in another form.
    pub(crate) fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// A status that never has a body.
    pub(crate) fn bodyless(&self) -> bool {
        self.status == StatusCode::NO_CONTENT || self.status == StatusCode::NOT_MODIFIED
    }

    /// The status that goes over the wire, 0 when none does.
    pub(crate) fn status_sent(&self) -> u16 {
        match self.form {
            Form::Broken(fault) => fault.status().unwrap_or(0),
            _ => self.status.as_u16(),
        }
    }

    /// Writes the status line and the headers, with the empty line.
    pub(crate) fn write_head(&self, out: &mut Vec<u8>, announced: Announced) {
        let reason = self.status.canonical_reason().unwrap_or("Unknown");
        if self.status == StatusCode::OK {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        } else {
            let _ = write!(out, "HTTP/1.1 {} {reason}\r\n", self.status.as_u16());
        }
        for (name, value) in &self.headers {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        match self.form {
            Form::Chunked { .. } => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Form::Whole | Form::Dropping(_) if !self.bodyless() => {
                let _ = write!(out, "content-length: {}\r\n", self.body.len());
            }
            _ => {}
        }
        match announced {
            Announced::Nothing => {}
            Announced::Close => out.extend_from_slice(b"connection: close\r\n"),
            Announced::KeepAlive => out.extend_from_slice(b"connection: keep-alive\r\n"),
        }
        out.extend_from_slice(b"\r\n");
    }
}
