//! Bytes out, bytes in, on one connection.
//!
//! hyper's connection driver is polled by the exchange itself, in the same task, so a
//! request wakes one task and no other. Between requests a connection is either warm
//! (hyper's buffers kept) or cold (only the socket kept, see [`Connection::cool`]).

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::connect::Wire;
use crate::error::{Error, from_hyper};
use crate::timing::{Marks, Stamp};
use crate::upload::Payload;

type Driver = http1::Connection<TokioIo<Wire>, Payload>;

/// A connection that is ready for a request, or in the middle of one.
pub(crate) struct Connection {
    sender: http1::SendRequest<Payload>,
    /// `None` once hyper has finished with the connection.
    driver: Option<Pin<Box<Driver>>>,
    pub(crate) marks: Arc<Marks>,
}

/// A kept-alive socket without hyper's buffers.
pub(crate) struct Cold {
    io: TokioIo<Wire>,
    pub(crate) marks: Arc<Marks>,
}

impl Cold {
    /// A fresh socket.
    pub(crate) fn new(wire: Wire, marks: Arc<Marks>) -> Self {
        Self {
            io: TokioIo::new(wire),
            marks,
        }
    }

    /// Its socket.
    pub(crate) fn wire(&mut self) -> &mut Wire {
        self.io.inner_mut()
    }
}

/// An answer whose body is still to be read.
pub(crate) type Head = http::Response<Incoming>;

/// Limits of one exchange.
pub(crate) struct Limits {
    pub(crate) read: Option<Duration>,
    pub(crate) body: u64,
}

/// Bodies up to this size are copied out, so that hyper can use its read buffer again
/// and a response kept by a script does not keep the buffer.
const SMALL_BODY: usize = 4 * 1024;

impl Connection {
    /// A connection over a fresh socket.
    pub(crate) async fn start(wire: Wire, marks: Arc<Marks>) -> Result<Self, Error> {
        Self::warm(Cold::new(wire, marks)).await
    }

    /// Gives a cold connection its buffers back.
    pub(crate) async fn warm(cold: Cold) -> Result<Self, Error> {
        let (sender, driver) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(cold.io)
            .await
            .map_err(|error| from_hyper(&error, false, 0))?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            marks: cold.marks,
        })
    }

    /// Keeps the socket and frees the rest. `None` if bytes are waiting that nobody asked for.
    pub(crate) fn cool(self) -> Option<Cold> {
        let driver = *Pin::into_inner(self.driver?);
        let parts = driver.into_parts();
        parts.read_buf.is_empty().then_some(Cold {
            io: parts.io,
            marks: self.marks,
        })
    }

    /// Whether another request may be sent: the last answer was read to its end and both
    /// sides keep the connection.
    pub(crate) fn is_reusable(&mut self, cx: &mut Context<'_>) -> bool {
        !self.drive(cx) && self.sender.is_ready()
    }

    /// Lets hyper read and write; whether it has finished with the connection.
    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(driver) = &mut self.driver
            && driver.as_mut().poll(cx).is_ready()
        {
            // The result is the same error that the request's own future gets.
            self.driver = None;
        }
        self.driver.is_none()
    }

    /// Sends one request and reads the head of its answer.
    pub(crate) async fn ask(
        &mut self,
        request: http::Request<Payload>,
        read: Option<Duration>,
    ) -> Result<Head, Error> {
        self.marks.arm();
        let marks = Arc::clone(&self.marks);
        within(read, &marks, self.head(request)).await
    }

    async fn head(
        &mut self,
        request: http::Request<Payload>,
    ) -> Result<http::Response<Incoming>, Error> {
        let mut answer = pin!(self.sender.send_request(request));
        poll_fn(|cx| {
            // `drive` borrows all of self, but the future does not borrow the sender.
            let done = match &mut self.driver {
                Some(driver) => driver.as_mut().poll(cx).is_ready(),
                None => true,
            };
            if done {
                self.driver = None;
            }
            answer.as_mut().poll(cx)
        })
        .await
        .map_err(|error| from_hyper(&error, self.marks.first_byte().is_set(), 0))
    }

    /// Reads the rest of an answer.
    pub(crate) async fn body(
        &mut self,
        mut incoming: Incoming,
        is_chunked: bool,
        limits: &Limits,
    ) -> Result<Bytes, Error> {
        let marks = Arc::clone(&self.marks);
        let ends_by_close = incoming.size_hint().exact().is_none() && !is_chunked;
        let mut body = Chunks::default();
        while let Some(frame) =
            within(limits.read, &marks, self.frame(&mut incoming, body.len())).await?
        {
            body.push(frame);
            if body.len() > limits.body {
                return Err(Error::TooLarge { limit: limits.body });
            }
        }
        if ends_by_close {
            marks.ended();
        }
        Ok(body.into_bytes())
    }

    /// The next bytes of a body that is read piece by piece, or `None` at its end.
    pub(crate) async fn piece(
        &mut self,
        incoming: &mut Incoming,
        read: Option<Duration>,
        received: u64,
    ) -> Result<Option<Bytes>, Error> {
        let marks = Arc::clone(&self.marks);
        within(read, &marks, self.frame(incoming, received)).await
    }

    /// The next bytes of the body, or `None` at its end.
    async fn frame(
        &mut self,
        incoming: &mut Incoming,
        received: u64,
    ) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| {
            // Driving may fill the body, so an empty body is looked at once more after it.
            let mut driven = self.driver.is_none();
            loop {
                match Pin::new(&mut *incoming).poll_frame(cx) {
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(from_hyper(&error, true, received)));
                    }
                    Poll::Ready(Some(Ok(frame))) => {
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                    Poll::Pending if driven => return Poll::Pending,
                    Poll::Pending => {
                        self.drive(cx);
                        driven = true;
                    }
                }
            }
        })
        .await
    }
}

/// A body as it arrives: nothing is copied until a second chunk comes.
#[derive(Default)]
struct Chunks {
    first: Bytes,
    rest: Option<BytesMut>,
}

impl Chunks {
    fn len(&self) -> u64 {
        self.rest.as_ref().map_or(self.first.len(), BytesMut::len) as u64
    }

    fn push(&mut self, chunk: Bytes) {
        if let Some(rest) = &mut self.rest {
            rest.extend_from_slice(&chunk);
        } else if self.first.is_empty() {
            self.first = chunk;
        } else {
            let mut rest = BytesMut::with_capacity((self.first.len() + chunk.len()) * 2);
            rest.extend_from_slice(&self.first);
            rest.extend_from_slice(&chunk);
            self.first = Bytes::new();
            self.rest = Some(rest);
        }
    }

    fn into_bytes(self) -> Bytes {
        match self.rest {
            Some(rest) => rest.freeze(),
            None if self.first.len() <= SMALL_BODY => Bytes::copy_from_slice(&self.first),
            None => self.first,
        }
    }
}

/// The work's result, unless no byte passes for `limit`.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    marks: &Marks,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(limit) = limit else {
        return work.await;
    };
    let mut work = pin!(work);
    let mut left = limit;
    loop {
        let before = Stamp::now();
        if let Ok(result) = tokio::time::timeout(left, work.as_mut()).await {
            return result;
        }
        // Bytes that pass without completing anything, as in a long head, count all the same.
        let passed = marks.sent().max(marks.last_byte());
        let Some(rest) = limit
            .checked_sub(passed.elapsed())
            .filter(|_| passed >= before)
        else {
            return Err(Error::ReadTimeout { limit });
        };
        left = rest.max(Duration::from_millis(1));
    }
}
