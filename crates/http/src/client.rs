//! One user's connections, cookies and settings.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, HOST, SET_COOKIE, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method};
use http_body::Body as _;
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use parking_lot::Mutex;
use rustls::ClientConfig;

use crate::answer::{self, Answer, Reader};
use crate::body::Body;
use crate::connect;
use crate::cookies::Jar;
use crate::decode::decode;
use crate::error::Error;
use crate::exchange::{Cold, Connection, Head, Limits, within};
use crate::lean;
use crate::pool::{Connections, Entry, Idle, Limit, Seat, wait_in};
use crate::proxy::Proxy;
use crate::redirect;
use crate::request::Request;
use crate::response::{Exchange, Response};
use crate::target::Target;
use crate::timing::{Marks, Stamp, Timing};
use crate::upload::Payload;

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
    connections: Arc<Connections>,
    /// The cookies, shared with whoever shows them to a script.
    pub cookies: Mutex<Jar>,
    keeps_cookies: bool,
}

/// What one hop notes besides its answer.
#[derive(Default)]
struct Hop {
    timing: Timing,
    bytes_out: u64,
    bytes_in: u64,
    rest: Option<Box<Body>>,
}

impl Client {
    /// A client with connections of its own.
    pub fn new(config: Arc<Config>) -> Self {
        Self::sharing(config, Arc::new(Connections::new(Limit::default())))
    }

    /// A client with the connections of others.
    pub fn sharing(config: Arc<Config>, connections: Arc<Connections>) -> Self {
        Self {
            config: Mutex::new(config),
            connections,
            cookies: Mutex::default(),
            keeps_cookies: true,
        }
    }

    /// Leaves the cookies to whoever makes the requests.
    #[must_use]
    pub fn without_cookies(self) -> Self {
        Self {
            keeps_cookies: false,
            ..self
        }
    }

