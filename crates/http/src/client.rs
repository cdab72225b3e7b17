//! One user's connections, cookies and settings.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, HOST};
use http::{HeaderMap, Method};
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use parking_lot::Mutex;
use rustls::ClientConfig;

use crate::connect;
use crate::cookies::Jar;
use crate::decode::decode;
use crate::error::Error;
use crate::exchange::{Answer, Connection, Limits};
use crate::pool::{Idle, Pool};
use crate::proxy::Proxy;
use crate::redirect;
use crate::request::Request;
use crate::response::{Exchange, Response};
use crate::target::Target;
use crate::timing::{Stamp, Timing};

/// What many clients share.
#[derive(Clone, Debug)]
pub struct Config {
    /// How TLS connections are made; see [`crate::tls::Tls::load`].
    pub tls: Arc<ClientConfig>,
    /// A proxy for everything.
    pub proxy: Option<Proxy>,
    /// The longest body that is kept, in bytes, before and after decoding.
    pub body_limit: u64,
    /// How many redirects are followed before that is an error; requests' own default is 30.
    pub max_redirects: u32,
}

/// One user's HTTP client. Cheap while idle; closing is dropping.
pub struct Client {
    config: Mutex<Arc<Config>>,
    pool: Mutex<Pool>,
    /// The cookies, shared with whoever shows them to a script.
    pub cookies: Mutex<Jar>,
}

/// What one hop notes besides its answer.
#[derive(Default)]
struct Hop {
    timing: Timing,
    bytes_out: u64,
    bytes_in: u64,
}

impl Client {
    /// A client without connections.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            config: Mutex::new(config),
            pool: Mutex::default(),
            cookies: Mutex::default(),
        }
    }

    /// Replaces the settings; connections made with the old ones are closed.
    pub fn configure(&self, config: Arc<Config>) {
        *self.config.lock() = config;
        self.close();
    }

    /// Closes the idle connections.
    pub fn close(&self) {
        self.pool.lock().clear();
    }

    /// Frees the buffers of connections that have been idle for `after`.
    pub fn cool(&self, now: Stamp, after: Duration) {
        self.pool.lock().cool(now, after);
    }

    /// Sends a request, follows redirects, keeps cookies, and tells how long all that took.
    pub async fn send(&self, request: Request) -> Exchange {
        let mut hop = Hop::default();
        hop.timing.due = request.due;
        hop.timing.taken_up = Stamp::now();
        let mut history = Vec::new();
        let result = match request.timeouts.total {
            None => self.chain(request, &mut history, &mut hop).await,
            Some(limit) => tokio::time::timeout(limit, self.chain(request, &mut history, &mut hop))
                .await
                .unwrap_or(Err(Error::TotalTimeout { limit })),
        };
        hop.timing.settle(result.is_err());
        Exchange {
            result,
            history,
            timing: hop.timing,
            bytes_out: hop.bytes_out,
            bytes_in: hop.bytes_in,
        }
    }

    async fn chain(
        &self,
        mut request: Request,
        history: &mut Vec<Response>,
        hop: &mut Hop,
    ) -> Result<Response, Error> {
        let config = Arc::clone(&self.config.lock());
        loop {
            let response = self.hop(&config, &request, hop).await?;
            let Some(limit) = request.redirects else {
                return Ok(response);
            };
            let Some(next) = redirect::next(&request, &response)? else {
                return Ok(response);
            };
            if history.len() >= limit as usize {
                return Err(Error::TooManyRedirects { limit });
            }
            history.push(response);
            request = next;
        }
    }

    /// One request and its answer, without redirects.
    async fn hop(
        &self,
        config: &Config,
        request: &Request,
        hop: &mut Hop,
    ) -> Result<Response, Error> {
        let cookies = self.cookies.lock().header(&request.target);
        let limits = Limits {
            read: request.timeouts.read,
            body: config.body_limit,
        };
        let origin = &request.target.origin;
        // A kept connection may turn out closed before a byte of the answer came: once is nobody's fault.
        if let Some(mut connection) = self.reuse(request).await {
            let answer = connection
                .round_trip(message(config, request, cookies.clone()), &limits)
                .await;
            hop.note(&connection);
            let stale = matches!(answer, Err(Error::Closed | Error::Broken(_)))
                && !connection.marks.first_byte().is_set();
            // The server may have acted on what it did not answer, so that only what does no harm
            // twice, or was not sent at all, is sent again.
            let repeatable = request.method.is_idempotent() || connection.marks.bytes_out() == 0;
            if !(stale && repeatable) {
                return self.finish(config, request, connection, answer?).await;
            }
        }
        // Boxed: connecting is rare, and its state would make every request's task three times as large.
        let opened = Box::pin(self.open(config, request));
        let opened = match request.timeouts.connect {
            None => opened.await?,
            Some(limit) => tokio::time::timeout(limit, opened)
                .await
                .map_err(|_elapsed| Error::ConnectTimeout {
                    host: origin.host.clone(),
                    limit,
                })??,
        };
        (hop.timing.dns, hop.timing.connect, hop.timing.tls) =
            (opened.dns, opened.connect, opened.tls);
        let mut connection = Connection::start(opened.wire, opened.marks).await?;
        let answer = connection
            .round_trip(message(config, request, cookies), &limits)
            .await;
        hop.note(&connection);
        self.finish(config, request, connection, answer?).await
    }

    async fn open(&self, config: &Config, request: &Request) -> Result<connect::Opened, Error> {
        connect::open(&request.target.origin, config.proxy.as_ref(), &config.tls).await
    }

    /// A kept connection to the request's origin, if one is still open.
    async fn reuse(&self, request: &Request) -> Option<Connection> {
        loop {
            let idle = self.pool.lock().take(&request.target.origin)?;
            let mut connection = match idle {
                Idle::Warm(connection, _) => connection,
                Idle::Cold(cold) => match Connection::warm(cold).await {
                    Ok(connection) => connection,
                    Err(_) => continue,
                },
            };
            if poll_fn(|cx| Poll::Ready(connection.is_reusable(cx))).await {
                return Some(connection);
            }
        }
    }

    async fn finish(
        &self,
        config: &Config,
        request: &Request,
        mut connection: Connection,
        answer: Answer,
    ) -> Result<Response, Error> {
        if poll_fn(|cx| Poll::Ready(connection.is_reusable(cx))).await {
            self.pool
                .lock()
                .put(&request.target.origin, connection, Stamp::now());
        }
        let (parts, body) = answer.into_parts();
        self.cookies.lock().keep(&parts.headers, &request.target);
        let body = match parts.headers.get(CONTENT_ENCODING) {
            Some(encodings) if request.decode && request.method != Method::HEAD => decode(
                body,
                &String::from_utf8_lossy(encodings.as_bytes()),
                config.body_limit,
            )?,
            _ => body,
        };
        Ok(Response {
            status: parts.status,
            reason: parts
                .extensions
                .get::<ReasonPhrase>()
                .map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned()),
            version: parts.version,
            headers: parts.headers,
            body,
            target: Arc::clone(&request.target),
            method: request.method.clone(),
        })
    }
}

