//! One session's way into the engine: Python values become a request, which is submitted.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use katydid_core::registry::{KeyId, Registry};
use katydid_http::cookies::Cookie;
use katydid_http::pool::Connections;
use katydid_http::proxy::Proxy;
use katydid_http::timing::Stamp;
use katydid_http::tls::{Tls, Verify};
use katydid_http::{Client, Config, Request, Target, Timeouts};
use parking_lot::Mutex;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

use crate::engine::Shared;
use crate::io::Outgoing;
use crate::parts::{PyDoor, PyPool, PyUpload};
use katydid_host::failure::Flavour;

/// Longest body that is kept, in bytes.
const BODY_LIMIT: u64 = 1 << 30;
/// Targets remembered per base URL; beyond it the memory starts anew.
const TARGETS: usize = 4096;
/// The methods that have a place of their own in [`Known::keys`].
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"];

/// A base URL and the targets below it, shared by all sessions that have it.
pub(crate) struct Base {
    url: String,
    flavour: Flavour,
    root: Option<Target>,
    known: Mutex<FxHashMap<Box<str>, Arc<Known>>>,
}

/// A target that was asked for before, with the keys it is counted under by default.
struct Known {
    target: Arc<Target>,
    name: Box<str>,
    /// By the place in [`METHODS`].
    keys: [OnceLock<KeyId>; METHODS.len()],
}

impl Base {
    pub(crate) fn new(url: &str, flavour: Flavour) -> Self {
        Self {
            url: url.to_owned(),
            flavour,
            root: root_of(url),
            known: Mutex::default(),
        }
    }

    /// The target for `path` below this base, or `None` if it needs requests' preparation first.
    fn find(&self, path: &str) -> Option<Arc<Known>> {
        if let Some(known) = self.known.lock().get(path) {
            return Some(Arc::clone(known));
        }
        let absolute = starts_with_scheme(path);
        let full = if absolute {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let rest = after_authority(&full)?;
        // What stands at the end of the base's host would be part of the host.
        let begins = path.is_empty() || path.starts_with(['/', '?', '#']);
        if !absolute && !begins && after_authority(&self.url) == Some("") {
            return None;
        }
        if !is_plain(rest) {
            return None;
        }
        let target = match &self.root {
            Some(root) if !absolute => root.with_path(if rest.is_empty() { "/" } else { rest })?,
            _ => root_of(&full)?.with_path(if rest.is_empty() { "/" } else { rest })?,
        };
        let name = match self.flavour {
            Flavour::Requests => target.path.to_string(),
            Flavour::Fast => path.to_owned(),
        };
        let known = Arc::new(Known {
            target: Arc::new(target),
            name: name.into(),
            keys: Default::default(),
        });
        let mut table = self.known.lock();
        if table.len() >= TARGETS {
            table.clear();
        }
        table.insert(path.into(), Arc::clone(&known));
        Some(known)
    }
}

impl Known {
    fn key(&self, method: &str, registry: &Registry) -> KeyId {
        match METHODS.iter().position(|known| *known == method) {
            Some(place) => *self.keys[place].get_or_init(|| registry.key(method, &self.name)),
            None => registry.key(method, &self.name),
        }
    }
}

fn starts_with_scheme(url: &str) -> bool {
    let bytes = url.as_bytes();
    let is = |scheme: &[u8]| {
        bytes.len() >= scheme.len() && bytes[..scheme.len()].eq_ignore_ascii_case(scheme)
    };
    is(b"http://") || is(b"https://")
}

/// What follows `http://host:port` in an absolute URL.
fn after_authority(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let rest = &url[start..];
    Some(rest.find(['/', '?', '#']).map_or("", |end| &rest[end..]))
}

fn root_of(url: &str) -> Option<Target> {
    if !starts_with_scheme(url) {
        return None;
    }
    let root = &url[..url.len() - after_authority(url)?.len()];
    if root.contains(['@', '\\', ' ']) {
        return None;
    }
    Target::parse(&format!("{root}/")).ok()
}

/// Whether requests would send the path and query exactly as they are.
fn is_plain(rest: &str) -> bool {
    let path_end = rest.find('?').unwrap_or(rest.len());
    let (path, query) = rest.split_at(path_end);
    let sendable =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte);
    (path.is_empty() && query.is_empty() || path.starts_with('/'))
        && query != "?"
        && rest.bytes().all(sendable)
        && !path.contains("/.")
}