    /// The connections, for another client to share.
    pub fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }

    /// Replaces the settings; connections made with the old ones are closed.
    pub fn configure(&self, config: Arc<Config>) {
        *self.config.lock() = config;
        self.close();
    }

    /// Closes the idle connections.
    pub fn close(&self) {
        self.connections.close();
    }

    /// Frees the buffers of connections that have been idle for `after`.
    pub fn cool(&self, now: Stamp, after: Duration) {
        self.connections.cool(now, after);
    }

    /// Sends a request, follows redirects, keeps cookies, and tells how long all that took.
    pub async fn send(&self, mut request: Request) -> Exchange {
        let mut hop = Hop::default();
        hop.timing.due = request.due;
        hop.timing.taken_up = Stamp::now();
        let mut history = Vec::new();
        let result = match request.timeouts.total {
            None if request.retries > 0 => {
                Box::pin(self.insist(&mut request, &mut history, &mut hop)).await
            }
            None => self.chain(&mut request, &mut history, &mut hop).await,
            Some(limit) => {
                tokio::time::timeout(limit, self.insist(&mut request, &mut history, &mut hop))
                    .await
                    .unwrap_or(Err(Error::TotalTimeout { limit }))
            }
        };
        hop.timing.settle(result.is_err());
        Exchange {
            result,
            asked: request,
            history,
            rest: hop.rest,
            timing: hop.timing,
            bytes_out: hop.bytes_out,
            bytes_in: hop.bytes_in,
        }
    }

    /// The same, until it takes too long: `is_late` is asked whenever the request makes progress or its task is woken.
    ///
    /// It needs no timer of its own; whoever asks keeps the time for many requests.
    pub async fn send_unless(
        &self,
        mut request: Request,
        limit: Duration,
        is_late: impl Fn() -> bool,
    ) -> Exchange {
        let mut hop = Hop::default();
        hop.timing.due = request.due;
        hop.timing.taken_up = Stamp::now();
        let mut history = Vec::new();
        let result = {
            let mut chain = pin!(self.chain(&mut request, &mut history, &mut hop));
            poll_fn(|cx| {
                if is_late() {
                    return Poll::Ready(Err(Error::TotalTimeout { limit }));
                }
                chain.as_mut().poll(cx)
            })
            .await
        };
        hop.timing.settle(result.is_err());
        Exchange {
            result,
            asked: request,
            history,
            rest: hop.rest,
            timing: hop.timing,
            bytes_out: hop.bytes_out,
            bytes_in: hop.bytes_in,
        }
    }

    /// Tries again where no answer came in time and asking twice does no harm (RFC 9110, 9.2.2).
    async fn insist(
        &self,
        request: &mut Request,
        history: &mut Vec<Response>,
        hop: &mut Hop,
    ) -> Result<Response, Error> {
        let harmless = request.method.is_idempotent() && request.upload.is_none();
        let mut left = if harmless { request.retries } else { 0 };
        let first = request.clone();
        loop {
            let result = self.chain(request, history, hop).await;
            match result {
                Err(error) if left > 0 && error.is_passing() => {
                    left -= 1;
                    history.clear();
                    *request = first.clone();
                }
                result => return result,
            }
        }
    }

    async fn chain(
        &self,
        request: &mut Request,
        history: &mut Vec<Response>,
        hop: &mut Hop,
    ) -> Result<Response, Error> {
        let config = Arc::clone(&self.config.lock());
        loop {
            let response = self.hop(&config, request, hop).await?;
            let Some(limit) = request.redirects else {
                return Ok(response);
            };
            let Some(next) = redirect::next(request, &response)? else {
                return Ok(response);
            };
            if history.len() >= limit as usize {
                return Err(Error::TooManyRedirects { limit });
            }
            history.push(response);
            *request = next;
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
        let is_whole = request.upload.is_none() && !request.stream;
        let seat = match self.connections.seat(&request.target.origin) {
            Entry::Free => None,
            Entry::Seat(seat) => Some(seat),
            Entry::Queue(seats) => Some(Box::pin(wait_in(seats)).await),
        };
        if is_whole && request.body.len() <= lean::LONGEST_BODY {
            let done = self.lean_hop(config, request, cookies, hop).await;
            drop(seat);
            return done;
        }
        // Boxed: such requests are rare, and would make every request's task larger.
        Box::pin(self.pieces_hop(config, request, cookies, seat, hop)).await
    }

    /// One request and its answer, either of which may go piece by piece.
    async fn pieces_hop(
        &self,
        config: &Config,
        request: &Request,
        cookies: Option<http::HeaderValue>,
        seat: Option<Seat>,
        hop: &mut Hop,
    ) -> Result<Response, Error> {
        let read = request.timeouts.read;
        // A kept connection may turn out closed before a byte of the answer came: once is nobody's fault.
        if let Some(mut connection) = self.reuse(request).await {
            let head = connection
                .ask(message(config, request, cookies.clone()), read)
                .await;
            let stale = matches!(head, Err(Error::Closed | Error::Broken(_)))
                && !connection.marks.first_byte().is_set();
            // The server may have acted on what it did not answer, so that only what does no harm
            // twice, or was not sent at all, is sent again.
            let repeatable = (request.method.is_idempotent() || connection.marks.bytes_out() == 0)
                && request.upload.is_none();
            if !(stale && repeatable) {
                return self
                    .finish(config, request, connection, head, seat, hop)
                    .await;
            }
            hop.note(&connection);
        }
        let opened = self.open(config, request, hop).await?;
        let mut connection = Connection::start(opened.wire, opened.marks).await?;
        let head = connection
            .ask(message(config, request, cookies), read)
            .await;
        self.finish(config, request, connection, head, seat, hop)
            .await
    }

    /// One request and its answer on a bare socket.
    async fn lean_hop(
        &self,
        config: &Config,
        request: &Request,
        cookies: Option<http::HeaderValue>,
        hop: &mut Hop,
    ) -> Result<Response, Error> {
        let origin = &request.target.origin;
        let with = (config.proxy.as_ref(), cookies.as_ref());
        // A kept connection may turn out closed before a byte of the answer came: once is nobody's fault.
        while let Some(idle) = self.connections.take(origin) {
            let mut cold = match idle {
                Idle::Cold(cold) => cold,
                Idle::Warm(connection, _) => match connection.cool() {
                    Some(cold) => cold,
                    None => continue,
                },
            };
            if !poll_fn(|cx| Poll::Ready(lean::is_quiet(cold.wire(), cx))).await {
                continue;
            }
            let marks = Arc::clone(&cold.marks);
            let mut reader = Reader::new(&request.method, config.body_limit);
            let answer = lean::exchange(cold.wire(), &marks, request, with, &mut reader);
            let answer = within(request.timeouts.read, &marks, answer).await;
            hop.note_marks(&marks);
            let is_stale = matches!(answer, Err(Error::Closed | Error::Broken(_)))
                && !marks.first_byte().is_set();
            if !(is_stale && (request.method.is_idempotent() || marks.bytes_out() == 0)) {
                return self.lean_finish(config, request, cold, answer?);
            }
        }
        // Boxed: connecting is rare, and its state would make every request's task three times as large.
        let opened = Box::pin(self.open(config, request, hop)).await?;
        let marks = Arc::clone(&opened.marks);
        let mut cold = Cold::new(opened.wire, opened.marks);
        let mut reader = Reader::new(&request.method, config.body_limit);
        let answer = lean::exchange(cold.wire(), &marks, request, with, &mut reader);
        let answer = within(request.timeouts.read, &marks, answer).await;
        hop.note_marks(&marks);
        self.lean_finish(config, request, cold, answer?)
    }

    /// Keeps the connection, if it can be used again.
    fn lean_finish(
        &self,
        config: &Config,
        request: &Request,
        cold: Cold,
        answer: Answer,
    ) -> Result<Response, Error> {
        let Answer { head, body, .. } = answer;
        let asks_to_close = request
            .headers
            .get(CONNECTION)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        if head.is_kept && !asks_to_close {
            self.connections.keep_cold(&request.target.origin, cold);
        }
        self.conclude(config, request, head, body)
    }

    /// Keeps the cookies, and undoes the body's encoding.
    fn conclude(
        &self,
        config: &Config,
        request: &Request,
        head: answer::Head,
        body: Bytes,
    ) -> Result<Response, Error> {
        if self.keeps_cookies && head.headers.contains_key(SET_COOKIE) {
            self.cookies.lock().keep(&head.headers, &request.target);
        }
        let body = match head.headers.get(CONTENT_ENCODING) {
            Some(encodings) if request.decode && request.method != Method::HEAD => decode(
                body,
                &String::from_utf8_lossy(encodings.as_bytes()),
                config.body_limit,
            )?,
            _ => body,
        };
        Ok(Response {
            status: head.status,
            reason: head.reason,
            version: head.version,
            headers: head.headers,
            body,
            target: Arc::clone(&request.target),
            method: request.method.clone(),
        })
    }

    /// A new connection, noting how long each part of making it took.
    async fn open(
        &self,
        config: &Config,
        request: &Request,
        hop: &mut Hop,
    ) -> Result<connect::Opened, Error> {
        let origin = &request.target.origin;
        let opened = connect::open(origin, config.proxy.as_ref(), &config.tls);
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
        hop.timing.held += opened.held;
        Ok(opened)
    }

    /// A kept connection to the request's origin, if one is still open.
    async fn reuse(&self, request: &Request) -> Option<Connection> {
        loop {
            let idle = self.connections.take(&request.target.origin)?;
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
        head: Result<Head, Error>,
        seat: Option<Seat>,
        hop: &mut Hop,
    ) -> Result<Response, Error> {
        let (parts, incoming) = match head {
            Ok(head) => head.into_parts(),
            Err(error) => {
                hop.note(&connection);
                return Err(error);
            }
        };
        let followed = request.redirects.is_some() && redirect::is_redirect(parts.status);
        let body = if request.stream && !followed && !incoming.is_end_stream() {
            hop.note(&connection);
            hop.rest = Some(Box::new(Body::new(
                connection,
                incoming,
                request.timeouts.read,
                Arc::clone(&self.connections),
                request.target.origin.clone(),
                seat,
            )));
            Bytes::new()
        } else {
            let limits = Limits {
                read: request.timeouts.read,
                body: config.body_limit,
            };
            let body = connection
                .body(
                    incoming,
                    parts.headers.contains_key(TRANSFER_ENCODING),
                    &limits,
                )
                .await;
            hop.note(&connection);
            let body = body?;
            if poll_fn(|cx| Poll::Ready(connection.is_reusable(cx))).await {
                self.connections
                    .keep(&request.target.origin, connection, Stamp::now());
            }
            body
        };
        let reason = parts.extensions.get::<ReasonPhrase>();
        let head = answer::Head {
            status: parts.status,
            reason: reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned()),
            version: parts.version,
            headers: parts.headers,
            // It is kept already, or gone.
            is_kept: false,
        };
        self.conclude(config, request, head, body)
    }
}

impl Hop {
    fn note(&mut self, connection: &Connection) {
        self.note_marks(&connection.marks);
    }

    fn note_marks(&mut self, marks: &Marks) {
        self.timing.sent = marks.sent();
        self.timing.first_byte = marks.first_byte();
        self.timing.done = marks.last_byte();
        self.bytes_out += marks.bytes_out();
        self.bytes_in += marks.bytes_in();
    }
}

/// The request as hyper sends it.
fn message(
    config: &Config,
    request: &Request,
    cookies: Option<http::HeaderValue>,
) -> http::Request<Payload> {
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
    let bodiless = request.body.is_empty() && request.upload.is_none();
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
    let payload = match &request.upload {
        None => Payload::Whole(Full::new(request.body.clone())),
        Some(upload) => upload.payload(),
    };
    let mut message = http::Request::new(payload);
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = uri.clone();
    *message.headers_mut() = headers;
    message
}
