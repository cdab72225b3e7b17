//! The I/O thread: sends what Python submits and counts what needs no verdict.
//!
//! It runs one tokio runtime and never takes the GIL. What it counts, it counts in its
//! own [`Recorder`]; samples that a script judged come to it through the same queue as
//! requests, so there is one recorder and no lock on it.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use katydid_core::recorder::BySecond;
use katydid_core::registry::{KeyId, Registry};
use katydid_core::sample::Sample;
use katydid_core::trip::Trip;
use katydid_core::units::Nanos;
use katydid_host::failure::Flavour;
use katydid_host::verdict::{judge, trip_of};
use katydid_host::{example, latency, vital};
use katydid_http::body::Body;
use katydid_http::timing::Stamp;
use katydid_http::upload::Pieces;
use katydid_http::{Client, Request};
use katydid_node::Event;
use katydid_node::run::Node;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, LocalSet};

use crate::door::{Door, Finished, Landed, Message};
use crate::tally::Tally;
use crate::tickets::Ticket;

/// What Python hands to the I/O thread.
pub(crate) enum Submission {
    Send(Box<Outgoing>),
    /// Read on in a body.
    Read(Reading),
    /// Take a piece of a request's body as soon as there is room.
    Feed(Feeding),
    /// Nobody waits for the request any more. It was sent, so it is counted all the same.
    Abandon(Ticket),
    Record(Sample, Option<Trip>),
    /// Hand over everything counted so far, then answer.
    Flush(mpsc::SyncSender<()>),
    /// Wait for the requests that nobody waits for any more, give up those that take too long,
    /// then flush and tell Python.
    Settle,
    Close,
}

/// A request, and how it is counted.
pub(crate) struct Outgoing {
    pub(crate) ticket: Ticket,
    pub(crate) client: Arc<Client>,
    pub(crate) request: Request,
    pub(crate) key: KeyId,
    /// Whose words a failure is told in.
    pub(crate) flavour: Flavour,
    /// Whether the verdict is Python's.
    pub(crate) judged: bool,
    /// Where it is handed back, if not at the hub's own door.
    pub(crate) door: Option<Arc<Door>>,
}

/// A body to read on in.
pub(crate) struct Reading {
    pub(crate) ticket: Ticket,
    pub(crate) body: Box<Body>,
    pub(crate) slot: Arc<Slot>,
    pub(crate) door: Option<Arc<Door>>,
}

/// Where a body is while nobody reads.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) body: Mutex<Option<Box<Body>>>,
    pub(crate) closed: AtomicBool,
}

/// A piece of a request's body.
pub(crate) struct Feeding {
    pub(crate) ticket: Ticket,
    pub(crate) piece: Bytes,
    pub(crate) pieces: Pieces,
    pub(crate) door: Option<Arc<Door>>,
}

/// A request that was sent.
struct Flight {
    task: AbortHandle,
    /// When the script asked; never for a part of a body.
    due: Stamp,
    stage: Rc<Cell<Stage>>,
}

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A greenlet waits for the answer.
    Awaited,
    /// Nobody does any more, and there is no answer yet.
    Abandoned,
    /// There is an answer.
    Done,
    /// It is part of a body, which is nothing that counts.
    Part,
}

/// How often idle connections are looked at, and how long they stay warm.
const COOLING: Duration = Duration::from_millis(250);
/// After how many looks at idle connections requests under way are counted.
const COUNTING: u32 = 4;
/// Requests taken up before answers get a turn. When a thousand users start at once, those
/// that wait for this thread are late, and the server is not blamed for it.
const TURN: usize = 16;
/// How long the end of a run waits for requests whose users are gone.
const SETTLING: Duration = Duration::from_secs(2);
/// Finished requests that ring even if the runtime finds no time to rest.
const BATCH: usize = 64;

/// The queue into the I/O thread.
pub(crate) struct Intake {
    queue: Mutex<Vec<Submission>>,
    /// Whether the thread was told since it last looked.
    told: AtomicBool,
    notify: Notify,
    clients: Mutex<Vec<Weak<Client>>>,
}

impl Intake {
    pub(crate) fn new() -> Self {
        Self {
            queue: Mutex::default(),
            told: AtomicBool::new(false),
            notify: Notify::new(),
            clients: Mutex::default(),
        }
    }

    /// Queues without waking; [`Self::wake`] must follow.
    pub(crate) fn push(&self, submission: Submission) -> usize {
        let mut queue = self.queue.lock();
        queue.push(submission);
        queue.len()
    }

