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

use crate::secret::{self, Asking, JoinSecret, Mismatch, Opener, Sealer};
use crate::zmtp::{
    Decoder, GREETING, Item, Mechanism, Role, SIGNATURE, ZmtpError, greeting, hello, ready, refusal,
};

/// How long a peer may take to say who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Silence after which the system asks whether the peer's machine still lives; Locust's choice.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long the peer's machine may leave data unacknowledged. The kernel would wait for a quarter of
/// an hour, and after a minute try again only twice in the next one.
#[cfg(target_os = "linux")]
const UNANSWERED: Duration = Duration::from_secs(10);
/// How much is read at once.
const CHUNK: usize = 16 * 1024;
/// How long a refused peer may take to read why.
const REFUSAL: Duration = Duration::from_secs(1);

/// Whom a socket talks to.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Anyone, in plain text.
    #[default]
    Anyone,
    /// Only who knows the secret.
    Secret(JoinSecret),
    /// Who knows the secret; and who has none, in plain text. For masters only.
    SecretOrStock(JoinSecret),
}

/// Why a connection ended.
#[derive(Debug, Error)]
pub enum ConnectionError {
    /// The system's reason.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer broke the protocol.
    #[error(transparent)]
    Protocol(#[from] ZmtpError),
    /// The peer has no join secret, and we do.
    #[error("the other side has no join secret")]
    Unarmed,
    /// The peer has a join secret, and we do not.
    #[error("the other side wants a join secret")]
    Wanted,
    /// The peer has another join secret.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The peer did not say who it is in time.
    #[error("no ZeroMQ handshake within {} s", HANDSHAKE.as_secs())]
    Silent,
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Closed,
}

impl ConnectionError {
    /// Whether the peer's process has ended, and not only the way to it.
    pub fn is_end_of_peer(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset};
        match self {
            Self::Closed => true,
            Self::Io(error) => {
                matches!(
                    error.kind(),
                    BrokenPipe | ConnectionRefused | ConnectionReset
                )
            }
            _ => false,
        }
    }

    /// Whether the two sides cannot agree about the join secret, however often they try.
    pub fn is_about_secret(&self) -> bool {
        matches!(self, Self::Unarmed | Self::Wanted | Self::Mismatch(_))
    }
}

/// What a peer sends, after the handshake.
pub(crate) struct Incoming {
    stream: OwnedReadHalf,
    /// What is still encrypted, if the link is.
    sealed: BytesMut,
    opener: Option<Opener>,
    bytes: BytesMut,
    decoder: Decoder,
    /// Whether longer messages are taken already.
    pub(crate) is_trusted: bool,
}

/// The way to a peer.
pub(crate) struct Outgoing {
    stream: OwnedWriteHalf,
    sealer: Option<Sealer>,
}

/// Greets a peer and learns its identity.
///
/// Messages of up to `limit` bytes are taken until [`Incoming::trust`] allows more.
pub(crate) async fn shake_hands(
    stream: TcpStream,
    role: Role,
    identity: &[u8],
    trust: &Trust,
    limit: usize,
) -> Result<(Bytes, Incoming, Outgoing), ConnectionError> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    SockRef::from(&stream).set_tcp_user_timeout(Some(UNANSWERED))?;
    let (read, write) = stream.into_split();
    let mut incoming = Incoming {
        stream: read,
        sealed: BytesMut::new(),
        opener: None,
        bytes: BytesMut::new(),
        decoder: Decoder::new(limit),
        is_trusted: false,
    };
    let mut outgoing = Outgoing {
        stream: write,
        sealer: None,
    };
    let handshake = async {
        agree(role, trust, &mut incoming, &mut outgoing).await?;
        outgoing.write_all(&ready(role, identity)).await?;
        match incoming.next().await? {
            Item::Ready(peer) => Ok::<_, ConnectionError>(peer),
            _ => Err(ZmtpError::Command.into()),
        }
    };
    let shaken = tokio::time::timeout(HANDSHAKE, handshake).await;
    let peer = match shaken.map_err(|_| ConnectionError::Silent)? {
        Ok(peer) => peer,
        Err(error) => {
            if error.is_about_secret() {
                let read = async {
                    outgoing.stream.shutdown().await.ok();
                    incoming.drain().await;
                };
                tokio::time::timeout(REFUSAL, read).await.ok();
            }
            return Err(error);
        }
    };
    Ok((peer, incoming, outgoing))
}

