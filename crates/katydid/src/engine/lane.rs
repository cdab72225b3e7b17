//! A thread that runs users, and what they share: connections' settings, counts, names, the clock.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use http::HeaderMap;
use katydid_core::iteration::Iterations;
use katydid_core::recorder::BySecond;
use katydid_core::registry::{KeyId, Registry};
use katydid_core::sample::Sample;
use katydid_core::trip::Trip;
use katydid_core::units::Nanos;
use katydid_host::{latency, vital};
use katydid_http::timing::Stamp;
use katydid_http::{Client, Config, Exchange, Request};
use katydid_node::Event;
use katydid_node::run::Node;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::arrivals::{self, Part, Pool};
use super::base::Bases;
use super::control::{Control, Farewell, Phase};
use super::life::Kind;
use crate::outcome::chain;

/// How often what was counted is handed over, and how long idle connections stay warm.
const COOLING: Duration = Duration::from_millis(250);
/// Users started, or ended, before others get a turn.
const TURN: u32 = 64;
/// Names that are remembered here; those beyond are looked up where all are.
const REMEMBERED: usize = 20_000;

/// What all lanes share; a request touches none of it.
pub(crate) struct Shared {
    pub(crate) node: Arc<Node>,
    pub(crate) kinds: Vec<Arc<dyn Kind>>,
    pub(crate) config: Arc<Config>,
    pub(crate) headers: HeaderMap,
    /// The host that was given for this run, if one was.
    pub(crate) host: RwLock<Option<String>>,
    /// How many iterations a test may have, where their number is limited.
    pub(crate) iterations: Option<Limit>,
    pub(crate) next_id: AtomicU64,
    /// Takes what a user asks of the run.
    pub(crate) ask: Box<dyn Fn(Ask) + Send + Sync>,
    /// How this process is called where exceptions are told.
    pub(crate) name: String,
}

/// How many iterations a test may have.
pub(crate) struct Limit {
    all: u64,
    /// Those that may still begin.
    left: AtomicU64,
    /// Those that have not ended yet.
    unended: AtomicU64,
    /// Grows with each test.
    test: AtomicU64,
}

impl Limit {
    pub(crate) fn new(all: u64) -> Self {
        Self {
            all,
            left: AtomicU64::new(all),
            unended: AtomicU64::new(all),
            test: AtomicU64::new(0),
        }
    }

    /// Another test begins, with as many.
    pub(super) fn begin(&self) {
        self.test.fetch_add(1, Ordering::Relaxed);
        self.left.store(self.all, Ordering::Relaxed);
        self.unended.store(self.all, Ordering::Relaxed);
    }
}

/// An iteration that counts towards the limit of its test, if there is one; dropped when it has ended, however that was.
pub(crate) struct Turn(Option<(Arc<Shared>, u64)>);

impl Drop for Turn {
    fn drop(&mut self) {
        let Some((shared, test)) = &self.0 else {
            return;
        };
        // A test that has begun meanwhile counts its own.
        let limit = shared.iterations.as_ref();
        let limit = limit.filter(|limit| limit.test.load(Ordering::Relaxed) == *test);
        if limit.is_some_and(|limit| limit.unended.fetch_sub(1, Ordering::Relaxed) == 1) {
            (shared.ask)(Ask::IterationsDone);
        }
    }
}

/// What users ask of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A task has not dealt with an error.
    Tell(String),
    /// The test is to end.
    EndTest,
    /// All iterations that were wanted have ended.
    IterationsDone,
    /// A lane's part of a schedule is over, and all its iterations have ended.
    ScheduleOver,
}

/// What a lane tells without being asked.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Users by kind.
    pub(crate) users: Vec<AtomicU32>,
    pub(crate) in_flight: AtomicU32,
    /// Nanoseconds of the oldest request under way, as it was looked at last.
    pub(crate) oldest: AtomicU64,
    /// Requests whose users were ended before there was an answer.
    pub(crate) given_up: AtomicU64,
}

