//! One request and its answer on a bare socket, without hyper.
//!
//! Where a whole request is known and a whole answer is wanted, which is nearly always, this costs a fraction of what a
//! general client does: the request is written from one buffer, the answer read from another that all exchanges of a
//! thread share, and a connection between two requests is nothing but its socket.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{COOKIE, HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::answer::{Answer, Reader};
use crate::connect::Wire;
use crate::error::Error;
use crate::proxy::Proxy;
use crate::request::Request;
use crate::timing::Marks;

/// Bodies of requests that are sent this way; a longer one may meet an answer while it is being sent.
pub(crate) const LONGEST_BODY: usize = 64 * 1024;
/// Bytes that are read at once.
const ROOM: usize = 64 * 1024;

thread_local! {
    /// Where answers are read into; nothing stays there.
    static READ: RefCell<Box<[MaybeUninit<u8>]>> = RefCell::new(Box::new_uninit_slice(ROOM));
    /// Where requests are written; nothing stays there either.
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Whether the other side has left the connection alone: it is open, and says nothing unasked.
pub(crate) fn is_quiet(wire: &mut Wire, cx: &mut Context<'_>) -> bool {
    let mut byte = [MaybeUninit::uninit(); 1];
    let mut buf = ReadBuf::uninit(&mut byte);
    Pin::new(wire).poll_read(cx, &mut buf).is_pending()
}

/// Sends a request and reads its answer.
pub(crate) async fn exchange(
    wire: &mut Wire,
    marks: &Marks,
    request: &Request,
    (proxy, cookies): (Option<&Proxy>, Option<&HeaderValue>),
    reader: &mut Reader,
) -> Result<Answer, Error> {
    marks.arm();
    // What of the request is not written yet; mostly the socket takes all of it at once.
    let mut rest: Option<Vec<u8>> = None;
    let written = poll_fn(|cx| match &mut rest {
        Some(bytes) => {
            let count = ready!(push(wire, bytes, cx))?;
            bytes.drain(..count);
            if bytes.is_empty() {
                return Pin::new(&mut *wire).poll_flush(cx);
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        None => WRITTEN.with_borrow_mut(|out| {
            out.clear();
            write(request, proxy, cookies, out);
            let count = match push(wire, out, cx) {
                Poll::Ready(count) => count?,
                Poll::Pending => 0,
            };
            if count == out.len() {
                rest = Some(Vec::new());
                return Pin::new(&mut *wire).poll_flush(cx);
            }
            rest = Some(out[count..].to_vec());
            if count > 0 {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        }),
    });
    written.await.map_err(Error::Broken)?;
    let answer = poll_fn(|cx| poll_answer(wire, reader, cx)).await?;
    if answer.ended_by_close {
        marks.ended();
    }
    Ok(answer)
}

/// Writes what the socket takes.
fn push(wire: &mut Wire, bytes: &[u8], cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    if bytes.is_empty() {
        return Poll::Ready(Ok(0));
    }
    match ready!(Pin::new(wire).poll_write(cx, bytes)) {
        Ok(0) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        done => Poll::Ready(done),
    }
}

/// Reads as long as there is something to read, and until the answer is complete.
fn poll_answer(
    wire: &mut Wire,
    reader: &mut Reader,
    cx: &mut Context<'_>,
) -> Poll<Result<Answer, Error>> {
    READ.with_borrow_mut(|room| {
        let mut buf = ReadBuf::uninit(room);
        loop {
            buf.clear();
            match ready!(Pin::new(&mut *wire).poll_read(cx, &mut buf)) {
                Ok(()) if buf.filled().is_empty() => return Poll::Ready(reader.close()),
                Ok(()) => {}
                // A peer that closes without TLS's goodbye.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(reader.close());
                }
                Err(error) => return Poll::Ready(Err(Error::Broken(error))),
            }
            match reader.take(buf.filled()) {
                Ok(None) => {}
                Ok(Some(answer)) => return Poll::Ready(Ok(answer)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    })
}

/// The request as it is sent.
fn write(
    request: &Request,
    proxy: Option<&Proxy>,
    cookies: Option<&HeaderValue>,
    out: &mut Vec<u8>,
) {
    let target = &request.target;
    let proxy = proxy.filter(|_| !target.origin.https);
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b' ');
    if proxy.is_some() {
        out.extend_from_slice(target.url.as_bytes());
    } else {
        match target.path.path_and_query() {
            Some(path) => out.extend_from_slice(path.as_str().as_bytes()),
            None => out.push(b'/'),
        }
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if !request.headers.contains_key(HOST) {
        out.extend_from_slice(b"Host: ");
        out.extend_from_slice(target.host.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let mut has_cookie = false;
    for (name, value) in request.headers.iter() {
        has_cookie |= *name == COOKIE;
        title(name.as_str(), out);
        line(value, out);
    }
    if let Some(cookies) = cookies.filter(|_| !has_cookie) {
        out.extend_from_slice(b"Cookie");
        line(cookies, out);
    }
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
        title(PROXY_AUTHORIZATION.as_str(), out);
        line(authorization, out);
    }
    // A bodiless POST says 0, as requests does.
    let says_length = !request.body.is_empty()
        || matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
    if says_length {
        out.extend_from_slice(format!("Content-Length: {}\r\n", request.body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&request.body);
}

fn line(value: &HeaderValue, out: &mut Vec<u8>) {
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A field's name as clients usually spell it.
fn title(name: &str, out: &mut Vec<u8>) {
    let mut starts = true;
    for byte in name.bytes() {
        out.push(if starts {
            byte.to_ascii_uppercase()
        } else {
            byte
        });
        starts = byte == b'-';
    }
}
