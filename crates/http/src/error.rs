//! Why no response came.

use std::io;
use std::time::Duration;

/// Why an exchange ended without a whole response. Each variant is one precise reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL cannot be asked for.
    #[error("invalid URL {url}: {reason}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The host name has no address.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name that was looked up.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// No address of the host accepted a connection.
    #[error("no connection to {host}:{port}")]
    Connect {
        /// The host that was dialled.
        host: String,
        /// Its port.
        port: u16,
        /// What the last address answered.
        #[source]
        source: io::Error,
    },
    /// Connecting took longer than allowed.
    #[error("no connection to {host} within {limit:?}")]
    ConnectTimeout {
        /// The host that was dialled.
        host: String,
        /// The limit that was set.
        limit: Duration,
    },
    /// The TLS handshake failed.
    #[error("TLS handshake with {host} failed")]
    Tls {
        /// The host that was dialled.
        host: String,
        /// What the handshake said.
        #[source]
        source: io::Error,
    },
    /// A certificate, key or CA file cannot be used.
    #[error("cannot use {path}: {reason}")]
    TlsFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The proxy refused the tunnel or cannot be used.
    #[error("proxy: {reason}")]
    Proxy {
        /// What it said.
        reason: String,
    },
    /// No byte came for longer than allowed.
    #[error("no answer within {limit:?}")]
    ReadTimeout {
        /// The limit that was set.
        limit: Duration,
    },
    /// The whole exchange took longer than allowed.
    #[error("not done within {limit:?}")]
    TotalTimeout {
        /// The limit that was set.
        limit: Duration,
    },
    /// The connection was closed before the first byte of an answer.
    #[error("remote end closed connection without response")]
    Closed,
    /// The connection broke.
    #[error("connection broken")]
    Broken(#[source] io::Error),
    /// The answer ended before its declared length.
    #[error("answer cut short after {received} bytes of body")]
    Truncated {
        /// Bytes of body that did arrive.
        received: u64,
    },
    /// The bytes are not HTTP.
    #[error("not a valid HTTP answer: {reason}")]
    Protocol {
        /// What the parser said.
        reason: String,
    },
    /// The body is longer than the client keeps.
    #[error("body is longer than {limit} bytes")]
    TooLarge {
        /// The limit that was set.
        limit: u64,
    },
    /// The body's content encoding is broken.
    #[error("cannot decode {encoding} body: {reason}")]
    Decode {
        /// The encoding the server declared.
        encoding: String,
        /// What the decoder said.
        reason: String,
    },
    /// More redirects than allowed.
    #[error("exceeded {limit} redirects")]
    TooManyRedirects {
        /// The limit that was set.
        limit: u32,
    },
}

impl Error {
    /// The operating system's error number at the bottom, if there is one.
    pub fn os_error(&self) -> Option<i32> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(code) = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::raw_os_error)
            {
                return Some(code);
            }
            cause = error.source();
        }
        None
    }

    /// Whether the same request may well succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::ConnectTimeout { .. } | Self::ReadTimeout { .. } => true,
            // EPIPE, ETIMEDOUT, ENOLINK as Linux numbers them.
            _ => matches!(self.os_error(), Some(32 | 110 | 67)),
        }
    }

    /// The message with the messages of its causes, the outermost first.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// Sorts a hyper error into ours. `answered` says whether a byte of the answer had come.
pub(crate) fn from_hyper(error: &hyper::Error, answered: bool, received: u64) -> Error {
    let source = std::error::Error::source(error);
    if let Some(io_error) = source.and_then(|cause| cause.downcast_ref::<io::Error>()) {
        if io_error.kind() == io::ErrorKind::UnexpectedEof {
            return if answered {
                Error::Truncated { received }
            } else {
                Error::Closed
            };
        }
        // hyper's words for chunks that are none; an alert of TLS looks alike but for its cause.
        let nonsense = matches!(
            io_error.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        );
        let alert = io_error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
        if nonsense && !alert {
            return Error::Protocol {
                reason: io_error.to_string(),
            };
        }
        let copy = io_error.raw_os_error().map_or_else(
            || io::Error::new(io_error.kind(), io_error.to_string()),
            io::Error::from_raw_os_error,
        );
        return Error::Broken(copy);
    }
    if error.is_parse() {
        let reason = source.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        return Error::Protocol { reason };
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return if answered {
            Error::Truncated { received }
        } else {
            Error::Closed
        };
    }
    if error.is_body_write_aborted() {
        return Error::Closed;
    }
    let reason = source.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    Error::Protocol { reason }
}
