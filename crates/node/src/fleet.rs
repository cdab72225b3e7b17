//! A master's way to its workers: messages to words, orders to messages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use katydid_core::dispatch::Users;
use katydid_core::log::logs;
use katydid_wire::protocol::{Order, Orders, VERSION, Version, Word};
use katydid_wire::{Arrival, ConnectionError, Message, PeerId, Router, Value};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::event::Event;
use crate::run::{Node, Role};

/// How users are to run on the workers; goes with every assignment.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where requests go.
    pub host: Option<String>,
    /// Seconds that users get to finish their task when they are stopped.
    pub stop_timeout: f64,
    /// The command line's options by destination.
    pub options: Value,
}

/// What the host of a master has to know of its workers.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A worker speaks another version; it is let in, but the user should know.
    OtherVersion(String, String),
    /// A worker says no version, so it is of a generation that cannot be let in.
    Refused(String),
    /// Somebody was refused before it could say a word: from where, why, and how many so far.
    Stranger(String, String, u64),
    /// A heartbeat of a worker's was answered.
    HeartbeatSent(String),
    /// A worker's report as it came.
    Report(String, Value),
    /// The last lines a worker has logged.
    Logs(String, Vec<String>),
    /// A worker wants the scripts.
    Locustfile(String),
    /// A message between scripts.
    Custom(String, String, Value),
    /// Something that cannot be read.
    Unreadable(String, String),
}

/// Something for workers.
#[derive(Debug)]
pub enum Outgoing {
    /// The users a worker is to have.
    Assign(String, Users),
    /// Something for one worker.
    Order(String, Order),
    /// Something for all of them.
    Everyone(Order),
}

/// What the host shares with the task that serves the workers.
pub struct Desk {
    settings: Mutex<Arc<Orders>>,
    /// Whether the host wants to see every report.
    pub wants_reports: AtomicBool,
    /// Whether the host wants to know of every heartbeat.
    pub wants_heartbeats: AtomicBool,
    /// Takes what was heard; must not wait.
    pub hear: Box<dyn Fn(Heard) + Send + Sync>,
}

/// How the master calls itself in its messages.
const MASTER: &str = "master";

impl Desk {
    /// A desk of a host that takes what was heard, and wants neither reports nor heartbeats yet.
    pub fn new(hear: impl Fn(Heard) + Send + Sync + 'static) -> Self {
        let orders = Orders::new(None, 0.0, &Value::Map(Vec::new()), MASTER);
        Self {
            settings: Mutex::new(Arc::new(orders)),
            wants_reports: AtomicBool::new(false),
            wants_heartbeats: AtomicBool::new(false),
            hear: Box::new(hear),
        }
    }

    /// Goes with every assignment from now on.
    pub fn set(&self, settings: &Settings) {
        let Settings {
            host,
            stop_timeout,
            options,
        } = settings;
        let orders = Orders::new(host.as_deref(), *stop_timeout, options, MASTER);
        *self.settings.lock() = Arc::new(orders);
    }
}

/// Serves the workers until it is cancelled; then what is queued for them is still sent.
pub async fn serve(
    node: Arc<Node>,
    router: Router,
    outgoing: mpsc::UnboundedReceiver<Outgoing>,
    desk: Arc<Desk>,
    cancelled: CancellationToken,
) {
    let mut server = Server {
        node,
        router,
        desk,
        last: 0.0,
        strangers: Strangers::default(),
    };
    server.run(outgoing, cancelled).await;
    server.router.close().await;
}

struct Server {
    node: Arc<Node>,
    router: Router,
    desk: Arc<Desk>,
    /// The timestamp of the last assignment; the next one is later, whatever the clock does.
    last: f64,
    strangers: Strangers,
}

/// Those who were refused.
#[derive(Debug, Default)]
struct Strangers {
    count: u64,
    /// When the host was last told of one.
    told_at: Option<Instant>,
}

/// How often the host is told of strangers, so that a flood of them does not fill its log.
const TELL_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

