//! Opens a connection: name, socket, proxy tunnel, TLS.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::Error;
use crate::proxy::Proxy;
use crate::socket::{self, Socket};
use crate::target::Origin;
use crate::timing::{Marks, Stamp};

/// A connected socket that notes when bytes pass.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    marks: Arc<Marks>,
}

#[derive(Debug)]
enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// A new connection and what opening it took, in nanoseconds.
pub(crate) struct Opened {
    pub(crate) wire: Wire,
    pub(crate) marks: Arc<Marks>,
    pub(crate) dns: u64,
    pub(crate) connect: u64,
    pub(crate) tls: u64,
    /// For how long what came from the other side has waited for this process to see it. It is
    /// in none of the others.
    pub(crate) held: u64,
}

/// Opens a connection to `origin`, through `proxy` if there is one.
pub(crate) async fn open(
    origin: &Origin,
    proxy: Option<&Proxy>,
    tls: &Arc<ClientConfig>,
) -> Result<Opened, Error> {
    let dialled = proxy.map_or(origin, |proxy| &proxy.origin);
    let start = Stamp::now();
    let unreachable = |error: Error| match proxy {
        None => error,
        Some(_) => Error::Proxy {
            reason: error.chain(),
        },
    };
    let (addresses, found) = resolve(dialled).await.map_err(unreachable)?;
    let resolved = Stamp::now();
    let unheard = socket::longer(resolved.since(found));
    let mut socket = dial(dialled, &addresses).await.map_err(unreachable)?;
    let unseen = socket::unseen(&socket, Stamp::now().since(resolved));
    if let Some(proxy) = proxy.filter(|_| origin.https) {
        tunnel(&mut socket, origin, proxy).await?;
    }
    let connected = Stamp::now();
    let mut socket = Socket::new(socket);
    let (stream, tls, unread) = if origin.https {
        socket.watch();
        let name = ServerName::try_from(origin.host.clone())
            .map_err(|error| tls_error(origin, io::Error::other(error)))?;
        let mut stream = TlsConnector::from(Arc::clone(tls))
            .connect(name, socket)
            .await
            .map_err(|error| tls_error(origin, error))?;
        let unread = stream.get_mut().0.watched();
        let took = Stamp::now().since(connected).saturating_sub(unread);
        (Stream::Tls(Box::new(stream)), took, unread)
    } else {
        (Stream::Plain(socket), 0, 0)
    };
    let marks = Arc::new(Marks::default());
    let wire = Wire {
        stream,
        marks: Arc::clone(&marks),
    };
    Ok(Opened {
        wire,
        marks,
        dns: resolved.since(start).saturating_sub(unheard),
        connect: connected.since(resolved).saturating_sub(unseen),
        tls,
        held: unheard + unseen + unread,
    })
}

fn tls_error(origin: &Origin, source: io::Error) -> Error {
    Error::Tls {
        host: origin.host.clone(),
        source,
    }
}

/// The addresses of a host, and when they were known.
async fn resolve(origin: &Origin) -> Result<(Vec<SocketAddr>, Stamp), Error> {
    if let Some(ip) = origin.ip() {
        return Ok((vec![SocketAddr::new(ip, origin.port)], Stamp::now()));
    }
    let failed = |source| Error::Resolve {
        host: origin.host.clone(),
        source,
    };
    // The system is asked on a thread that may wait, and there the answer has its time.
    let asked = (origin.host.clone(), origin.port);
    let answer = tokio::task::spawn_blocking(move || {
        let addresses = asked.to_socket_addrs();
        addresses.map(|addresses| (addresses.collect::<Vec<_>>(), Stamp::now()))
    });
    let answer = answer.await.unwrap_or_else(|ended| Err(ended.into()));
    let (addresses, found) = answer.map_err(failed)?;
    if addresses.is_empty() {
        return Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        )));
    }
    Ok((addresses, found))
}

/// The first address that accepts, in the resolver's order.
async fn dial(origin: &Origin, addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => {
                // A socket without it is only slower.
                drop(socket.set_nodelay(true));
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(Error::Connect {
        host: origin.host.clone(),
        port: origin.port,
        source: last,
    })
}

/// Longest answer to `CONNECT` that is read, in bytes.
const TUNNEL_HEAD: usize = 8 * 1024;

async fn tunnel(socket: &mut TcpStream, origin: &Origin, proxy: &Proxy) -> Result<(), Error> {
    let host = if origin.host.contains(':') {
        format!("[{}]", origin.host)
    } else {
        origin.host.clone()
    };
    let authority = format!("{host}:{}", origin.port);
    let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = &proxy.authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let closed = || Error::Proxy {
        reason: "it closed the connection".to_owned(),
    };
    socket.write_all(&head).await.map_err(|_| closed())?;
    // Byte by byte: what follows the head belongs to the tunnel and must stay unread.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == TUNNEL_HEAD {
            return Err(Error::Proxy {
                reason: "its answer to CONNECT does not end".to_owned(),
            });
        }
        match socket.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(_) => return Err(closed()),
        }
    }
    let first_line =
        String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next().unwrap_or(&[]))
            .into_owned();
    match first_line.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(()),
        _ => Err(Error::Proxy {
            reason: format!("it answered {first_line:?} to CONNECT"),
        }),
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let poll = match &mut this.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        };
        if poll.is_ready() {
            let arrived = this.stream.socket().arrived();
            this.marks.read(buf.filled().len() - before, arrived);
        }
        poll
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = match &mut this.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        };
        if let Poll::Ready(Ok(count)) = poll {
            this.marks.wrote(count);
        }
        poll
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = match &mut this.stream {
            Stream::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(cx, slices),
        };
        if let Poll::Ready(Ok(count)) = poll {
            this.marks.wrote(count);
        }
        poll
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(socket) => socket.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