/// Whether requests tells of a missing body; the engine does so itself for methods that usually have one.
fn says_zero(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "PATCH")
}

/// What a session's requests have in common.
struct Defaults {
    headers: Arc<HeaderMap>,
    timeouts: Timeouts,
    retries: u32,
    max_redirects: u32,
}

/// A session's connections and settings in the engine.
#[pyclass(frozen, name = "Client", module = "katydid._core")]
pub(crate) struct PyClient {
    shared: Arc<Shared>,
    client: Arc<Client>,
    base: Mutex<Arc<Base>>,
    flavour: Flavour,
    defaults: Mutex<Defaults>,
}

/// A cookie as a tuple: name, value, domain, `host_only`, path, secure, `http_only`, expires.
type CookieFields = (
    String,
    String,
    String,
    bool,
    String,
    bool,
    bool,
    Option<i64>,
);

/// A header map from pairs; a value of `None` removes the name.
fn merge_headers(
    headers: &mut HeaderMap,
    pairs: Vec<(String, Option<HeaderText>)>,
) -> PyResult<()> {
    for (name, value) in pairs {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("Invalid header name {name:?}")))?;
        match value {
            None => drop(headers.remove(&key)),
            Some(value) => {
                let value = HeaderValue::from_bytes(value.bytes()).map_err(|_| {
                    PyValueError::new_err(format!("Invalid value of header {name:?}"))
                })?;
                headers.insert(key, value);
            }
        }
    }
    Ok(())
}

#[derive(FromPyObject)]
enum HeaderText {
    Text(String),
    Raw(Vec<u8>),
}

impl HeaderText {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Raw(raw) => raw,
        }
    }
}

fn seconds(value: Option<f64>) -> PyResult<Option<Duration>> {
    value
        .map(|value| {
            Duration::try_from_secs_f64(value).map_err(|_| {
                PyValueError::new_err(format!("Timeout {value} is not a time in seconds"))
            })
        })
        .transpose()
}