impl Told {
    /// How many users of all kinds there are.
    pub(crate) fn users(&self) -> u32 {
        let counts = self.users.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// What a lane is to do.
pub(crate) enum Order {
    Start {
        class: usize,
        count: u32,
        done: SendFarewell,
    },
    Stop {
        class: usize,
        count: u32,
        phase: Phase,
        farewell: SendFarewell,
    },
    /// All users are to end, in such a way.
    StopAll(Phase, SendFarewell),
    /// Those that are about to end are to do so in such a way.
    Hurry(Phase, SendFarewell),
    /// Iterations of these kinds are going to begin when they are due, and those of others when their users like.
    Rates(Vec<bool>),
    /// Iterations of a kind are due by this schedule from now on.
    Follow {
        class: usize,
        arrivals: crate::user::Arrivals,
        part: Part,
    },
    /// The test ends: nothing is due any more.
    EndRates,
    Pause,
    Resume,
    /// Another run begins, perhaps with another host.
    Begin,
    /// Hand over everything counted so far; dropping what comes with it is the answer.
    Flush(SendFarewell),
    Close,
}

/// Dropped when a lane has done something.
pub(crate) type SendFarewell = tokio::sync::oneshot::Sender<()>;

/// Whether users go on; closed while the test is paused.
#[derive(Debug)]
pub(crate) struct Gate(Cell<bool>);

impl Gate {
    pub(crate) fn is_open(&self) -> bool {
        self.0.get()
    }
}

/// Names under one method, and their numbers.
type Names = FxHashMap<Box<str>, KeyId>;

/// A thread that runs users, as they reach it.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    told: Arc<Told>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) headers: HeaderMap,
    pub(crate) rng: RefCell<fastrand::Rng>,
    pub(crate) bases: Bases,
    recorder: RefCell<BySecond>,
    names: RefCell<Vec<(Box<str>, Names)>>,
    flights: RefCell<Flights>,
    clients: RefCell<Vec<std::rc::Weak<Client>>>,
    users: RefCell<Users>,
    gate: Rc<Gate>,
    /// The time as it was looked at last.
    clock: Cell<Stamp>,
    is_closed: Cell<bool>,
    /// By kind, where iterations begin when they are due.
    pools: RefCell<Vec<Option<Rc<Pool>>>>,
    /// By kind, users that were started and have not come for their first iteration yet.
    starting: RefCell<Vec<u32>>,
}

/// Users by kind; those that were started last are stopped first.
#[derive(Default)]
struct Users {
    by_class: Vec<Vec<Rc<Control>>>,
}

/// Requests under way: when each was due.
#[derive(Default)]
struct Flights {
    due: Vec<Stamp>,
    /// Whom to wake when it takes too long, and after how many nanoseconds that is.
    limits: Vec<(u64, Option<Rc<Control>>)>,
    free: Vec<u32>,
}

/// A request under way; dropped when it is answered.
pub(crate) struct Flight<'a> {
    lane: &'a Lane,
    control: &'a Control,
    due: Stamp,
    limit: u64,
    place: u32,
    is_answered: bool,
}

