//! A worker's way to its master.
//!
//! It runs on a thread of its own, so a script that fills the CPU never looks dead. A master of
//! ours gets every report once, whatever happens to the connection: reports are kept until their
//! receipts are here, and sent again after a new connection.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use katydid_core::snapshot::{State, Vitals};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use katydid_wire::ConnectionError;
use katydid_wire::dealer::Event as DealerEvent;
use katydid_wire::example;
use katydid_wire::protocol::{EXAMPLES, Order, Stamps, VERSION, users_value, vitals_value};
use katydid_wire::report::{self, EXACT};
use katydid_wire::{Dealer, Message, Trust, Value};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::run::Node;

/// How a worker keeps in touch, by Locust's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timings {
    /// `HEARTBEAT_INTERVAL`.
    pub heartbeat: Duration,
    /// `WORKER_REPORT_INTERVAL`.
    pub report: Duration,
    /// `CONNECT_TIMEOUT`: how long an answer to the introduction is waited for.
    pub introduce: Duration,
    /// `MASTER_HEARTBEAT_TIMEOUT`: the silence after which the master is given up.
    pub silence: Duration,
    /// `HEARTBEAT_LIVENESS` intervals: the silence after which a master of ours gives us up.
    pub lease: Duration,
}

/// Where the master is and who we are.
#[derive(Clone, Debug)]
pub struct Address {
    /// The master's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our id.
    pub worker: String,
    /// Which masters we talk to.
    pub trust: Trust,
}

/// What the host of a worker asks of the link.
#[derive(Debug)]
pub enum Command {
    /// Say something to the master.
    Say(String, Value),
    /// Report now, with these keys besides; the answer to [`Told::Reporting`], too.
    Report(Vec<(Value, Value)>),
    /// Report what is left and answer when the master has it.
    Finish(oneshot::Sender<()>),
}

/// What a link tells its host.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The master knows us, by this index.
    Welcome(Option<u32>),
    /// The master has answered a heartbeat.
    Heartbeat,
    /// The master says something that is the host's to do.
    Order(Order),
    /// A report is due and the host wanted to add to it.
    Reporting,
    /// There is no connection, for this reason; the link goes on trying.
    Disconnected(String),
    /// The master and we cannot agree about the join secret, and never have.
    Refused(Refusal),
    /// The master was silent for so long, which is too long.
    Silent(Duration),
    /// The master does not hear of us, so it starts our users elsewhere: they must not run twice.
    CutOff,
}

/// What is wrong about the join secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The master has none, and we do.
    MasterHasNone,
    /// The master has one, and we do not.
    MasterWantsOne,
    /// They are not the same.
    Differs,
}

impl Refusal {
    fn of(error: &ConnectionError) -> Option<Self> {
        match error {
            ConnectionError::Unarmed => Some(Self::MasterHasNone),
            ConnectionError::Wanted => Some(Self::MasterWantsOne),
            ConnectionError::Mismatch(_) => Some(Self::Differs),
            _ => None,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MasterHasNone => "unarmed",
            Self::MasterWantsOne => "wanted",
            Self::Differs => "mismatch",
        }
    }
}

/// What the host shares with its link.
pub struct Desk {
    /// What the heartbeat says the worker is doing.
    pub state: Mutex<State>,
    /// Whether the host wants to add to reports.
    pub wants_reports: AtomicBool,
    /// Takes what the link tells; must not wait.
    pub tell: Box<dyn Fn(Told) + Send + Sync>,
}

/// Keeps in touch with a master until it is cancelled.
pub async fn follow(
    node: Arc<Node>,
    address: Address,
    timings: Timings,
    commands: mpsc::UnboundedReceiver<Command>,
    desk: Arc<Desk>,
    cancelled: CancellationToken,
) {
    node.follow();
    let now = Instant::now();
    let link = Link {
        dealer: connect(&address),
        node,
        address,
        timings,
        desk,
        is_known: false,
        index: None,
        sends_receipts: false,
        in_flight: VecDeque::new(),
        number: 0,
        receipt: None,
        is_due: None,
        finishing: None,
        introduce_at: now + timings.introduce,
        heard_at: now,
        beat_at: now,
        lease: Lease::None,
    };
    link.run(commands, cancelled).await;
}

