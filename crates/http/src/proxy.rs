//! An HTTP proxy to go through.

use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::Error;
use crate::request::basic_auth;
use crate::target::{Origin, Target, without_credentials};

/// An HTTP proxy: absolute-form requests for http, a `CONNECT` tunnel for https.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where the proxy listens.
    pub origin: Origin,
    /// `Proxy-Authorization`, if its URL carried credentials.
    pub authorization: Option<HeaderValue>,
}

impl Proxy {
    /// A proxy from its URL, `http://[user:password@]host:port`.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let with_scheme = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let parsed = Url::parse(&with_scheme).map_err(|error| Error::Proxy {
            reason: format!("{} is not a URL: {error}", without_credentials(url)),
        })?;
        if parsed.scheme() != "http" {
            return Err(Error::Proxy {
                reason: format!("scheme {} is not supported", parsed.scheme()),
            });
        }
        let origin = Target::from_url(&parsed)?.origin;
        let authorization = (!parsed.username().is_empty()).then(|| {
            let plain = |text| percent_decode_str(text).decode_utf8_lossy();
            basic_auth(
                &plain(parsed.username()),
                &plain(parsed.password().unwrap_or("")),
            )
        });
        Ok(Self {
            origin,
            authorization,
        })
    }
}