impl Flight<'_> {
    /// It is answered, or has failed.
    pub(crate) fn land(mut self) {
        self.is_answered = true;
    }

    /// Whether it takes too long, by a clock that goes on four times a second.
    pub(crate) fn is_late(&self) -> bool {
        self.lane.clock.get().since(self.due) > self.limit
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut flights = self.lane.flights.borrow_mut();
        let place = self.place as usize;
        flights.due[place] = Stamp::default();
        flights.limits[place].1 = None;
        flights.free.push(self.place);
        self.control.answered();
        if !self.is_answered {
            self.lane.told.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Limits below this need a timer of their own.
pub(crate) const COARSE: Duration = Duration::from_secs(5);

impl Lane {
    /// Sends a request, and waits for the answer as long as `limit`.
    pub(crate) async fn send(
        &self,
        client: &Client,
        control: &Rc<Control>,
        mut request: Request,
        limit: Duration,
    ) -> Exchange {
        let flight = self.take_off(request.due, control, limit);
        let exchange = if limit < COARSE {
            request.timeouts.total = Some(limit);
            client.send(request).await
        } else {
            client
                .send_unless(request, limit, || flight.is_late())
                .await
        };
        flight.land();
        exchange
    }

    /// Notes that something was sent.
    pub(crate) fn take_off<'a>(
        &'a self,
        due: Stamp,
        control: &'a Rc<Control>,
        limit: Duration,
    ) -> Flight<'a> {
        control.sent();
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let waits = (limit, Some(Rc::clone(control)));
        let mut flights = self.flights.borrow_mut();
        let place = if let Some(place) = flights.free.pop() {
            flights.due[place as usize] = due;
            flights.limits[place as usize] = waits;
            place
        } else {
            flights.due.push(due);
            flights.limits.push(waits);
            u32::try_from(flights.due.len() - 1).expect("far fewer requests are under way")
        };
        Flight {
            lane: self,
            control,
            due,
            limit,
            place,
            is_answered: false,
        }
    }

    /// Lets the clock go on, and wakes those who have waited too long.
    fn keep_time(&self) {
        let now = Stamp::now();
        self.clock.set(now);
        let flights = self.flights.borrow();
        for (due, (limit, control)) in flights.due.iter().zip(&flights.limits) {
            if let Some(control) = control
                && now.since(*due) > *limit
            {
                control.wake();
            }
        }
    }

    /// The number of a name.
    pub(crate) fn key(&self, method: &str, name: &str) -> KeyId {
        let mut methods = self.names.borrow_mut();
        let place = methods.iter().position(|(known, _)| &**known == method);
        let place = place.unwrap_or_else(|| {
            methods.push((method.into(), FxHashMap::default()));
            methods.len() - 1
        });
        let names = &mut methods[place].1;
        if let Some(key) = names.get(name) {
            return *key;
        }
        let key = self.registry.key(method, name);
        if names.len() < REMEMBERED {
            names.insert(name.into(), key);
        }
        key
    }

    /// Counts a request.
    pub(crate) fn record(&self, sample: &Sample, trip: Option<&Trip>) {
        let mut recorders = self.recorder.borrow_mut();
        let recorder = recorders.of(sample.at);
        match trip {
            Some(trip) => recorder.record_trip(sample, trip),
            None => recorder.record(sample),
        }
    }

    /// Counts iterations that began, ended or the like at this time.
    pub(crate) fn count_iterations(&self, at: Nanos, count: impl FnOnce(&mut Iterations)) {
        count(self.recorder.borrow_mut().of(at).iterations());
    }

    /// A user has begun an iteration of its own accord.
    pub(crate) fn iteration_begins(&self, now: Stamp) {
        let at = Nanos::from_nanos(now.epoch_nanos());
        self.count_iterations(at, |counts| counts.begin(1, at));
    }

    /// A user has ended an iteration.
    pub(crate) fn iteration_ends(&self, now: Stamp) {
        let at = Nanos::from_nanos(now.epoch_nanos());
        self.count_iterations(at, |counts| counts.finish(1, at));
    }

    /// Where requests of users go: what was given for the run, or else what their kind says.
    pub(crate) fn host(&self, of_kind: Option<&str>) -> Option<String> {
        let given = self.shared.host.read().clone();
        given.or_else(|| of_kind.map(str::to_owned))
    }

    /// A client for a user that sends its first request.
    pub(crate) fn client(&self) -> Rc<Client> {
        let client = Rc::new(Client::new(Arc::clone(&self.shared.config)));
        self.clients.borrow_mut().push(Rc::downgrade(&client));
        client
    }

    /// Keeps an error that a task has not dealt with.
    pub(crate) fn exception(&self, error: &dyn Error) {
        let msg = chain(error);
        (self.shared.ask)(Ask::Tell(msg.clone()));
        self.shared.node.send(Event::Exception {
            node: self.shared.name.clone(),
            traceback: msg.clone(),
            msg,
        });
    }

    /// Has another iteration begin, if one may.
    pub(crate) fn take_iteration(&self) -> Option<Turn> {
        let Some(limit) = &self.shared.iterations else {
            return Some(Turn(None));
        };
        if limit.all == 0 {
            (self.shared.ask)(Ask::IterationsDone);
        }
        let taken = limit
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        taken.is_ok().then(|| {
            Turn(Some((
                Arc::clone(&self.shared),
                limit.test.load(Ordering::Relaxed),
            )))
        })
    }

    /// Whether all iterations that were wanted have begun.
    pub(super) fn has_run_out(&self) -> bool {
        let limit = self.shared.iterations.as_ref();
        limit.is_some_and(|limit| limit.left.load(Ordering::Relaxed) == 0)
    }

    pub(crate) fn end_test(&self) {
        (self.shared.ask)(Ask::EndTest);
    }

    /// The iterations of a kind, if they begin when they are due.
    pub(crate) fn pool_of(&self, class: usize) -> Option<Rc<Pool>> {
        self.pools.borrow()[class].clone()
    }

    fn each_pool(&self, mut act: impl FnMut(&Pool)) {
        for pool in self.pools.borrow().iter().flatten() {
            act(pool);
        }
    }

    pub(super) fn present_of(&self, class: usize) -> u32 {
        self.told.users[class].load(Ordering::Relaxed)
    }

    pub(super) fn starting_of(&self, class: usize) -> u32 {
        self.starting.borrow()[class]
    }

    /// Starts a user that the node has not asked for, because an iteration is due.
    pub(super) fn start_here(self: &Rc<Self>, class: usize) {
        self.start(class);
    }

    /// A user has come for its first iteration, or has ended without it.
    pub(super) fn has_come(&self, control: &Control) {
        if control.is_coming.replace(false) {
            let starting = &mut self.starting.borrow_mut()[control.class];
            *starting = starting.saturating_sub(1);
        }
    }

    pub(super) fn schedule_is_over(&self) {
        (self.shared.ask)(Ask::ScheduleOver);
    }

    fn hand_over(&self) {
        for counted in self.recorder.borrow_mut().take() {
            self.shared.node.send(Event::Samples(counted));
        }
        let flights = self.flights.borrow();
        let under_way = flights.due.len() - flights.free.len();
        let oldest = flights.due.iter().filter(|due| due.is_set()).min();
        let age = oldest.map_or(0, |due| Stamp::now().since(*due));
        let under_way = u32::try_from(under_way).unwrap_or(u32::MAX);
        self.told.in_flight.store(under_way, Ordering::Relaxed);
        self.told.oldest.store(age, Ordering::Relaxed);
    }

    fn cool(&self) {
        let now = Stamp::now();
        self.clients.borrow_mut().retain(|client| {
            let client = client.upgrade();
            if let Some(client) = &client {
                client.cool(now, COOLING);
            }
            client.is_some()
        });
    }

    fn each_user(&self, mut act: impl FnMut(&Control)) {
        for control in self.users.borrow().by_class.iter().flatten() {
            act(control);
        }
    }

    fn start(self: &Rc<Self>, class: usize) {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let control = Rc::new(Control::new(id, class, Rc::clone(&self.gate)));
        {
            let users = &mut self.users.borrow_mut().by_class[class];
            control.place.set(users.len());
            users.push(Rc::clone(&control));
        }
        self.told.users[class].fetch_add(1, Ordering::Relaxed);
        self.starting.borrow_mut()[class] += 1;
        let kind = Arc::clone(&self.shared.kinds[class]);
        let life = kind.live(Rc::clone(self), Rc::clone(&control));
        let ended = Ended {
            lane: Rc::clone(self),
            control,
            is_done: false,
        };
        tokio::task::spawn_local(async move {
            // All of it moves in here, and not only what is set below.
            let mut ended = ended;
            life.await;
            ended.is_done = true;
        });
    }

    /// Stops users of a kind, those that were started last first.
    fn stop(&self, class: usize, count: u32, phase: Phase, farewell: &Farewell) {
        let users = self.users.borrow();
        let running = users.by_class[class].iter().rev();
        let running = running.filter(|control| !control.is_leaving());
        for control in running.take(count as usize) {
            control.stop(phase, Rc::clone(farewell));
        }
    }

    /// All users there are, or those that were told to end.
    fn present(&self, leaving: bool) -> Vec<Rc<Control>> {
        let users = self.users.borrow();
        let all = users.by_class.iter().flatten();
        all.filter(|control| !leaving || control.is_leaving())
            .cloned()
            .collect()
    }
}