impl Hop {
    fn note(&mut self, connection: &Connection) {
        self.timing.sent = connection.marks.sent();
        self.timing.first_byte = connection.marks.first_byte();
        self.timing.done = connection.marks.last_byte();
        self.bytes_out += connection.marks.bytes_out();
        self.bytes_in += connection.marks.bytes_in();
    }
}

/// The request as hyper sends it.
fn message(
    config: &Config,
    request: &Request,
    cookies: Option<http::HeaderValue>,
) -> http::Request<Full<Bytes>> {
    let target: &Target = &request.target;
    let plain_proxy = config.proxy.as_ref().filter(|_| !target.origin.https);
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 3);
    if !request.headers.contains_key(HOST) {
        headers.insert(HOST, target.host.clone());
    }
    for (name, value) in request.headers.iter() {
        headers.append(name.clone(), value.clone());
    }
    if let Some(cookies) = cookies
        && !headers.contains_key(COOKIE)
    {
        headers.insert(COOKIE, cookies);
    }
    // hyper writes a length for a body; a bodiless POST says 0, as requests does.
    let bodiless = request.body.is_empty();
    if bodiless && matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
        headers.insert(CONTENT_LENGTH, http::HeaderValue::from_static("0"));
    }
    if let Some(authorization) = plain_proxy.and_then(|proxy| proxy.authorization.clone()) {
        headers.insert(http::header::PROXY_AUTHORIZATION, authorization);
    }
    let uri = if plain_proxy.is_some() {
        &target.absolute
    } else {
        &target.path
    };
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = uri.clone();
    *message.headers_mut() = headers;
    message
}
