//! How a failed request is called, in the words that Locust's users know.
//!
//! Locust reports the `repr` of a Python exception. The same words are needed where no
//! Python runs, so they are made here, and Python builds its exceptions from the same
//! [`Cause`].

use std::fmt::Write as _;

use katydid_http::{Error, Request, Response};

/// Whose error texts are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// `HttpUser`: the exceptions of requests.
    Requests,
    /// `FastHttpUser`: those of Locust's fast client.
    Fast,
}

/// A Python exception in parts.
pub struct Cause {
    /// Name of the exception's class.
    pub class: &'static str,
    /// Its first argument, where it has one before the message.
    pub errno: Option<i32>,
    /// What it says.
    pub message: String,
    /// The kind of requests' exception around it.
    pub kind: &'static str,
    /// Its `repr`, where it is not one of its class and message.
    words: Option<String>,
}

impl Cause {
    /// The cause of an exchange's failure: `error`, in the words for what was `asked`.
    pub fn of_exchange(error: &Error, asked: &Request, flavour: Flavour) -> Self {
        let mut cause = Self::of(error);
        match (flavour, error) {
            (Flavour::Requests, Error::ReadTimeout { limit }) => {
                let origin = &asked.target.origin;
                let pool = if origin.https {
                    "HTTPSConnectionPool"
                } else {
                    "HTTPConnectionPool"
                };
                let message = format!(
                    "{pool}(host='{}', port={}): Read timed out. (read timeout={})",
                    origin.host,
                    origin.port,
                    limit.as_secs_f64(),
                );
                cause.words = Some(format!(
                    "ReadTimeout(ReadTimeoutError({}))",
                    quoted(&message)
                ));
                cause.class = "ReadTimeout";
                cause.message = message;
            }
            (Flavour::Fast, Error::ReadTimeout { .. } | Error::ConnectTimeout { .. }) => {
                let url = quoted(&asked.target.url);
                let retries = asked.retries;
                cause.words = Some(format!(
                    "RetriesExceeded({url}, {retries}, original=timed out)"
                ));
                cause.class = "RetriesExceeded";
                cause.errno = i32::try_from(retries).ok();
            }
            (Flavour::Fast, Error::TooManyRedirects { limit }) => {
                let url = quoted(&asked.target.url);
                cause.message = format!("Redirection limit reached ({limit})");
                cause.words = Some(format!("RetriesExceeded({url}, '{}')", cause.message));
                cause.class = "RetriesExceeded";
            }
            _ => {}
        }
        cause
    }

    /// The same where it does not matter what was asked.
    pub fn of(error: &Error) -> Self {
        let parts = |class, kind, message: String| Self {
            class,
            errno: None,
            message,
            kind,
            words: None,
        };
        match error {
            Error::Url { .. } => parts("InvalidURL", "url", error.chain()),
            Error::Resolve { source, .. } => {
                let (errno, message) = resolver_words(&source.to_string());
                Self {
                    class: "gaierror",
                    errno,
                    message,
                    kind: "connection",
                    words: None,
                }
            }
            Error::ConnectTimeout { .. } => {
                parts("TimeoutError", "connect_timeout", "timed out".to_owned())
            }
            Error::ReadTimeout { .. } | Error::TotalTimeout { .. } => {
                parts("TimeoutError", "read_timeout", "timed out".to_owned())
            }
            Error::Tls { .. } => parts("SSLError", "ssl", error.chain()),
            Error::TlsFile { .. } => parts("OSError", "file", error.chain()),
            Error::Proxy { .. } => parts("ProxyError", "proxy", error.chain()),
            Error::Closed => parts(
                "RemoteDisconnected",
                "connection",
                "Remote end closed connection without response".to_owned(),
            ),
            Error::Truncated { .. } => parts("IncompleteRead", "chunked", error.chain()),
            Error::Protocol { .. } => parts("BadStatusLine", "connection", error.chain()),
            Error::Decode { .. } => parts("DecodeError", "decode", error.chain()),
            Error::TooManyRedirects { limit } => parts(
                "TooManyRedirects",
                "redirects",
                format!("Exceeded {limit} redirects."),
            ),
            _ => match error.os_error() {
                Some(errno) => Self {
                    class: class_of(errno),
                    errno: Some(errno),
                    message: words_of(errno),
                    kind: "connection",
                    words: None,
                },
                None => parts("OSError", "connection", error.chain()),
            },
        }
    }

