//! A request while it is put together, and how it is sent.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use katydid_host::failure::Plain;
use katydid_http::{Request, Target, Timeouts};
use serde::Serialize;

use crate::response::Response;
use crate::session::Context;

/// Why no answer came. It is counted as a failed request already.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct RequestError {
    text: String,
}

/// A request that is put together. Awaiting it sends it.
///
/// ```
/// use katydid::prelude::*;
///
/// async fn search(u: &mut HttpUser) -> TaskResult {
///     let page = u.get("/search")
///         .query(&[("q", "shoes"), ("page", "2")])
///         .header("Accept-Language", "en")
///         .name("/search")
///         .await?;
///     page.expect(page.text().contains("shoes"), "nothing found")?;
///     Ok(())
/// }
/// # let _ = User::http("Shopper").task(1, search);
/// ```
#[must_use = "a request is sent when it is awaited"]
pub struct RequestBuilder<'a> {
    user: &'a Context,
    method: Method,
    url: String,
    name: Option<&'a str>,
    headers: Option<HeaderMap>,
    body: Bytes,
    timeout: Option<Duration>,
    redirects: Option<u32>,
    /// What is wrong with it, which is told when it is sent.
    problem: Option<String>,
}

/// Redirects that are followed unless a request says otherwise.
pub(crate) const REDIRECTS: u32 = 30;

impl<'a> RequestBuilder<'a> {
    pub(crate) fn new(user: &'a Context, method: Method, url: &str) -> Self {
        Self {
            user,
            method,
            url: url.to_owned(),
            name: None,
            headers: None,
            body: Bytes::new(),
            timeout: None,
            redirects: Some(REDIRECTS),
            problem: None,
        }
    }

    /// What it is counted under, in place of its path. Requests whose paths differ need one name for all.
    pub const fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Adds a header, in place of what the user sends by this name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => {
                self.headers_mut().insert(name, value);
            }
            _ => self.problem = Some(format!("{name:?}: {value:?} is no header that can be sent")),
        }
        self
    }

    /// Adds a bearer's token.
    pub fn bearer(self, token: &str) -> Self {
        let value = format!("Bearer {token}");
        self.header("Authorization", &value)
    }

    /// Adds HTTP basic authentication.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        let value = katydid_http::request::basic_auth(user, password);
        self.headers_mut()
            .insert(http::header::AUTHORIZATION, value);
        self
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        let base = &self.user.base;
        self.headers
            .get_or_insert_with(|| HeaderMap::clone(&base.headers))
    }

    /// Adds names and values behind the question mark.
    pub fn query<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: &[(K, V)]) -> Self {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(pairs);
        let encoded = encoded.finish();
        if !encoded.is_empty() {
            self.url
                .push(if self.url.contains('?') { '&' } else { '?' });
            self.url.push_str(&encoded);
        }
        self
    }

    /// Sends this body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends names and values as a form does.
    pub fn form<K: AsRef<str>, V: AsRef<str>>(mut self, pairs: &[(K, V)]) -> Self {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(pairs);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        self.headers_mut().insert(CONTENT_TYPE, kind);
        self.body(encoded.finish())
    }

    /// Sends a value as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => {
                let kind = HeaderValue::from_static("application/json");
                self.headers_mut().insert(CONTENT_TYPE, kind);
                self.body = body.into();
            }
            Err(error) => self.problem = Some(format!("the JSON cannot be written: {error}")),
        }
        self
    }

    /// How long it may take until its answer is complete.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Makes a redirect itself the answer.
    pub const fn no_redirects(mut self) -> Self {
        self.redirects = None;
        self
    }

    /// Sends it and waits for the answer.
    ///
    /// # Errors
    ///
    /// That no answer came, which is counted. An answer with a status from 400 on is an answer, and counted as failed
    /// unless a check says otherwise.
    pub async fn send(self) -> Result<Response, RequestError> {
        let due = self.user.due_now();
        let Self {
            user,
            method,
            url,
            name,
            headers,
            body,
            timeout,
            redirects,
            problem,
        } = self;
        let lane = &user.lane;
        let base = &user.base;
        let target = match problem {
            None => base.target(&url),
            Some(problem) => Err(problem),
        };
        let target = match target {
            Ok(target) => target,
            Err(text) => {
                user.count(method.as_str(), name.unwrap_or(&url), None, 0, Some(&text));
                return Err(RequestError { text });
            }
        };
        let key = match name {
            Some(name) => lane.key(method.as_str(), name),
            None => lane.key(method.as_str(), path_of(&url)),
        };
        let limit = timeout.unwrap_or(base.timeout);
        let request = Request {
            method,
            target,
            headers: headers.map_or_else(|| Arc::clone(&base.headers), Arc::new),
            body,
            upload: None,
            stream: false,
            retries: 0,
            redirects,
            timeouts: Timeouts::default(),
            decode: true,
            due,
        };
        let client = user.client();
        let exchange = lane.send(&client, &user.control, request, limit).await;
        let failed = match &exchange.result {
            Ok(_) => None,
            Err(error) => Some(Plain::of_error(error)),
        };
        let response = Response::new(std::rc::Rc::clone(lane), key, exchange);
        // A user that is stopped goes no further; what it has sent is counted.
        if user.control.is_ended() {
            drop(response);
            user.control.yield_if_ended().await;
            return Err(RequestError {
                text: "the user was stopped".to_owned(),
            });
        }
        match failed {
            None => Ok(response),
            Some(text) => Err(RequestError { text }),
        }
    }
}

impl<'a> IntoFuture for RequestBuilder<'a> {
    type Output = Result<Response, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// What a request without a name is counted under: the path and query of what was asked for.
fn path_of(url: &str) -> &str {
    match url.split_once("://") {
        None => url,
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
    }
}

/// A URL as it is asked for: absolute, or a path of a host.
pub(crate) fn parse(host: Option<&Target>, url: &str) -> Result<Target, String> {
    let is_absolute = url.starts_with("http://") || url.starts_with("https://");
    match (is_absolute, host) {
        (true, _) => Target::parse(url).map_err(|error| error.chain()),
        (false, None) => Err(format!(
            "no host is known for {url}: give one with --host, on the page, or with User::host"
        )),
        (false, Some(host)) => {
            let root = host.url.trim_end_matches('/');
            let slash = if url.starts_with('/') { "" } else { "/" };
            Target::parse(&format!("{root}{slash}{url}")).map_err(|error| error.chain())
        }
    }
}
