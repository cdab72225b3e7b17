//! The master's end: one listening socket, many peers.
//!
//! Every queue is bounded. A peer that does not read loses its connection rather than the
//! master its memory; a master that does not read makes its peers wait.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{ConnectionError, Trust, shake_hands, write_all};
use crate::zmtp::{Item, Role, message};

/// Messages that may wait for one peer.
const OUTGOING: usize = 1_024;
/// Messages of all peers that may wait for the master.
const INCOMING: usize = 4_096;
/// The longest message of a peer: the statistics of 10,000 names take a few megabytes.
const LONGEST: usize = 32 * 1024 * 1024;
/// The longest message of a peer that has not been accepted.
const LONGEST_OF_STRANGERS: usize = 64 * 1024;
/// Connections at the same time, strangers included.
const PEERS: usize = 10_000;
/// Connections that the system may hold until they are taken up.
const BACKLOG: i32 = 1_024;

/// A peer's `ZeroMQ` identity; Locust's workers use their client id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub Bytes);

/// What the peers do.
#[derive(Debug)]
pub enum Arrival {
    /// A peer has connected, or connected again.
    Joined(PeerId, SocketAddr),
    /// A peer has sent a message.
    Message(PeerId, Bytes),
    /// A peer's connection has ended.
    Left(PeerId, ConnectionError),
    /// Somebody who wanted to be a peer was refused.
    Refused(SocketAddr, ConnectionError),
}

/// A message could not be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection to this peer.
    #[error("there is no connection to the peer")]
    Unknown,
    /// The peer has not read what it was sent before; its connection is closed.
    #[error("the peer does not read what it is sent")]
    Full,
}

/// The listening socket and its peers.
pub struct Router {
    shared: Arc<Shared>,
    arrivals: mpsc::Receiver<Arrival>,
    local: SocketAddr,
}

struct Shared {
    peers: Mutex<FxHashMap<PeerId, Peer>>,
    trust: Trust,
    next: AtomicU64,
    tasks: TaskTracker,
    closed: CancellationToken,
}

struct Peer {
    /// Tells this connection from later ones of the same peer.
    number: u64,
    queue: mpsc::Sender<Bytes>,
    /// Ends the connection.
    end: CancellationToken,
    /// Set once the peer may send long messages.
    accepted: CancellationToken,
}

impl Router {
    /// Listens on a host and port for peers that it trusts; `*` is every interface, port 0 any
    /// free one.
    ///
    /// # Errors
    ///
    /// The system's, if the address cannot be listened on.
    pub fn bind(host: &str, port: u16, trust: Trust) -> io::Result<Self> {
        let listener = listen(host, port)?;
        let local = listener.local_addr()?;
        let (sender, arrivals) = mpsc::channel(INCOMING);
        let shared = Arc::new(Shared {
            peers: Mutex::default(),
            trust,
            next: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        });
        shared
            .tasks
            .spawn(Arc::clone(&shared).accept(listener, sender));
        Ok(Self {
            shared,
            arrivals,
            local,
        })
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.local.port()
    }

    /// Waits for the next arrival.
    pub async fn arrival(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }

    /// Queues a message for a peer.
    ///
    /// # Errors
    ///
    /// A [`SendError`] if it will not get there.
    pub fn send(&self, peer: &PeerId, payload: &[u8]) -> Result<(), SendError> {
        let peers = self.shared.peers.lock();
        let peer = peers.get(peer).ok_or(SendError::Unknown)?;
        peer.queue.try_send(message(payload)).map_err(|error| {
            peer.end.cancel();
            match error {
                mpsc::error::TrySendError::Full(_) => SendError::Full,
                mpsc::error::TrySendError::Closed(_) => SendError::Unknown,
            }
        })
    }

    /// Takes longer messages of a peer from now on, because it is known to be one of ours.
    pub fn accept(&self, peer: &PeerId) {
        if let Some(peer) = self.shared.peers.lock().get(peer) {
            peer.accepted.cancel();
        }
    }

    /// Ends a peer's connection once what is queued for it is written.
    pub fn disconnect(&self, peer: &PeerId) {
        self.shared.peers.lock().remove(peer);
    }