/// Exchanges greetings and, with a secret, the handshake that makes the link a secret one.
async fn agree(
    role: Role,
    trust: &Trust,
    incoming: &mut Incoming,
    outgoing: &mut Outgoing,
) -> Result<(), ConnectionError> {
    let (mechanism, secret) = match trust {
        Trust::Anyone => (Some(Mechanism::Null), None),
        Trust::Secret(secret) => (Some(Mechanism::Noise), Some(secret)),
        Trust::SecretOrStock(secret) => (None, Some(secret)),
    };
    // libzmq leaves without a word once it sees a mechanism that it does not have. So a master with
    // a secret says its own last: it may take the peer's, and else it knows whom it refuses.
    let waits = role == Role::Router && secret.is_some();
    let early = if waits { SIGNATURE } else { GREETING };
    let signature = greeting(mechanism.unwrap_or(Mechanism::Null));
    outgoing.write_all(&signature[..early]).await?;
    let theirs = match incoming.next().await {
        Ok(Item::Greeting(theirs)) => theirs,
        Ok(_) => return Err(ZmtpError::Command.into()),
        // See above: this was a libzmq.
        Err(ConnectionError::Closed | ConnectionError::Io(_))
            if secret.is_some() && !incoming.bytes.is_empty() =>
        {
            return Err(ConnectionError::Unarmed);
        }
        Err(error) => return Err(error),
    };
    let answer = greeting(mechanism.unwrap_or(theirs));
    outgoing.write_all(&answer[early..]).await?;
    let secret = match (mechanism.unwrap_or(theirs), theirs, secret) {
        (Mechanism::Null, Mechanism::Null, _) => return Ok(()),
        (Mechanism::Noise, Mechanism::Noise, Some(secret)) => secret,
        (Mechanism::Noise, _, _) => return Err(ConnectionError::Unarmed),
        (Mechanism::Null, _, _) => return Err(ConnectionError::Wanted),
    };
    let (sealer, opener) = match role {
        Role::Dealer => {
            let (asking, question) = Asking::begin(secret);
            outgoing.write_all(&hello(&question)).await?;
            asking.finish(&incoming.hello().await?)?
        }
        Role::Router => {
            let question = incoming.hello().await?;
            match secret::answer(secret, &question) {
                Ok((answer, sealer, opener)) => {
                    outgoing.write_all(&hello(&answer)).await?;
                    (sealer, opener)
                }
                Err(mismatch) => {
                    let reason = refusal("another join secret");
                    outgoing.write_all(&reason).await?;
                    return Err(mismatch.into());
                }
            }
        }
    };
    incoming.sealed = std::mem::take(&mut incoming.bytes);
    incoming.opener = Some(opener);
    outgoing.sealer = Some(sealer);
    Ok(())
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
            if let Some(opener) = &mut self.opener {
                opener.open(&mut self.sealed, &mut self.bytes)?;
            }
            if let Some(item) = self.decoder.next(&mut self.bytes)? {
                return Ok(item);
            }
            let buffer = match self.opener {
                Some(_) => &mut self.sealed,
                None => &mut self.bytes,
            };
            buffer.reserve(CHUNK);
            if self.stream.read_buf(buffer).await? == 0 {
                return Err(ConnectionError::Closed);
            }
        }
    }

    /// Waits for the peer's part of the handshake.
    async fn hello(&mut self) -> Result<Bytes, ConnectionError> {
        match self.next().await {
            Ok(Item::Hello(payload)) => Ok(payload),
            Ok(_) => Err(ZmtpError::Command.into()),
            // All that a peer of ours refuses at this point is the secret.
            Err(ConnectionError::Protocol(ZmtpError::Refused(_))) => Err(Mismatch.into()),
            Err(error) => Err(error),
        }
    }

    /// Reads to the end what nobody wants to know, so that the peer can read what it was sent.
    async fn drain(&mut self) {
        let mut scrap = [0; 4096];
        while self.stream.read(&mut scrap).await.is_ok_and(|it| it > 0) {}
    }
}

impl Outgoing {
    /// Writes frames, encrypted if the link is. One that is given up halfway ends the link.
    pub(crate) async fn write_all(&mut self, frames: &[u8]) -> io::Result<()> {
        match &mut self.sealer {
            Some(sealer) => self.stream.write_all(&sealer.seal(frames)).await,
            None => self.stream.write_all(frames).await,
        }
    }

    /// Says that nothing more comes.
    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }
}

/// Writes what is queued until the queue's other end is gone.
pub(crate) async fn write_all(
    mut outgoing: Outgoing,
    mut queue: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    while let Some(frame) = queue.recv().await {
        outgoing.write_all(&frame).await?;
    }
    outgoing.shutdown().await
}