impl Server {
    async fn run(
        &mut self,
        mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
        cancelled: CancellationToken,
    ) {
        loop {
            tokio::select! {
                biased;
                order = outgoing.recv() => match order {
                    Some(order) => self.send(order),
                    None => return,
                },
                () = cancelled.cancelled() => return,
                arrival = self.router.arrival() => match arrival {
                    Some(Arrival::Message(peer, payload)) => self.receive(&peer, &payload),
                    Some(Arrival::Joined(..)) => {}
                    Some(Arrival::Refused(address, error)) => self.refused(address, &error),
                    Some(Arrival::Left(peer, error)) => {
                        tracing::debug!(?peer, %error, "a connection ended");
                        if error.is_end_of_peer()
                            && let Ok(worker) = std::str::from_utf8(&peer.0)
                        {
                            self.node.send(Event::Unconnected(worker.to_owned()));
                        }
                    }
                    None => return,
                }
            }
        }
    }

    fn refused(&mut self, address: SocketAddr, error: &ConnectionError) {
        if matches!(error, ConnectionError::Closed) {
            // Somebody looked whether the port is open.
            return;
        }
        self.strangers.count += 1;
        self.node.send(Event::Stranger);
        let now = Instant::now();
        let is_quiet = |at: Instant| now - at >= TELL_EVERY;
        if self.strangers.told_at.is_none_or(is_quiet) {
            self.strangers.told_at = Some(now);
            let (address, why) = (address.ip().to_string(), error.to_string());
            (self.desk.hear)(Heard::Stranger(address, why, self.strangers.count));
        }
    }

    fn receive(&self, peer: &PeerId, payload: &[u8]) {
        let Ok(worker) = std::str::from_utf8(&peer.0).map(str::to_owned) else {
            return;
        };
        let registry = self.node.registry();
        let read = Message::decode(payload)
            .map_err(|error| error.to_string())
            .and_then(|message| {
                if message.kind == "stats" && self.desk.wants_reports.load(Ordering::Relaxed) {
                    let report = Heard::Report(worker.clone(), message.data.clone());
                    (self.desk.hear)(report);
                }
                Word::of(message, registry).map_err(|error| error.to_string())
            });
        match read {
            Ok(word) => self.hear(peer, worker, word),
            Err(error) => {
                let is_known = self.node.read(|role| match role {
                    Role::Master(master) => master.knows(&worker),
                    Role::Local(_) => false,
                });
                if is_known {
                    self.order(&worker, &Order::Reconnect);
                }
                (self.desk.hear)(Heard::Unreadable(worker, error));
            }
        }
    }

    fn hear(&self, peer: &PeerId, worker: String, word: Word) {
        let hear = &self.desk.hear;
        match word {
            Word::Ready(Version::Unsaid) => return hear(Heard::Refused(worker)),
            Word::Ready(ref version) => {
                self.router.accept(peer);
                if let Version::Of(version) = version
                    && version != VERSION
                {
                    hear(Heard::OtherVersion(worker.clone(), version.clone()));
                }
            }
            Word::Logs(lines) => {
                logs().add_of_worker(self.node.now().as_millis(), &worker, &lines);
                return hear(Heard::Logs(worker, lines));
            }
            Word::Locustfile => return hear(Heard::Locustfile(worker)),
            Word::Custom(kind, data) => return hear(Heard::Custom(worker, kind, data)),
            _ => {}
        }
        self.node.send(Event::Worker(worker, word));
    }

    fn send(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Assign(worker, users) => {
                let now = self.node.now().as_secs_f64();
                self.last = now.max(self.last.next_up());
                let orders = Arc::clone(&self.desk.settings.lock());
                self.dispatch(&worker, &orders.assign(self.last, &users));
            }
            Outgoing::Order(worker, order) => {
                self.order(&worker, &order);
                let desk = &self.desk;
                if order == Order::Heartbeat && desk.wants_heartbeats.load(Ordering::Relaxed) {
                    (desk.hear)(Heard::HeartbeatSent(worker));
                }
            }
            Outgoing::Everyone(order) => {
                let workers: Vec<_> = self.node.read(|role| match role {
                    Role::Master(master) => master.workers().map(|it| it.id.clone()).collect(),
                    Role::Local(_) => Vec::new(),
                });
                for worker in workers {
                    self.order(&worker, &order);
                }
            }
        }
    }

    fn order(&self, worker: &str, order: &Order) {
        self.dispatch(worker, &order.message(MASTER).encode());
    }

    fn dispatch(&self, worker: &str, payload: &[u8]) {
        let peer = PeerId(worker.as_bytes().to_vec().into());
        if let Err(error) = self.router.send(&peer, payload) {
            // Its silence will tell: the master waits for it, then places its users elsewhere.
            tracing::debug!(worker, %error, "could not send");
        }
    }
}