    /// Stops listening, writes what is queued, and ends all connections.
    pub async fn close(mut self) {
        self.arrivals.close();
        self.shared.closed.cancel();
        self.shared.peers.lock().clear();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.shared.closed.cancel();
        self.shared.peers.lock().clear();
    }
}

impl Shared {
    async fn accept(self: Arc<Self>, listener: TcpListener, arrivals: mpsc::Sender<Arrival>) {
        let room = Arc::new(tokio::sync::Semaphore::new(PEERS));
        loop {
            let accepted = tokio::select! {
                () = self.closed.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of files, most likely: those that end make room.
                    tracing::warn!(%error, "could not take up a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                tracing::warn!(%address, "refused a connection: there are {PEERS} already");
                continue;
            };
            let (shared, arrivals) = (Arc::clone(&self), arrivals.clone());
            self.tasks.spawn(async move {
                shared.serve(stream, address, arrivals).await;
                drop(place);
            });
        }
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        arrivals: mpsc::Sender<Arrival>,
    ) {
        let trust = &self.trust;
        let shaken = shake_hands(stream, Role::Router, b"", trust, LONGEST_OF_STRANGERS).await;
        let (identity, mut incoming, write) = match shaken {
            Ok(shaken) => shaken,
            Err(error) => {
                arrivals.send(Arrival::Refused(address, error)).await.ok();
                return;
            }
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let peer = PeerId(if identity.is_empty() {
            anonymous(number)
        } else {
            identity
        });
        let (queue, queued) = mpsc::channel(OUTGOING);
        let (end, accepted) = (self.closed.child_token(), CancellationToken::new());
        let known = Peer {
            number,
            queue: queue.clone(),
            end: end.clone(),
            accepted: accepted.clone(),
        };
        // A peer that connects again takes the place of its earlier connection.
        if let Some(earlier) = self.peers.lock().insert(peer.clone(), known) {
            earlier.end.cancel();
        }
        if arrivals
            .send(Arrival::Joined(peer.clone(), address))
            .await
            .is_err()
        {
            return;
        }
        let writer = self.tasks.spawn(write_all(write, queued));
        let error = loop {
            let item = tokio::select! {
                () = end.cancelled() => break ConnectionError::Closed,
                () = accepted.cancelled(), if !incoming.is_trusted => {
                    incoming.trust(LONGEST);
                    continue;
                }
                item = incoming.next() => item,
            };
            match item {
                Ok(Item::Message(payload)) => {
                    let arrival = Arrival::Message(peer.clone(), payload);
                    if arrivals.send(arrival).await.is_err() {
                        break ConnectionError::Closed;
                    }
                }
                Ok(Item::Pong(frame)) => {
                    queue.try_send(frame).ok();
                }
                Ok(Item::Greeting(_) | Item::Hello(_) | Item::Ready(_)) => {}
                Err(error) => break error,
            }
        };
        drop(queue);
        let is_last = {
            let mut peers = self.peers.lock();
            let is_last = peers.get(&peer).is_some_and(|it| it.number == number);
            if is_last {
                peers.remove(&peer);
            }
            is_last
        };
        if !matches!(error, ConnectionError::Closed) {
            writer.abort();
        }
        if is_last {
            arrivals.send(Arrival::Left(peer, error)).await.ok();
        }
    }
}

/// An identity for a peer that has none: a zero byte, which no identity of a peer begins with.
fn anonymous(number: u64) -> Bytes {
    let mut identity = vec![0];
    identity.extend(number.to_be_bytes());
    identity.into()
}

fn listen(host: &str, port: u16) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = if matches!(host, "" | "*") {
        vec![
            (Ipv6Addr::UNSPECIFIED, port).into(),
            (Ipv4Addr::UNSPECIFIED, port).into(),
        ]
    } else {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        std::net::ToSocketAddrs::to_socket_addrs(&(host, port))?.collect()
    };
    let mut problem = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    // A machine without IPv6 cannot even make such a socket; IPv4 comes next then.
    for address in addresses {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
