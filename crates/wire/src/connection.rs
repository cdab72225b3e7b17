//! One connection, whichever end it is: bytes to items and messages to bytes.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::zmtp::{Decoder, Item, Role, ZmtpError, greeting, ready};

/// How long a peer may take to say who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Silence after which the system asks whether the peer's machine still lives; Locust's choice.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Why a connection ended.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The system's reason.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer broke the protocol.
    #[error(transparent)]
    Protocol(#[from] ZmtpError),
    /// The peer did not say who it is in time.
    #[error("no ZeroMQ handshake within {} s", HANDSHAKE.as_secs())]
    Silent,
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Closed,
}

/// What a peer sends, after the handshake.
pub(crate) struct Incoming {
    stream: OwnedReadHalf,
    bytes: BytesMut,
    decoder: Decoder,
    /// Whether longer messages are taken already.
    pub(crate) is_trusted: bool,
}

/// Greets a peer and learns its identity.
///
/// Messages of up to `limit` bytes are taken until [`Incoming::trust`] allows more.
pub(crate) async fn shake_hands(
    stream: TcpStream,
    role: Role,
    identity: &[u8],
    limit: usize,
) -> Result<(Bytes, Incoming, OwnedWriteHalf), ConnectionError> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    let (read, mut write) = stream.into_split();
    let mut incoming = Incoming {
        stream: read,
        bytes: BytesMut::new(),
        decoder: Decoder::new(limit),
        is_trusted: false,
    };
    let handshake = async {
        write.write_all(&greeting()).await?;
        write.write_all(&ready(role, identity)).await?;
        match incoming.next().await? {
            Item::Ready(peer) => Ok::<_, ConnectionError>(peer),
            Item::Message(_) | Item::Pong(_) => Err(ZmtpError::Command.into()),
        }
    };
    let peer = tokio::time::timeout(HANDSHAKE, handshake)
        .await
        .map_err(|_| ConnectionError::Silent)??;
    Ok((peer, incoming, write))
}

impl Incoming {
    /// Takes messages of up to `limit` bytes from now on.
    pub(crate) fn trust(&mut self, limit: usize) {
        self.is_trusted = true;
        self.decoder.set_limit(limit);
    }

    /// Waits for the next item. Nothing is lost if the wait is given up.
    pub(crate) async fn next(&mut self) -> Result<Item, ConnectionError> {
        loop {
            if let Some(item) = self.decoder.next(&mut self.bytes)? {
                return Ok(item);
            }
            self.bytes.reserve(CHUNK);
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err(ConnectionError::Closed);
            }
        }
    }
}

/// Writes what is queued until the queue's other end is gone.
pub(crate) async fn write_all(
    mut write: OwnedWriteHalf,
    mut queue: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    while let Some(frame) = queue.recv().await {
        write.write_all(&frame).await?;
    }
    write.shutdown().await
}
