//! A URL, taken apart once into what an exchange needs of it.

use std::net::IpAddr;

use http::{HeaderValue, Uri};
use url::Url;

use crate::error::Error;

/// Where connections go: they may be reused for every target of the same origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Whether the connection is encrypted.
    pub https: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Origin {
    /// The host as an address, if it is one.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// A URL, taken apart. Shared by every request for it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where to connect.
    pub origin: Origin,
    /// The URL in full, without fragment and credentials.
    pub url: String,
    /// Path and query, as the request line carries them.
    pub path: Uri,
    /// The value of the `Host` header.
    pub host: HeaderValue,
    /// The URL in absolute form, as a plain proxy wants it.
    pub absolute: Uri,
}

impl Target {
    /// Takes an absolute `http` or `https` URL apart.
    ///
    /// Bytes that a URL cannot carry are percent-encoded as the WHATWG URL standard says.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let parsed = Url::parse(url).map_err(|error| Error::Url {
            url: without_credentials(url),
            reason: error.to_string(),
        })?;
        Self::from_url(&parsed)
    }

    /// The same from a URL that is parsed already.
    pub fn from_url(url: &Url) -> Result<Self, Error> {
        let bad = |reason: &str| Error::Url {
            url: without_credentials(url.as_str()),
            reason: reason.to_owned(),
        };
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(bad("the scheme is neither http nor https")),
        };
        let bracketed = url.host_str().ok_or_else(|| bad("no host"))?;
        let host = bracketed
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port = url.port_or_known_default().ok_or_else(|| bad("no port"))?;
        let authority = match url.port() {
            Some(port) => format!("{bracketed}:{port}"),
            None => bracketed.to_owned(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let full = format!("{}://{authority}{path}", url.scheme());
        Ok(Self {
            origin: Origin { https, host, port },
            path: path.parse().map_err(|_| bad("the path cannot be sent"))?,
            host: HeaderValue::from_str(&authority).map_err(|_| bad("the host cannot be sent"))?,
            absolute: full.parse().map_err(|_| bad("the URL cannot be sent"))?,
            url: full,
        })
    }

    /// The same origin with another path and query, which must be sendable as they are.
    ///
    /// This is the cheap way to a target: no URL is parsed. `None` if the path is not one.
    pub fn with_path(&self, path: &str) -> Option<Self> {
        if !path.starts_with('/') {
            return None;
        }
        let root = &self.url[..self.url.len() - self.path.to_string().len()];
        let full = format!("{root}{path}");
        Some(Self {
            origin: self.origin.clone(),
            path: path.parse().ok()?,
            host: self.host.clone(),
            absolute: full.parse().ok()?,
            url: full,
        })
    }
}

/// A URL, or what was meant to be one, as it may be shown.
pub(crate) fn without_credentials(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}{}", &url[..start], &url[start + at + 1..]),
        None => url.to_owned(),
    }
}
