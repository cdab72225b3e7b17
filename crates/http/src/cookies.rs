//! One user's cookies (RFC 6265), kept by the `cookie_store` crate.
//!
//! A user without cookies costs one word. A revision tells a reader on the other side
//! of the bridge whether its copy is still true.

use std::cmp::Reverse;

use cookie_store::{CookieStore, RawCookie};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::target::Target;
use crate::timing::Stamp;

/// One cookie, spelled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value, as sent.
    pub value: String,
    /// The host or domain it belongs to, without a leading dot.
    pub domain: String,
    /// Whether only that very host gets it.
    pub host_only: bool,
    /// The path below which it is sent.
    pub path: String,
    /// Whether it needs an encrypted connection.
    pub secure: bool,
    /// Whether scripts in pages may not see it.
    pub http_only: bool,
    /// When it ends, in seconds of the Unix epoch; `None` ends with the session.
    pub expires: Option<i64>,
}

/// One user's cookies.
#[derive(Debug, Default)]
pub struct Jar {
    store: Option<Box<CookieStore>>,
    revision: u64,
}

impl Jar {
    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The `Cookie` header for a target, or `None` if nothing is to be sent.
    pub fn header(&self, target: &Target) -> Option<HeaderValue> {
        let store = self.store.as_ref()?;
        let url = Url::parse(&target.url).ok()?;
        let mut cookies = store.matches(&url);
        // The crate thinks of localhost as safe; Python's jars do not, and http is http.
        cookies.retain(|cookie| target.origin.https || cookie.secure() != Some(true));
        cookies.sort_by(|one, other| {
            let length = |cookie: &&cookie_store::Cookie<'_>| Reverse(cookie.path.len());
            (length(one), one.name()).cmp(&(length(other), other.name()))
        });
        let mut line = String::new();
        for cookie in cookies {
            let (name, value) = cookie.name_value();
            if !line.is_empty() {
                line.push_str("; ");
            }
            line.push_str(name);
            line.push('=');
            line.push_str(value);
        }
        if line.is_empty() {
            None
        } else {
            HeaderValue::from_str(&line).ok()
        }
    }

    /// Keeps what a response sets.
    pub fn keep(&mut self, headers: &HeaderMap, target: &Target) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let Ok(url) = Url::parse(&target.url) else {
            return;
        };
        let store = self.store.get_or_insert_default();
        for line in headers.get_all(SET_COOKIE) {
            let text = String::from_utf8_lossy(line.as_bytes());
            if let Ok(cookie) = RawCookie::parse(text.into_owned()) {
                // A refused cookie (foreign domain, bad path) is not kept and is no error.
                drop(store.insert_raw(&cookie, &url));
            }
        }
        self.revision += 1;
    }

    /// Everything in the jar.
    pub fn all(&self) -> Vec<Cookie> {
        let Some(store) = self.store.as_ref() else {
            return Vec::new();
        };
        store
            .iter_any()
            .map(|cookie| {
                let domain: String = (&cookie.domain).into();
                Cookie {
                    name: cookie.name().to_owned(),
                    value: cookie.value().to_owned(),
                    host_only: matches!(cookie.domain, cookie_store::CookieDomain::HostOnly(_)),
                    domain,
                    path: String::from(&cookie.path),
                    secure: cookie.secure().unwrap_or(false),
                    http_only: cookie.http_only().unwrap_or(false),
                    expires: match &cookie.expires {
                        cookie_store::CookieExpiration::AtUtc(at) => Some(at.unix_timestamp()),
                        cookie_store::CookieExpiration::SessionEnd => None,
                    },
                }
            })
            .collect()
    }

    /// Replaces everything in the jar; what no URL could have set is left out.
    pub fn replace(&mut self, cookies: &[Cookie]) {
        self.revision += 1;
        self.store = None;
        if cookies.is_empty() {
            return;
        }
        let store = self.store.get_or_insert_default();
        for cookie in cookies {
            let scheme = if cookie.secure { "https" } else { "http" };
            let Ok(url) = Url::parse(&format!("{scheme}://{}{}", cookie.domain, cookie.path))
            else {
                continue;
            };
            let mut raw = RawCookie::new(cookie.name.clone(), cookie.value.clone());
            raw.set_path(cookie.path.clone());
            if cookie.secure {
                raw.set_secure(true);
            }
            if cookie.http_only {
                raw.set_http_only(true);
            }
            if !cookie.host_only {
                raw.set_domain(cookie.domain.clone());
            }
            if let Some(expires) = cookie.expires {
                // Parsed, because the crate's type for spans of time is not ours to name.
                let left = expires - now();
                if let Ok(timed) = RawCookie::parse(format!("a=;Max-Age={left}")) {
                    raw.set_max_age(timed.max_age());
                }
            }
            drop(store.insert_raw(&raw, &url));
        }
    }
}

/// Seconds of the Unix epoch.
fn now() -> i64 {
    i64::try_from(Stamp::now().epoch_nanos() / 1_000_000_000).unwrap_or(i64::MAX)
}
