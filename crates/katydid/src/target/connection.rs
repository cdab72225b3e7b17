//! One connection: requests in, answers out, stamps on the way.

use std::io;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::answer::{Announced, Answer, Form, ONE_PIECE, Quota, QuotaEnd};
use super::clock::{self, Stamp};
use super::fault;
use super::request::{Method, Parsed, Request, parse};
use super::routes::{MALFORMED, Routed};
use super::truth::{self, Exchange, Origin};
use super::worker::Worker;

/// Room made for each read, in bytes.
const READ: usize = 4096;

/// A stream of bytes with the socket under it within reach.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket.
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Answers requests on a stream until either side ends it.
pub(crate) async fn serve<S: Wire>(stream: S, number: u32, worker: &Worker) {
    let mut connection = Connection {
        stream,
        number,
        worker,
        input: Vec::new(),
        taken: 0,
        read_at: 0,
        out: Vec::new(),
        answered: 0,
        quota: None,
    };
    // An error is the peer leaving, which clients under test do all the time.
    while let Ok(Next::Stay) = connection.exchange().await {}
}

struct Connection<'a, S> {
    stream: S,
    number: u32,
    worker: &'a Worker,
    /// Bytes read; those before `taken` have been answered.
    input: Vec<u8>,
    taken: usize,
    /// When the first byte not yet taken was read.
    read_at: Stamp,
    out: Vec<u8>,
    answered: u64,
    quota: Option<Quota>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Stay,
    Leave,
}

/// What of a request the answer's shape depends on.
#[derive(Clone, Copy)]
struct Asked {
    keep_alive: bool,
    modern: bool,
    head_only: bool,
}

impl Asked {
    fn by(request: &Request<'_>) -> Self {
        Self {
            keep_alive: request.keep_alive,
            modern: request.modern,
            head_only: request.method == Method::Head,
        }
    }
}

/// A request found and routed.
enum Found<'a> {
    Answer(Answer, Exchange<'a>),
    Truth,
    Reset,
}

impl<'a, S: Wire> Connection<'a, S> {
    /// Reads one request and answers it.
    async fn exchange(&mut self) -> io::Result<Next> {
        let mut continued = false;
        let (found, asked, length) = loop {
            let bytes = &self.input[self.taken..];
            let missing = if bytes.is_empty() {
                false
            } else {
                match parse(bytes) {
                    Parsed::Whole(request) => {
                        break (self.find(&request), Asked::by(&request), request.length);
                    }
                    Parsed::Partial { expects_continue } => expects_continue,
                    Parsed::Bad(status) => return self.refuse(status).await,
                }
            };
            if missing && !continued {
                continued = true;
                self.stream
                    .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                    .await?;
                self.stream.flush().await?;
            }
            if self.fill().await? == 0 {
                return Ok(Next::Leave);
            }
        };
        let due = self.read_at;
        self.taken += length;
        match found {
            Found::Answer(answer, exchange) => {
                if !answer.delay.is_zero() {
                    self.pause_until(due, answer.delay).await;
                }
                self.deliver(answer, exchange, asked).await
            }
            Found::Truth => {
                let shared = self.worker.shared.clone();
                let report = tokio::task::spawn_blocking(move || truth::report(&shared.truth));
                let report = report.await.map_err(io::Error::other)?;
                self.send_plain(&Answer::json(&report), asked).await
            }
            Found::Reset => {
                self.worker.shared.truth.reset();
                self.send_plain(&Answer::json(&serde_json::json!({ "ok": true })), asked)
                    .await
            }
        }
    }

    fn find(&self, request: &Request<'_>) -> Found<'a> {
        let shared = &self.worker.shared;
        match shared.site.answer(request) {
            Routed::Counted(route, answer) => {
                let exchange = shared
                    .truth
                    .begin(self.origin(), Some(request), route, &answer);
                Found::Answer(answer, exchange)
            }
            Routed::Truth => Found::Truth,
            Routed::Reset => Found::Reset,
        }
    }

    fn origin(&self) -> Origin {
        Origin {
            thread: self.worker.thread,
            connection: self.number,
            arrival: self.read_at,
        }
    }

    /// Reads what has come; 0 when the peer has closed its side.
    async fn fill(&mut self) -> io::Result<usize> {
        if self.taken > 0 {
            self.input.drain(..self.taken);
            self.taken = 0;
        }
        let fresh = self.input.is_empty();
        // Long bodies are read in ever larger pieces.
        self.input.reserve(READ.max(self.input.len()));
        let count = self.stream.read_buf(&mut self.input).await?;
        if fresh {
            self.read_at = clock::now();
        }
        Ok(count)
    }

    async fn pause_until(&self, from: Stamp, pause: Duration) {
        let nanos = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX);
        self.worker.timer.until(from.saturating_add(nanos)).await;
    }