/// Asks a master for its scripts and waits for the answer.
///
/// # Errors
///
/// A [`Refusal`] if the two cannot agree about the join secret.
pub async fn fetch_locustfile(address: &Address) -> Result<Value, Refusal> {
    let identity = address.worker.as_str();
    let mut dealer = connect(address);
    let version = Value::Map(vec![("version".into(), VERSION.into())]);
    let question = Message::new("locustfile", version, identity).encode();
    loop {
        // The link ends with the dealer, not before.
        let Some(event) = dealer.event().await else {
            return std::future::pending().await;
        };
        match event {
            DealerEvent::Connected => {
                dealer.send(&question);
            }
            DealerEvent::Message(payload) => {
                let order = Message::decode(&payload).ok().map(Order::of);
                if let Some(Ok(Order::Locustfile(data))) = order {
                    dealer.close(FAREWELL).await;
                    return Ok(data);
                }
            }
            DealerEvent::Disconnected(error) => {
                if let Some(refusal) = Refusal::of(&error) {
                    return Err(refusal);
                }
            }
        }
    }
}

struct Link {
    node: Arc<Node>,
    address: Address,
    timings: Timings,
    desk: Arc<Desk>,
    dealer: Dealer,
    /// Whether the master has welcomed us.
    is_known: bool,
    /// Which of the workers this is.
    index: Option<u32>,
    sends_receipts: bool,
    /// Reports without receipts, the oldest first: number and message.
    in_flight: VecDeque<(u64, Vec<u8>)>,
    number: u64,
    /// The last receipt, and when it came.
    receipt: Option<(u64, Nanos)>,
    /// A report to be sent when one before has its receipt.
    is_due: Option<Vec<(Value, Value)>>,
    finishing: Option<oneshot::Sender<()>>,
    /// When to introduce ourselves again.
    introduce_at: Instant,
    heard_at: Instant,
    /// When the last heartbeat was sent.
    beat_at: Instant,
    lease: Lease,
}

/// The right to run users, which the answer to a heartbeat renews.
///
/// A master of ours that does not hear of a worker starts its users on others. It waits for longer
/// than a lease lasts, counted from the sending of the heartbeat, so no user runs twice. A master
/// that is known to be dead starts nothing, and a stock one does not either.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lease {
    /// There is none: the users run until the master says otherwise.
    None,
    /// It ends at this time.
    Until(Instant),
    /// It has ended.
    Over,
}

/// Reports that may wait for their receipts; what is counted beyond goes into the next one.
const MOST_IN_FLIGHT: usize = 64;
/// So many workers report each second by itself, so that any stretch of a run is exact; what others count in the time of a
/// report belongs to its newest second. A master of thousands could not read more.
const MOST_BY_SECOND: u32 = 256;
/// How long what is queued at the end may take.
const FAREWELL: Duration = Duration::from_secs(2);