/// Takes a user off its lane's list when it has ended, also by a panic.
struct Ended {
    lane: Rc<Lane>,
    control: Rc<Control>,
    is_done: bool,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let class = self.control.class;
        self.lane.has_come(&self.control);
        let mut users = self.lane.users.borrow_mut();
        let users = &mut users.by_class[class];
        let place = self.control.place.get();
        users.swap_remove(place);
        if let Some(moved) = users.get(place) {
            moved.place.set(place);
        }
        self.lane.told.users[class].fetch_sub(1, Ordering::Relaxed);
        if !self.is_done && !self.lane.is_closed.get() {
            let text = "a task panicked; what it said stands where the log is";
            self.lane.exception(&io::Error::other(text));
        }
    }
}

/// A lane as the others reach it.
pub(crate) struct Handle {
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    pub(crate) told: Arc<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    /// Starts a lane's thread.
    pub(crate) fn start(shared: Arc<Shared>, number: usize) -> io::Result<Self> {
        let users = shared.kinds.iter().map(|_| AtomicU32::new(0)).collect();
        let told = Arc::new(Told {
            users,
            ..Told::default()
        });
        let (orders, taken) = mpsc::unbounded_channel();
        let telling = Arc::clone(&told);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(8)
            .build()?;
        let thread = vital::thread(format!("katydid-users-{number}"), move || {
            latency::favour();
            let by_class = shared.kinds.iter().map(|_| Vec::new()).collect();
            let lane = Rc::new(Lane {
                registry: Arc::clone(shared.node.registry()),
                headers: shared.headers.clone(),
                rng: RefCell::new(fastrand::Rng::new()),
                bases: Bases::default(),
                recorder: RefCell::default(),
                names: RefCell::default(),
                flights: RefCell::default(),
                clients: RefCell::default(),
                users: RefCell::new(Users { by_class }),
                gate: Rc::new(Gate(Cell::new(true))),
                clock: Cell::new(Stamp::now()),
                is_closed: Cell::new(false),
                pools: RefCell::new(shared.kinds.iter().map(|_| None).collect()),
                starting: RefCell::new(vec![0; shared.kinds.len()]),
                told: telling,
                shared,
            });
            LocalSet::new().block_on(&runtime, run(lane, taken));
        })?;
        Ok(Self {
            orders,
            told,
            thread: Some(thread),
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.orders.send(Order::Close).ok();
        if let Some(thread) = self.thread.take() {
            // A panic there was printed when it happened.
            drop(thread.join());
        }
    }
}

async fn run(lane: Rc<Lane>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut cooling = tokio::time::interval(COOLING);
    cooling.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            _ = cooling.tick() => {
                lane.keep_time();
                lane.cool();
                lane.hand_over();
                continue;
            }
        };
        match order {
            Some(Order::Start { class, count, done }) => {
                for started in 1..=count {
                    lane.start(class);
                    if started.is_multiple_of(TURN) {
                        tokio::task::yield_now().await;
                    }
                }
                drop(done);
            }
            Some(Order::Stop {
                class,
                count,
                phase,
                farewell,
            }) => lane.stop(class, count, phase, &Rc::new(farewell)),
            Some(Order::StopAll(phase, farewell)) => {
                end(lane.present(false), phase, farewell).await;
            }
            Some(Order::Hurry(phase, farewell)) => {
                end(lane.present(true), phase, farewell).await;
            }
            Some(Order::Rates(are_scheduled)) => {
                lane.each_pool(|pool| pool.close(&lane));
                for (class, is_scheduled) in are_scheduled.into_iter().enumerate() {
                    let pool = is_scheduled.then(Rc::<Pool>::default);
                    if let Some(pool) = &pool {
                        let (lane, pool) = (Rc::clone(&lane), Rc::clone(pool));
                        tokio::task::spawn_local(arrivals::run(lane, class, pool));
                    }
                    lane.pools.borrow_mut()[class] = pool;
                }
            }
            Some(Order::Follow {
                class,
                arrivals,
                part,
            }) => {
                if let Some(pool) = lane.pool_of(class) {
                    pool.follow(arrivals, &part);
                }
            }
            Some(Order::EndRates) => lane.each_pool(|pool| pool.close(&lane)),
            Some(Order::Pause) => {
                lane.gate.0.set(false);
                lane.each_pool(Pool::pause);
            }
            Some(Order::Resume) => {
                lane.gate.0.set(true);
                lane.each_pool(Pool::resume);
                lane.each_user(Control::wake);
            }
            Some(Order::Begin) => lane.bases.clear(),
            Some(Order::Flush(done)) => {
                lane.hand_over();
                drop(done);
            }
            Some(Order::Close) | None => {
                lane.is_closed.set(true);
                lane.hand_over();
                return;
            }
        }
    }
}

/// Has users end, without keeping the thread from everything else.
async fn end(users: Vec<Rc<Control>>, phase: Phase, farewell: SendFarewell) {
    let farewell = Rc::new(farewell);
    for (number, control) in users.into_iter().enumerate() {
        control.stop(phase, Rc::clone(&farewell));
        if number.is_multiple_of(TURN as usize) {
            tokio::task::yield_now().await;
        }
    }
}
