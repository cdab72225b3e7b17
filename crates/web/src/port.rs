//! The port a server listens on, with or without TLS.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::either::Either;
use tokio_util::sync::DropGuard;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 4096;
/// How long a visitor may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A certificate and its key, ready to serve with.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads PEM files: the chain of certificates, and the private key.
    pub fn from_files(chain: &Path, key: &Path) -> io::Result<Self> {
        let wrong = |path: &Path, problem: &str, error: &dyn std::fmt::Display| {
            let message = format!("{}: {problem}: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect)
            .map_err(|error| wrong(chain, "no certificate can be read from it", &error))?;
        let private = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| wrong(key, "no private key can be read from it", &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_no_client_auth()
            .with_single_cert(certificates, private)
            .map_err(|error| wrong(chain, "it does not fit the key", &error))?;
        Ok(Self(Arc::new(config).into()))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// Listens on a port, 0 for any free one; the host `""` or `"*"` stands for all interfaces.
pub fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    if matches!(host, "" | "*") {
        // A machine without IPv6 cannot even make such a socket.
        let all = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        return listen(all).or_else(|_| listen((Ipv4Addr::UNSPECIFIED, port).into()));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Listens on an address, that of all interfaces also in IPv4, and for more visitors at once than
/// the standard library does.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

type Secured = io::Result<(TlsStream<TcpStream>, SocketAddr)>;

/// A port that is open as long as this lives.
pub(crate) struct Port {
    listener: tokio::net::TcpListener,
    tls: Option<Tls>,
    handshakes: JoinSet<Secured>,
    /// Dropped after the listener, so whoever waits for it finds the port closed.
    _closed: DropGuard,
}

impl Port {
    pub(crate) fn new(
        listener: TcpListener,
        tls: Option<Tls>,
        closed: DropGuard,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: tokio::net::TcpListener::from_std(listener)?,
            tls,
            handshakes: JoinSet::new(),
            _closed: closed,
        })
    }
}

impl Listener for Port {
    type Io = Either<TcpStream, TlsStream<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = tokio::select! {
                accepted = Listener::accept(&mut self.listener) => accepted,
                Some(done) = self.handshakes.join_next() => match done {
                    Ok(Ok((stream, peer))) => return (Either::Right(stream), peer),
                    // A visitor that does not speak TLS, or went away.
                    Ok(Err(_)) | Err(_) => continue,
                },
            };
            // A frame a second late is worse than a packet more; without it, nothing breaks.
            let _ = stream.set_nodelay(true);
            let Some(Tls(acceptor)) = &self.tls else {
                return (Either::Left(stream), peer);
            };
            let handshake = timeout(HANDSHAKE, acceptor.accept(stream));
            self.handshakes
                .spawn(async move { Ok((handshake.await??, peer)) });
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
