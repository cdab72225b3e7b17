//! Posts a report to a collector that is asked over HTTP.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Method, StatusCode};
use katydid_core::redact;
use katydid_http::timing::Stamp;
use katydid_http::tls::Tls;
use katydid_http::{Client, Config, Request, Response, Timeouts};

use crate::otlp;
use crate::settings::Address;

/// So many bytes of an answer are read.
const ANSWER: u64 = 64 << 10;
/// So many letters of it are shown.
const SHOWN: usize = 200;

/// What became of a report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken.
    Taken,
    /// It was not, but may be later: why, and how long to wait at least.
    Later(String, Option<Duration>),
    /// It was not and will not be.
    Never(String),
}

/// Posts to one address.
pub(crate) struct Poster {
    client: Client,
    address: Address,
    is_otlp: bool,
    gzip: bool,
}

impl Poster {
    /// A poster to an address; the error is that its certificates cannot be used.
    pub(crate) fn new(address: Address, is_otlp: bool, gzip: bool) -> Result<Self, String> {
        let tls = Tls {
            verify: address.verify.clone(),
            identity: None,
        };
        let config = Config {
            tls: tls.load().map_err(|error| error.chain())?,
            proxy: None,
            body_limit: ANSWER,
            max_redirects: 0,
        };
        Ok(Self {
            client: Client::new(Arc::new(config)).without_cookies(),
            address,
            is_otlp,
            gzip,
        })
    }

    /// Posts a report.
    pub(crate) async fn send(&self, report: &Bytes) -> Outcome {
        let body = if self.gzip {
            compressed(report)
        } else {
            report.clone()
        };
        let request = Request {
            method: Method::POST,
            target: Arc::new(self.address.target.clone()),
            headers: Arc::new(self.address.headers.clone()),
            body,
            upload: None,
            stream: false,
            retries: 0,
            redirects: None,
            timeouts: Timeouts {
                total: Some(self.address.timeout),
                ..Timeouts::default()
            },
            decode: true,
            due: Stamp::now(),
        };
        match self.client.send(request).await.result {
            Ok(answer) => self.judge(&answer),
            Err(error) => Outcome::Later(self.clean(&error.chain()), None),
        }
    }

    fn judge(&self, answer: &Response) -> Outcome {
        let status = answer.status;
        if status.is_success() {
            let kind = answer.headers.get(CONTENT_TYPE);
            let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            let complaint = self
                .is_otlp
                .then(|| otlp::complaint(!is_json, &answer.body))
                .flatten();
            return match complaint {
                None => Outcome::Taken,
                Some(why) => Outcome::Never(self.clean(&why)),
            };
        }
        let words = String::from_utf8_lossy(&answer.body);
        let words = words.trim();
        let mut why = format!("it answers {} {}", status.as_u16(), answer.reason());
        if status.is_redirection() {
            why.push_str(", and where to is not followed: give the address itself");
        } else if !words.is_empty() {
            why = format!("{why}: {words}");
        }
        let why = self.clean(&why);
        // The specification of OTLP names these; what InfluxDB says of errors of its own is the same.
        let is_passing = status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            );
        if is_passing && status != StatusCode::NOT_IMPLEMENTED {
            let wait = answer.headers.get(RETRY_AFTER);
            let wait = wait.and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
            Outcome::Later(why, wait.map(Duration::from_secs))
        } else {
            Outcome::Never(why)
        }
    }

    /// What may be shown of something that the other side has said: one line, no secrets.
    fn clean(&self, text: &str) -> String {
        let known = redact::without(text, &self.address.secrets);
        let text = redact::text(&known);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let visible = line.chars().filter(|char| !char.is_control());
        visible.take(SHOWN).collect()
    }
}

fn compressed(report: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(report).and_then(|()| encoder.finish());
    written.expect("a vector takes everything").into()
}