    /// Wakes the thread if it has not been told of what is queued.
    pub(crate) fn wake(&self) {
        if !self.told.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    /// Queues and wakes.
    pub(crate) fn submit(&self, submission: Submission) {
        self.push(submission);
        self.wake();
    }

    /// Has the connections of a client freed of their buffers when it is idle.
    pub(crate) fn adopt(&self, client: &Arc<Client>) {
        self.clients.lock().push(Arc::downgrade(client));
    }

    fn cool(&self) {
        let now = Stamp::now();
        self.clients.lock().retain(|client| {
            let Some(client) = client.upgrade() else {
                return false;
            };
            client.cool(now, COOLING);
            true
        });
    }
}

/// Starts the thread.
pub(crate) fn start(
    tally: Arc<Tally>,
    door: Arc<Door>,
    intake: Arc<Intake>,
    registry: Arc<Registry>,
    node: Arc<Node>,
) -> io::Result<JoinHandle<()>> {
    let bell = Arc::clone(&door);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .on_thread_park(move || bell.ring_if_any())
        .build()?;
    vital::thread("katydid-io", move || {
        latency::favour();
        let worker = Rc::new(Worker {
            tally,
            door,
            intake,
            registry,
            node,
            recorder: RefCell::default(),
            flights: RefCell::default(),
            abandoned: Cell::new(0),
            landed: Notify::new(),
        });
        let local = LocalSet::new();
        local.block_on(&runtime, worker.run());
    })
}

struct Worker {
    tally: Arc<Tally>,
    door: Arc<Door>,
    intake: Arc<Intake>,
    registry: Arc<Registry>,
    node: Arc<Node>,
    recorder: RefCell<BySecond>,
    /// What was sent last from each ticket's place.
    flights: RefCell<Vec<Option<Flight>>>,
    /// Requests that nobody waits for and that have no answer yet.
    abandoned: Cell<usize>,
    /// Told when there are none.
    landed: Notify,
}

impl Worker {
    async fn run(self: Rc<Self>) {
        let mut batch = Vec::new();
        // Where a second ends, so that what is handed over then was counted in it.
        let first = tokio::time::Instant::now() + until_tick();
        let mut cooling = tokio::time::interval_at(first, COOLING);
        let mut ticks = 0_u32;
        cooling.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = self.intake.notify.notified() => {}
                _ = cooling.tick() => {
                    self.intake.cool();
                    self.hand_over();
                    ticks += 1;
                    if ticks.is_multiple_of(COUNTING) {
                        self.count_flights();
                    }
                }
            }
            self.intake.told.store(false, Ordering::Release);
            std::mem::swap(&mut batch, &mut *self.intake.queue.lock());
            let mut launched = 0_usize;
            for submission in batch.drain(..) {
                match submission {
                    Submission::Send(outgoing) => {
                        launched += 1;
                        if launched.is_multiple_of(TURN) {
                            tokio::task::yield_now().await;
                        }
                        self.launch(outgoing);
                    }
                    Submission::Read(reading) => {
                        let place = reading.ticket.place;
                        let work = Rc::clone(&self).read(reading);
                        self.take_off(place, Stamp::default(), Stage::Part, |_| work);
                    }
                    Submission::Feed(feeding) => {
                        let place = feeding.ticket.place;
                        let work = Rc::clone(&self).feed(feeding);
                        self.take_off(place, Stamp::default(), Stage::Part, |_| work);
                    }
                    Submission::Abandon(ticket) => self.abandon(ticket),
                    Submission::Record(sample, None) => {
                        self.recorder.borrow_mut().of(sample.at).record(&sample);
                    }
                    Submission::Record(sample, Some(trip)) => {
                        self.recorder
                            .borrow_mut()
                            .of(sample.at)
                            .record_trip(&sample, &trip);
                    }
                    Submission::Flush(answer) => {
                        self.hand_over();
                        // Whoever asked may have gone.
                        answer.send(()).ok();
                    }
                    Submission::Settle => {
                        tokio::task::spawn_local(Rc::clone(&self).settle());
                    }
                    Submission::Close => return,
                }
            }
        }
    }

    fn launch(self: &Rc<Self>, outgoing: Box<Outgoing>) {
        let (place, due) = (outgoing.ticket.place, outgoing.request.due);
        self.take_off(place, due, Stage::Awaited, |stage| {
            Rc::clone(self).exchange(outgoing, stage)
        });
    }

    fn take_off<F: Future<Output = ()> + 'static>(
        &self,
        place: u32,
        due: Stamp,
        stage: Stage,
        work: impl FnOnce(Rc<Cell<Stage>>) -> F,
    ) {
        let place = place as usize;
        let stage = Rc::new(Cell::new(stage));
        let task = tokio::task::spawn_local(work(Rc::clone(&stage))).abort_handle();
        let mut flights = self.flights.borrow_mut();
        if flights.len() <= place {
            flights.resize_with(place + 1, || None);
        }
        flights[place] = Some(Flight { task, due, stage });
    }

    fn abandon(&self, ticket: Ticket) {
        let flights = self.flights.borrow();
        let flight = flights.get(ticket.place as usize).and_then(Option::as_ref);
        match flight.map(|flight| (flight, flight.stage.get())) {
            Some((flight, Stage::Awaited)) => {
                flight.stage.set(Stage::Abandoned);
                self.abandoned.set(self.abandoned.get() + 1);
            }
            Some((flight, Stage::Part)) => flight.task.abort(),
            _ => {}
        }
    }

    /// Hands something back.
    fn leave(&self, door: Option<&Arc<Door>>, ticket: Ticket, what: Landed) {
        let finished = Finished { ticket, what };
        match door {
            None => {
                if self.door.leave(finished).is_multiple_of(BATCH) {
                    self.door.ring();
                }
            }
            Some(door) => {
                door.leave(finished);
                door.ring();
            }
        }
    }

    async fn read(self: Rc<Self>, reading: Reading) {
        let Reading {
            ticket,
            mut body,
            slot,
            door,
        } = reading;
        let piece = body.next().await;
        let mut place = slot.body.lock();
        if !slot.closed.load(Ordering::Relaxed) {
            *place = Some(body);
        }
        drop(place);
        self.leave(door.as_ref(), ticket, Landed::Piece(piece));
    }

    async fn feed(self: Rc<Self>, feeding: Feeding) {
        let taken = feeding.pieces.send(feeding.piece).await.is_ok();
        self.leave(feeding.door.as_ref(), feeding.ticket, Landed::Taken(taken));
    }

    /// Waits for the answers that nobody else waits for, so that they are counted, and tells
    /// Python how many did not come in time: these are not counted.
    async fn settle(self: Rc<Self>) {
        if self.abandoned.get() > 0 {
            let landed = self.landed.notified();
            tokio::time::timeout(SETTLING, landed).await.ok();
        }
        let given_up = self.abandoned.take();
        if given_up > 0 {
            for flight in self.flights.borrow().iter().flatten() {
                if flight.stage.get() == Stage::Abandoned {
                    flight.task.abort();
                }
            }
        }
        self.hand_over();
        self.door.ask(Message::Settled(given_up));
    }

    async fn exchange(self: Rc<Self>, outgoing: Box<Outgoing>, stage: Rc<Cell<Stage>>) {
        let Outgoing {
            ticket,
            client,
            request,
            key,
            flavour,
            judged,
            door,
        } = *outgoing;
        let exchange = Box::new(client.send(request).await);
        drop(client);
        let abandoned = stage.replace(Stage::Done) == Stage::Abandoned;
        let recorded = !judged || abandoned;
        if recorded {
            let sample = judge(&exchange, key, flavour, &self.registry);
            if let Some(error) = sample.error {
                example::keep(&self.registry, error, &exchange);
            }
            let trip = trip_of(&exchange);
            self.recorder
                .borrow_mut()
                .of(sample.at)
                .record_trip(&sample, &trip);
        }
        let landed = Landed::Exchange {
            exchange,
            key,
            flavour,
            recorded,
        };
        self.leave(door.as_ref(), ticket, landed);
        if abandoned {
            let left = self.abandoned.get() - 1;
            self.abandoned.set(left);
            if left == 0 {
                self.landed.notify_waiters();
            }
        }
    }

    /// Tells the node how many requests are under way, and for how long the oldest one has been.
    fn count_flights(&self) {
        let flights = self.flights.borrow();
        let under_way = flights.iter().flatten().filter(|flight| {
            let stage = flight.stage.get();
            matches!(stage, Stage::Awaited | Stage::Abandoned)
        });
        let (mut count, mut oldest) = (0, None);
        for flight in under_way {
            count += 1;
            oldest = Some(oldest.map_or(flight.due, |oldest| flight.due.min(oldest)));
        }
        let now = Stamp::now();
        let oldest = oldest.map(|due: Stamp| Duration::from_nanos(now.since(due)));
        self.node.send(Event::InFlight { count, oldest });
    }

    fn hand_over(&self) {
        for counted in self.recorder.borrow_mut().take() {
            self.node.send(Event::Samples(counted));
        }
        let now = Nanos::from_nanos(Stamp::now().epoch_nanos());
        for counted in self.tally.take(now.saturating_sub((COOLING / 2).into())) {
            self.node.send(Event::Samples(counted));
        }
    }
}

/// How long it is until the wall clock's next quarter of a second.
fn until_tick() -> Duration {
    let cooling = COOLING.as_nanos();
    let passed = u128::from(Stamp::now().epoch_nanos()) % cooling;
    Duration::from_nanos(u64::try_from(cooling - passed).unwrap_or(0))
}