    /// Answers bytes that are no request, and ends the connection.
    async fn refuse(&mut self, status: StatusCode) -> io::Result<Next> {
        let answer = Answer::error(status, "this is not a request that can be answered");
        let truth = &self.worker.shared.truth;
        let mut exchange = truth.begin(self.origin(), None, MALFORMED, &answer);
        self.put(&answer, Announced::Close);
        self.flush_out().await?;
        let now = clock::now();
        exchange.began(now);
        exchange.finished(now);
        fault::part(&mut self.stream).await;
        Ok(Next::Leave)
    }

    /// Sends an answer that is not counted.
    async fn send_plain(&mut self, answer: &Answer, asked: Asked) -> io::Result<Next> {
        self.put(answer, announced(asked, asked.keep_alive));
        self.flush_out().await?;
        self.closed_unless(asked.keep_alive).await
    }

    async fn deliver(
        &mut self,
        mut answer: Answer,
        mut exchange: Exchange<'_>,
        asked: Asked,
    ) -> io::Result<Next> {
        match answer.form {
            Form::Broken(fault) => {
                fault.commit(&mut self.stream).await?;
                return Ok(Next::Leave);
            }
            Form::Dropping(quota) => self.quota = Some(quota),
            // Version 1.0 has no chunks.
            Form::Chunked { .. } if !asked.modern => answer.form = Form::UntilClose,
            _ => {}
        }
        let stay = asked.keep_alive && !matches!(answer.form, Form::UntilClose);
        answer.write_head(&mut self.out, announced(asked, stay));
        let body = if asked.head_only {
            &[][..]
        } else {
            &*answer.body
        };
        match answer.form {
            Form::Chunked { size, pause } if !asked.head_only => {
                self.send_chunks(body, size, pause, &mut exchange).await?;
            }
            _ if body.len() <= ONE_PIECE => {
                self.out.extend_from_slice(body);
                self.flush_out().await?;
                exchange.began(clock::now());
            }
            _ => {
                self.flush_out().await?;
                exchange.began(clock::now());
                self.stream.write_all(body).await?;
                self.stream.flush().await?;
            }
        }
        exchange.finished(clock::now());
        self.answered += 1;
        if let Some(quota) = self.quota.filter(|quota| self.answered >= quota.after) {
            self.fall_silent(quota.end).await;
            return Ok(Next::Leave);
        }
        self.closed_unless(stay).await
    }

    /// Sends the head, then each chunk after its pause.
    async fn send_chunks(
        &mut self,
        body: &[u8],
        size: usize,
        pause: Duration,
        exchange: &mut Exchange<'_>,
    ) -> io::Result<()> {
        if !pause.is_zero() {
            self.flush_out().await?;
            exchange.began(clock::now());
        }
        for chunk in body.chunks(size) {
            if !pause.is_zero() {
                self.pause_until(clock::now(), pause).await;
            }
            self.out
                .extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            self.out.extend_from_slice(chunk);
            self.out.extend_from_slice(b"\r\n");
            if !pause.is_zero() {
                self.flush_out().await?;
            }
        }
        self.out.extend_from_slice(b"0\r\n\r\n");
        self.flush_out().await?;
        if pause.is_zero() {
            exchange.began(clock::now());
        }
        Ok(())
    }

    /// Waits for the moment to close without a word.
    async fn fall_silent(&mut self, when: QuotaEnd) {
        match when {
            QuotaEnd::Idle(pause) => self.pause_until(clock::now(), pause).await,
            QuotaEnd::NextRequest => {
                if self.taken == self.input.len() {
                    // The request stays unread, so closing resets the connection.
                    let _ = self.stream.tcp().peek(&mut [0]).await;
                }
            }
        }
    }

    async fn closed_unless(&mut self, stay: bool) -> io::Result<Next> {
        if stay {
            return Ok(Next::Stay);
        }
        self.stream.shutdown().await?;
        Ok(Next::Leave)
    }

    fn put(&mut self, answer: &Answer, announced: Announced) {
        answer.write_head(&mut self.out, announced);
        self.out.extend_from_slice(&answer.body);
    }

    async fn flush_out(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out).await?;
        self.stream.flush().await?;
        self.out.clear();
        Ok(())
    }
}

fn announced(asked: Asked, stay: bool) -> Announced {
    match (stay, asked.modern) {
        (false, _) => Announced::Close,
        (true, true) => Announced::Nothing,
        (true, false) => Announced::KeepAlive,
    }
}