impl Link {
    async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        cancelled: CancellationToken,
    ) {
        let mut heartbeats = every(self.timings.heartbeat);
        let mut reports = every(self.timings.report);
        let mut ended = pin!(cancelled.cancelled());
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                () = &mut ended => break,
                event = self.dealer.event() => match event {
                    Some(DealerEvent::Connected) => self.connected(),
                    Some(DealerEvent::Message(payload)) => self.receive(&payload),
                    Some(DealerEvent::Disconnected(error)) => {
                        if error.is_end_of_peer() && self.lease != Lease::Over {
                            self.lease = Lease::None;
                        }
                        // Once welcome, we are so again when the master is back.
                        let refusal = Refusal::of(&error).filter(|_| !self.is_known);
                        let told = refusal.map_or_else(|| Told::Disconnected(error.to_string()), Told::Refused);
                        (self.desk.tell)(told);
                    }
                    None => break,
                },
                _ = heartbeats.tick() => self.beat(),
                () = lease_ends(self.lease) => {
                    self.lease = Lease::Over;
                    (self.desk.tell)(Told::CutOff);
                }
                _ = reports.tick(), if self.is_known => {
                    if self.desk.wants_reports.load(Ordering::Relaxed) {
                        (self.desk.tell)(Told::Reporting);
                    } else {
                        self.report(Vec::new());
                    }
                }
            }
        }
        self.dealer.close(FAREWELL).await;
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Say(kind, data) => self.say(kind, data),
            Command::Report(extras) => self.report(extras),
            Command::Finish(finished) => {
                self.finishing = Some(finished);
                self.report(Vec::new());
                self.finish_if_done();
            }
        }
    }

    fn say(&self, kind: impl Into<String>, data: impl Into<Value>) {
        let message = Message::new(kind, data, self.address.worker.as_str());
        if !self.dealer.send(&message.encode()) {
            tracing::debug!(kind = message.kind, "the queue to the master is full");
        }
    }

    fn connected(&mut self) {
        self.introduce();
        if self.sends_receipts && self.lease == Lease::None {
            self.lease = Lease::Until(Instant::now() + self.timings.lease);
        }
    }

    /// The master has answered a heartbeat, or welcomed us.
    fn heard(&mut self) {
        self.heard_at = Instant::now();
        if self.lease == Lease::Over {
            // It may have noticed nothing. As a worker that is ready we get users in any case.
            self.say("client_ready", VERSION);
        }
        if self.sends_receipts {
            self.lease = Lease::Until(self.beat_at + self.timings.lease);
        }
    }

    fn introduce(&mut self) {
        self.introduce_at = Instant::now() + self.timings.introduce;
        if !self.is_known {
            self.say("client_ready", VERSION);
        }
        // The connection they went out on is gone, perhaps with them.
        for (_, report) in &self.in_flight {
            self.dealer.send(report);
        }
    }

    fn beat(&mut self) {
        let now = Instant::now();
        if !self.is_known {
            if now >= self.introduce_at {
                self.introduce();
            }
            return;
        }
        if now - self.beat_at > self.timings.heartbeat * 2 {
            // It was we who were not there: the process was paused, or the machine slept.
            self.heard_at = now;
        }
        self.beat_at = now;
        // A master of ours knows how to wait, and no user runs meanwhile.
        let patience = self.timings.silence * if self.sends_receipts { 2 } else { 1 };
        if now - self.heard_at > patience {
            self.heard_at = now;
            (self.desk.tell)(Told::Silent(patience));
        }
        let (cpu, memory, vitals) = self.node.read(|role| {
            let run = role.run();
            let vitals = Vitals {
                in_flight: run.in_flight,
                oldest: run.oldest,
                files: run.files,
            };
            (run.cpu_percent, run.memory_bytes, vitals)
        });
        let state = self.desk.state.lock().as_str();
        let mut data = vec![
            ("state".into(), state.into()),
            ("current_cpu_usage".into(), cpu.into()),
            ("current_memory_usage".into(), memory.into()),
        ];
        // Stock masters get what stock workers say.
        if self.sends_receipts {
            data.push((EXACT.into(), vitals_value(&vitals)));
        }
        self.say("heartbeat", Value::Map(data));
    }

    fn receive(&mut self, payload: &[u8]) {
        let read = Message::decode(payload).map_err(|error| error.to_string());
        let read = read.and_then(|message| Order::of(message).map_err(|error| error.to_string()));
        let order = match read {
            Ok(order) => order,
            Err(error) => {
                (self.desk.tell)(Told::Disconnected(format!(
                    "the master sent something that cannot be read: {error}"
                )));
                return;
            }
        };
        match order {
            Order::Welcome {
                index,
                sends_receipts,
            } => {
                self.is_known = true;
                self.sends_receipts = sends_receipts;
                self.index = index.or(self.index);
                self.heard_at = Instant::now();
                if sends_receipts {
                    self.lease = Lease::Until(self.heard_at + self.timings.lease);
                }
                (self.desk.tell)(Told::Welcome(index));
            }
            Order::Heartbeat => {
                self.heard();
                (self.desk.tell)(Told::Heartbeat);
            }
            Order::Receipt(number) => {
                self.in_flight.retain(|(sent, _)| *sent != number);
                if let Some(extras) = self.is_due.take() {
                    self.report(extras);
                }
                self.finish_if_done();
            }
            Order::Reconnect => self.dealer = connect(&self.address),
            order => (self.desk.tell)(Told::Order(order)),
        }
    }

    fn report(&mut self, extras: Vec<(Value, Value)>) {
        if self.in_flight.len() >= MOST_IN_FLIGHT {
            self.is_due.get_or_insert_default().extend(extras);
            return;
        }
        let mut seconds = self.node.take_unsent();
        // A stock master, or a script that adds to reports, takes them as they come in Locust.
        let is_by_second = self.sends_receipts
            && self.index.is_some_and(|index| index < MOST_BY_SECOND)
            && !self.desk.wants_reports.load(Ordering::Relaxed);
        let mut newest = seconds.pop().unwrap_or_default();
        for earlier in seconds {
            if is_by_second {
                self.send_report(&earlier, Vec::new(), true);
            } else {
                newest.merge(&earlier);
            }
        }
        self.send_report(&newest, extras, false);
        if self.sends_receipts {
            self.send_examples();
        }
    }

    fn send_report(&mut self, stats: &Stats, extras: Vec<(Value, Value)>, has_more: bool) {
        self.number += 1;
        let mut data = report::encode(stats, self.node.registry());
        let users = self.node.read(|role| role.run().users_by_class.clone());
        let count: u32 = users.values().sum();
        data.push(("user_classes_count".into(), users_value(&users)));
        data.push(("user_count".into(), count.into()));
        let mut ours = vec![("number".into(), self.number.into())];
        if has_more {
            ours.push(("more".into(), true.into()));
        }
        if let Some((receipt, heard)) = self.receipt {
            let stamps = Stamps {
                receipt,
                heard,
                sent: self.node.now(),
            };
            ours.push(("stamps".into(), stamps.value()));
        }
        data.push((EXACT.into(), Value::Map(ours)));
        data.extend(extras);
        let message = Message::new("stats", Value::Map(data), self.address.worker.as_str());
        let payload = message.encode();
        self.dealer.send(&payload);
        if self.sends_receipts {
            self.in_flight.push_back((self.number, payload));
        }
    }

    /// Shows the master some requests that failed; what is lost on the way is missed by nobody.
    fn send_examples(&mut self) {
        let registry = self.node.registry();
        let examples = registry.faults().take_unsent();
        if !examples.is_empty() {
            let data = example::encode(&examples, registry);
            let message = Message::new(EXAMPLES, data, self.address.worker.as_str());
            self.dealer.send(&message.encode());
        }
    }

    /// Tells whoever waits for the end that the master has everything.
    fn finish_if_done(&mut self) {
        if self.in_flight.is_empty()
            && self.is_due.is_none()
            && let Some(finished) = self.finishing.take()
        {
            // Whoever waited may have given up.
            finished.send(()).ok();
        }
    }
}

fn connect(address: &Address) -> Dealer {
    let trust = address.trust.clone();
    Dealer::connect(
        &address.host,
        address.port,
        address.worker.as_bytes(),
        trust,
    )
}

async fn lease_ends(lease: Lease) {
    match lease {
        Lease::Until(at) => tokio::time::sleep_until(at).await,
        Lease::None | Lease::Over => std::future::pending().await,
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
