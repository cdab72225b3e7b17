//! An HTTP proxy to go through.

use http::HeaderValue;
use url::Url;

use crate::error::Error;
use crate::request::basic_auth;
use crate::target::{Origin, Target};

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
            reason: format!("{url} is not a URL: {error}"),
        })?;
        if parsed.scheme() != "http" {
            return Err(Error::Proxy {
                reason: format!("scheme {} is not supported", parsed.scheme()),
            });
        }
        let origin = Target::from_url(&parsed)?.origin;
        let authorization = (!parsed.username().is_empty())
            .then(|| basic_auth(parsed.username(), parsed.password().unwrap_or("")));
        Ok(Self {
            origin,
            authorization,
        })
    }
}