#[pymethods]
impl PyClient {
    /// Submits a request for the greenlet `waiter` and returns its ticket, or -1 if it cannot be
    /// sent as it is: the URL has to go through requests' preparation first, or this is another
    /// thread than the hub's and needs a door of its own.
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "one call per request; an object would cost more than it explains"
    )]
    #[pyo3(signature = (waiter, method, url, judged, name=None, headers=None, body=None, redirects=true, timeouts=None, prepared=false, stream=false, upload=None, door=None))]
    fn submit(
        &self,
        waiter: Py<PyAny>,
        method: &str,
        url: &str,
        judged: bool,
        name: Option<&str>,
        headers: Option<Vec<(String, Option<HeaderText>)>>,
        body: Option<&[u8]>,
        redirects: bool,
        timeouts: Option<(Option<f64>, Option<f64>)>,
        prepared: bool,
        stream: bool,
        upload: Option<&PyUpload>,
        door: Option<&PyDoor>,
    ) -> PyResult<i64> {
        if door.is_none() && !self.shared.is_at_home() {
            return Ok(-1);
        }
        // The first request of an iteration was due when that was.
        let late = self.shared.owed(waiter.as_ptr().addr());
        let due = Stamp::now().before(late);
        let base = Arc::clone(&self.base.lock());
        let known = if prepared { None } else { base.find(url) };
        let (target, key) = match (&known, name) {
            (Some(known), None) => (
                Arc::clone(&known.target),
                known.key(method, &self.shared.registry),
            ),
            (Some(known), Some(name)) => (
                Arc::clone(&known.target),
                self.shared.registry.key(method, name),
            ),
            (None, _) if !prepared => return Ok(-1),
            (None, name) => {
                let rest = after_authority(url).unwrap_or("");
                let rest = if rest.is_empty() { "/" } else { rest };
                let target = root_of(url).and_then(|root| root.with_path(rest));
                let target = match target {
                    Some(target) => target,
                    None => {
                        Target::parse(url).map_err(|error| PyValueError::new_err(error.chain()))?
                    }
                };
                let key = self.shared.registry.key(method, name.unwrap_or(rest));
                (Arc::new(target), key)
            }
        };
        let (mut shared_headers, default_timeouts, retries, max_redirects) = {
            let defaults = self.defaults.lock();
            (
                Arc::clone(&defaults.headers),
                defaults.timeouts,
                defaults.retries,
                defaults.max_redirects,
            )
        };
        if let Some(pairs) = headers {
            merge_headers(Arc::make_mut(&mut shared_headers), pairs)?;
        }
        let bodiless = body.is_none() && upload.is_none();
        if bodiless && self.flavour == Flavour::Requests && says_zero(method) {
            Arc::make_mut(&mut shared_headers)
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let timeouts = match timeouts {
            None => default_timeouts,
            Some((connect, read)) => Timeouts {
                connect: seconds(connect)?,
                read: seconds(read)?,
                total: None,
            },
        };
        let request = Request {
            method: method_of(method)?,
            target,
            headers: shared_headers,
            body: body.map_or_else(Bytes::new, Bytes::copy_from_slice),
            upload: upload.map(PyUpload::body).transpose()?,
            stream,
            retries,
            redirects: redirects.then_some(max_redirects),
            timeouts,
            decode: true,
            due,
        };
        let ticket = self.shared.tickets.lock().issue(waiter);
        self.shared.send(Box::new(Outgoing {
            ticket,
            client: Arc::clone(&self.client),
            request,
            key,
            flavour: self.flavour,
            judged,
            door: door.map(PyDoor::door),
        }));
        Ok(ticket.number())
    }

    /// Stops waiting for a request: its greenlet was killed. It is counted all the same.
    fn abandon(&self, ticket: u64) {
        self.shared.abandon(ticket);
    }

    /// Its connections, for others to share.
    #[getter]
    fn pool(&self) -> PyPool {
        PyPool::from(self.client.connections())
    }

    /// Whether this is a forked child, where the engine is not.
    #[getter]
    fn gone(&self) -> bool {
        self.shared.is_gone()
    }

    /// How often a request is sent again if no answer comes in time.
    fn set_retries(&self, retries: u32) {
        self.defaults.lock().retries = retries;
    }

    /// How many redirects are followed before that is an error.
    fn set_max_redirects(&self, redirects: u32) {
        self.defaults.lock().max_redirects = redirects;
    }

    /// The base URL that paths are put behind.
    fn set_base(&self, url: &str) {
        *self.base.lock() = self.shared.base(url, self.flavour);
    }

    /// The headers every request carries, besides its own.
    fn set_headers(&self, pairs: Vec<(String, Option<HeaderText>)>) -> PyResult<()> {
        let mut headers = HeaderMap::with_capacity(pairs.len());
        merge_headers(&mut headers, pairs)?;
        self.defaults.lock().headers = self.shared.shared_headers(headers);
        Ok(())
    }

    /// How long requests may take that do not say so themselves, in seconds.
    fn set_timeouts(&self, connect: Option<f64>, read: Option<f64>) -> PyResult<()> {
        self.defaults.lock().timeouts = Timeouts {
            connect: seconds(connect)?,
            read: seconds(read)?,
            total: None,
        };
        Ok(())
    }

    /// Whom to trust, how to prove who we are, and whom to go through.
    #[pyo3(signature = (verify, ca_file=None, cert=None, proxy=None))]
    fn configure(
        &self,
        verify: bool,
        ca_file: Option<String>,
        cert: Option<(String, String)>,
        proxy: Option<&str>,
    ) -> PyResult<()> {
        let verify = match (verify, ca_file) {
            (false, _) => Verify::Nobody,
            (true, None) => Verify::System,
            (true, Some(path)) => Verify::CaFile(path.into()),
        };
        let identity = cert.map(|(chain, key)| (chain.into(), key.into()));
        let config = self.shared.config(Tls { verify, identity }, proxy)?;
        self.client.configure(config);
        Ok(())
    }

    /// Closes the idle connections.
    fn close(&self) {
        if !self.shared.is_gone() {
            self.client.close();
        }
    }

    /// Grows with every change of the cookies.
    #[getter]
    fn cookie_revision(&self) -> u64 {
        self.client.cookies.lock().revision()
    }

    /// All cookies as (name, value, domain, `host_only`, path, secure, `http_only`, expires).
    fn cookies(&self) -> Vec<CookieFields> {
        let cookies = self.client.cookies.lock().all();
        cookies
            .into_iter()
            .map(|c| {
                (
                    c.name,
                    c.value,
                    c.domain,
                    c.host_only,
                    c.path,
                    c.secure,
                    c.http_only,
                    c.expires,
                )
            })
            .collect()
    }

    /// Replaces all cookies.
    fn set_cookies(&self, cookies: Vec<CookieFields>) -> u64 {
        let cookies: Vec<Cookie> = cookies
            .into_iter()
            .map(
                |(name, value, domain, host_only, path, secure, http_only, expires)| Cookie {
                    name,
                    value,
                    domain,
                    host_only,
                    path,
                    secure,
                    http_only,
                    expires,
                },
            )
            .collect();
        let mut jar = self.client.cookies.lock();
        jar.replace(&cookies);
        jar.revision()
    }
}