    /// What Python's `repr` gives for the exception.
    pub fn repr(&self) -> String {
        if let Some(words) = &self.words {
            return words.clone();
        }
        let message = quoted(&self.message);
        match self.errno {
            Some(errno) => format!("{}({errno}, {message})", self.class),
            None => format!("{}({message})", self.class),
        }
    }
}

/// The failure that a response means by itself, or `None` if it is a good one.
pub fn of_response(response: &Response, flavour: Flavour, name: &str) -> Option<String> {
    let status = response.status.as_u16();
    match flavour {
        Flavour::Requests => {
            let side = match status {
                400..500 => "Client",
                500..600 => "Server",
                _ => return None,
            };
            let text = format!(
                "{status} {side} Error: {} for url: {name}",
                response.reason()
            );
            Some(format!("HTTPError({})", quoted(&text)))
        }
        Flavour::Fast => {
            let good = matches!(status, 200..=208 | 226 | 301 | 302 | 303 | 304 | 307 | 308);
            (!good).then(|| format!("LocustBadStatusCode(code={status})"))
        }
    }
}

/// The words for users that are not Python's.
pub struct Plain;

impl Plain {
    /// Why no answer came.
    pub fn of_error(error: &Error) -> String {
        match error {
            Error::ConnectTimeout { .. }
            | Error::ReadTimeout { .. }
            | Error::TotalTimeout { .. } => {
                // The limit is not told, so that requests with different ones fail alike.
                format!(
                    "timed out ({})",
                    match error {
                        Error::ConnectTimeout { .. } => "connecting",
                        _ => "waiting for the answer",
                    }
                )
            }
            Error::TooManyRedirects { limit } => format!("more than {limit} redirects"),
            _ => match error.os_error() {
                Some(errno) => words_of(errno),
                None => error.chain(),
            },
        }
    }

    /// The failure that a response means by itself, or `None` if it is a good one.
    pub fn of_response(response: &Response) -> Option<String> {
        let status = response.status.as_u16();
        (status >= 400).then(|| {
            format!("{status} {}", response.reason())
                .trim_end()
                .to_owned()
        })
    }

    /// A check that did not hold.
    pub fn of_check(text: &str) -> String {
        format!("check: {text}")
    }
}

/// Python's class for an error number (PEP 3151).
fn class_of(errno: i32) -> &'static str {
    match errno {
        libc::ECONNREFUSED => "ConnectionRefusedError",
        libc::ECONNRESET => "ConnectionResetError",
        libc::ECONNABORTED => "ConnectionAbortedError",
        libc::EPIPE => "BrokenPipeError",
        libc::ETIMEDOUT => "TimeoutError",
        _ => "OSError",
    }
}

/// The system's words for an error number, without Rust's "(os error 111)".
pub fn words_of(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// What Python's `socket.gaierror` carries: the resolver's words, and its number for the usual ones.
fn resolver_words(text: &str) -> (Option<i32>, String) {
    let words = text.rsplit(": ").next().unwrap_or(text);
    let errno = match words {
        "Name or service not known" => -2,
        "Temporary failure in name resolution" => -3,
        "No address associated with hostname" => -5,
        _ => return (None, words.to_owned()),
    };
    (Some(errno), words.to_owned())
}

/// A string as Python's `repr` quotes it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            letter if letter == quote => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() => {
                write!(out, "\\x{:02x}", u32::from(letter)).expect("a String takes everything");
            }
            letter => out.push(letter),
        }
    }
    out.push(quote);
    out
}