impl Drop for PyClient {
    fn drop(&mut self) {
        if self.shared.is_gone() {
            std::mem::forget(Arc::clone(&self.client));
        }
    }
}

impl PyClient {
    pub(crate) fn new(
        shared: Arc<Shared>,
        base: &str,
        flavour: Flavour,
        connections: Arc<Connections>,
        cookies: bool,
    ) -> PyResult<Self> {
        let config = shared.config(Tls::default(), None)?;
        let client = Client::sharing(config, connections);
        let client = Arc::new(if cookies {
            client
        } else {
            client.without_cookies()
        });
        shared.intake.adopt(&client);
        let defaults = Defaults {
            headers: shared.shared_headers(HeaderMap::new()),
            timeouts: Timeouts::default(),
            retries: 0,
            max_redirects: shared.max_redirects,
        };
        let base = Mutex::new(shared.base(base, flavour));
        Ok(Self {
            shared,
            client,
            base,
            flavour,
            defaults: Mutex::new(defaults),
        })
    }
}

fn method_of(method: &str) -> PyResult<Method> {
    Method::from_bytes(method.as_bytes())
        .map_err(|_| PyValueError::new_err(format!("{method:?} is not an HTTP method")))
}

/// The settings for a way of trusting and a proxy, made once per process.
pub(crate) fn config_of(tls: &Tls, proxy: Option<&str>, max_redirects: u32) -> PyResult<Config> {
    let tls = tls
        .load()
        .map_err(|error| PyOSError::new_err(error.chain()))?;
    let proxy = proxy
        .map(Proxy::parse)
        .transpose()
        .map_err(|error| PyRuntimeError::new_err(error.chain()))?;
    Ok(Config {
        tls,
        proxy,
        body_limit: BODY_LIMIT,
        max_redirects,
    })
}
