//! A run whose users are on other machines: one state, and one function that changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use katydid_core::crew::Member;
use katydid_core::dispatch::{Class, Dispatcher, Users};
use katydid_core::mark::Kind;
use katydid_core::registry::Registry;
use katydid_core::snapshot::{Loss, RunInfo, Snapshot, State, Worker};
use katydid_core::units::Micros;
use katydid_wire::protocol::{Order, Stamps, Version, Word};

use crate::book::{Book, Fleet};
use crate::checkpoint::{Checkpoint, Known, Reported};
use crate::clock::Clock;
use crate::crowd::Crowd;
use crate::event::{Action, Event, Notice, Now};
use crate::numbers::Numbers;

/// How the master judges silence and waits, by Locust's names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timings {
    /// `HEARTBEAT_INTERVAL`: how often a worker should be heard of.
    pub heartbeat_interval: Duration,
    /// `HEARTBEAT_LIVENESS`: how many intervals of silence are forgiven.
    pub liveness: u32,
    /// `HEARTBEAT_DEAD_INTERNAL`, its sign dropped: how many intervals after that a missing
    /// worker is forgotten.
    pub dead: u32,
    /// How long the counts of the workers are waited for at the end of a ramp.
    pub report_wait: Duration,
    /// `WORKER_REPORT_INTERVAL`: how late what was counted in a second may be here.
    pub report_interval: Duration,
}

/// How long the workers of a run that another process has begun may take to be heard of again:
/// their longest pause between two tries to connect, twice, and the time such a try may take.
const REJOIN: Duration = Duration::from_secs(10);
/// Reports are on their way for at most so long.
const TRAVEL: Duration = Duration::from_millis(500);

impl Default for Timings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(1),
            liveness: 3,
            dead: 60,
            report_wait: Duration::from_secs(1),
            report_interval: Duration::from_secs(3),
        }
    }
}

/// Workers that come and go within this time of each other have users placed once for all of
/// them: a placement tells every worker, so that one for each of many would take for ever.
const GATHER: Duration = Duration::from_millis(200);
/// So much longer for each worker.
const GATHER_EACH: Duration = Duration::from_micros(200);

/// The state of a run with workers.
#[derive(Debug)]
pub struct Master {
    pub(crate) book: Book,
    timings: Timings,
    workers: BTreeMap<String, Node>,
    /// The users of those that are heard of.
    crowd: Crowd,
    /// Every worker ever seen.
    seen: BTreeMap<String, Seen>,
    /// Workers whose coming was marked, and their going was not.
    marked: BTreeSet<String>,
    dispatcher: Option<Dispatcher>,
    ramp: Option<Ramp>,
    /// What the run was last asked to be, to be asked again when workers come or go.
    plan: Option<Plan>,
    /// Monotonic time at which users were last placed because a worker came or went.
    placed_at: Option<Duration>,
    /// Monotonic time at which they are to be placed next.
    place_at: Option<Duration>,
    /// Monotonic time at which the workers' silence is looked at next.
    watch_at: Duration,
    /// What all workers were told last, if it was to end: those that were away are told again.
    ending: Option<Order>,
    /// Set while the run of another process waits for the host.
    waits: Option<Waits>,
    journal: Journal,
}

/// A run that waits to be gone on with.
#[derive(Clone, Copy, Debug)]
struct Waits {
    /// When it is to end, in milliseconds since the Unix epoch.
    ends_ms: Option<u64>,
}

/// What is to be written down before workers may forget it.
#[derive(Debug, Default)]
struct Journal {
    /// Whether somebody writes checkpoints; receipts wait for them.
    is_kept: bool,
    /// Something changed since the last checkpoint.
    is_behind: bool,
    /// Receipts for what the next checkpoint has, and for what the last one has.
    next: Vec<(String, u64)>,
    last: Vec<(String, u64)>,
}

/// What must not be forgotten of a worker, however long it is away.
#[derive(Clone, Debug)]
struct Seen {
    index: u32,
    /// Its reports that were counted.
    reported: Numbers,
    clock: Clock,
}

impl Seen {
    /// Whether a report is one that was not counted yet.
    fn takes(&mut self, number: Option<u64>) -> bool {
        number.is_none_or(|number| self.reported.take(number))
    }
}

#[derive(Clone, Debug)]
struct Plan {
    users: u32,
    spawn_rate: f64,
    classes: Vec<Class>,
}

/// A worker, and for how long it has been silent.
#[derive(Debug)]
struct Node {
    seen: Worker,
    /// Intervals of silence.
    silent: u32,
    /// When its last report came, in milliseconds since the Unix epoch.
    reported_ms: u64,
    /// When its connection ended, if it has not been heard of since.
    left_ms: Option<u64>,
    /// Users it had at its last report.
    reported_users: u32,
    /// Requests per second of one of its users, by its last report.
    rate: f64,
    /// The lateness that 99 % of the requests of its last report stayed within, if there were any.
    lateness_p99: Option<Micros>,
    /// Whether it was said that its times are rounded.
    is_told_rounded: bool,
    /// It has not been heard of since this process took over the run.
    was_away: bool,
}

#[derive(Clone, Copy, Debug)]
enum Ramp {
    /// The next step is due at this time.
    Stepping(Duration),
    /// All orders are out; at this time, or when the counts agree, the ramp is over.
    Waiting(Duration),
}

impl Master {
    /// A master that has no workers yet.
    pub fn new(registry: Arc<Registry>, timings: Timings, now: Now) -> Self {
        Self {
            book: Book::new(registry, timings.report_interval + TRAVEL, now),
            timings,
            workers: BTreeMap::new(),
            crowd: Crowd::default(),
            seen: BTreeMap::new(),
            marked: BTreeSet::new(),
            dispatcher: None,
            ramp: None,
            plan: None,
            placed_at: None,
            place_at: None,
            watch_at: now.monotonic + timings.heartbeat_interval,
            ending: None,
            waits: None,
            journal: Journal::default(),
        }
    }

    /// A master that goes on with the run of another process once [`Event::GoOn`] comes.
    pub fn going_on(registry: Arc<Registry>, timings: Timings, from: Checkpoint, now: Now) -> Self {
        let mut master = Self::new(registry, timings, now);
        master.book.go_on(&from, REJOIN, now);
        master.watch_at = now.monotonic + REJOIN;
        master.waits = Some(Waits {
            ends_ms: from.ends_ms,
        });
        if from.state.is_active() {
            let placed = from.workers.iter();
            let placed = placed
                .map(|it| (it.id.clone(), it.wanted.clone()))
                .collect();
            master.dispatcher = Some(Dispatcher::with_users(&placed, &from.classes));
            master.plan = Some(Plan {
                users: from.users,
                spawn_rate: from.spawn_rate,
                classes: from.classes,
            });
        } else {
            master.ending = Some(Order::Stop);
        }
        let seen = from.seen.into_iter().map(|seen| {
            let Reported {
                id,
                index,
                reported,
            } = seen;
            let clock = Clock::default();
            (
                id,
                Seen {
                    index,
                    reported,
                    clock,
                },
            )
        });
        master.seen = seen.collect();
        for known in from.workers {
            let index = master.seen.get(&known.id).map_or(0, |seen| seen.index);
            let mut node = Node::new(known.id.clone(), index, now);
            node.seen.state = State::Running;
            node.seen.users = known.users.values().sum();
            master.crowd.join(&known.users);
            node.seen.users_by_class = known.users;
            node.was_away = true;
            master.workers.insert(known.id, node);
        }
        master.count_users(now);
        master
    }

    /// Has reports get their receipts only after [`Event::Saved`].
    pub fn keep_journal(&mut self) {
        self.journal.is_kept = true;
        self.journal.is_behind = true;
    }

    /// What is to be written down, if something changed since the last time and that was.
    pub fn take_checkpoint(&mut self, now: Now) -> Option<Checkpoint> {
        let journal = &mut self.journal;
        if !journal.is_kept || !journal.last.is_empty() || !std::mem::take(&mut journal.is_behind) {
            return None;
        }
        journal.last = std::mem::take(&mut journal.next);
        let mut wanted = match &self.dispatcher {
            Some(dispatcher) => dispatcher.distribution(),
            None => BTreeMap::new(),
        };
        let known = |node: &Node| Known {
            id: node.seen.id.clone(),
            users: node.seen.users_by_class.clone(),
            wanted: wanted.remove(&node.seen.id).unwrap_or_default(),
        };
        // One that is missing is welcomed anew if it comes back.
        let heard = self.workers.values().filter(|node| node.is_heard_of());
        let workers = heard.map(known).collect();
        let run = &self.book.run;
        Some(Checkpoint {
            state: run.state,
            host: run.host.clone(),
            started_ms: run.started_ms.unwrap_or_default(),
            run_time: run.run_time,
            ends_ms: match self.waits {
                Some(waits) => waits.ends_ms,
                None => self.book.ends_ms(now),
            },
            users: run.target_users,
            spawn_rate: run.spawn_rate,
            classes: self
                .plan
                .as_ref()
                .map_or_else(Vec::new, |plan| plan.classes.clone()),
            workers,
            seen: self
                .seen
                .iter()
                .map(|(id, seen)| Reported {
                    id: id.clone(),
                    index: seen.index,
                    reported: seen.reported.clone(),
                })
                .collect(),
            stats: Arc::clone(&self.book.stats),
            seconds: self.book.record.unwritten(),
            series: Arc::clone(self.book.series()),
            exceptions: Arc::clone(self.book.exceptions.all()),
            lost: Arc::clone(self.book.losses.all()),
        })
    }

    /// State and settings of the run.
    pub fn run(&self) -> &RunInfo {
        &self.book.run
    }

    /// The workers, in the order of their ids.
    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.workers.values().map(|node| &node.seen)
    }

    /// Whether a worker is one of this master's.
    pub fn knows(&self, worker: &str) -> bool {
        self.workers.contains_key(worker)
    }

    /// Takes in what happened and says what is to be done, in this order.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let mut actions = Vec::new();
        self.journal.is_behind |= !matches!(
            event,
            Event::Tick
                | Event::Saved
                | Event::Load { .. }
                | Event::Worker(
                    _,
                    Word::Heartbeat { .. } | Word::Logs(_) | Word::Examples(_) | Word::Custom(..)
                )
        );
        match event {
            Event::Start {
                users,
                spawn_rate,
                classes,
                run_time,
                host,
            } => {
                let plan = Plan {
                    users,
                    spawn_rate,
                    classes,
                };
                self.start(plan, host, run_time, now, &mut actions);
            }
            Event::Rebalance => {
                if let Some(dispatcher) = &mut self.dispatcher {
                    dispatcher.rebalance();
                }
            }
            Event::Rate(asked) => self.book.set_rate(asked, now),
            Event::RunTime(run_time) => self.book.set_run_time(run_time, now),
            // Users and requests of its own a master has none.
            Event::Spawned { .. } | Event::InFlight { .. } => {}
            Event::Stopping => self.stopping(&Order::Stop, now, &mut actions),
            Event::Quitting => self.stopping(&Order::Quit, now, &mut actions),
            Event::Stopped => self.stopped(now),
            Event::State(state) => self.book.set_state(state),
            Event::Samples(delta) => self.book.count(&delta, now),
            Event::Unconnected(worker) => {
                if let Some(node) = self.workers.get_mut(&worker) {
                    node.left_ms = Some(now.millis());
                    if !node.is_heard_of() {
                        self.look_for_workers(&mut actions);
                    }
                }
            }
            Event::Stranger => self.book.run.refused_connections += 1,
            Event::Exception {
                node,
                msg,
                traceback,
            } => self.book.exceptions.add(node, msg, traceback),
            Event::ClearStats => self.book.clear_stats(now),
            Event::ResetStats => self.book.reset_stats(now),
            Event::ResetEntry(key) => self.book.reset_entry(key, now),
            Event::Load {
                cpu_percent,
                memory_bytes,
                files,
            } => {
                self.book.set_load(cpu_percent, memory_bytes);
                self.book.run.files = files;
            }
            Event::Mark { kind, text, by } => self.book.mark_by(kind, text, by, now),
            Event::Thresholds(wanted) => self.book.set_thresholds(wanted, now),
            Event::Author(by) => self.book.author = by,
            Event::Worker(worker, word) => self.heard(worker, word, now, &mut actions),
            Event::GoOn => self.go_on(now, &mut actions),
            Event::Saved => {
                let written = std::mem::take(&mut self.journal.last);
                for (worker, number) in written {
                    self.receipt(worker, number, now, &mut actions);
                }
            }
            Event::Tick => self.tick(now, &mut actions),
        }
        if self.book.take_publish() {
            actions.push(Action::Publish);
        }
        actions
    }

    /// Monotonic time at which the next [`Event::Tick`] is needed.
    pub fn deadline(&self) -> Option<Duration> {
        let ramp = match self.ramp {
            Some(Ramp::Stepping(at) | Ramp::Waiting(at)) => at,
            None => Duration::MAX,
        };
        let place = self.place_at.unwrap_or(Duration::MAX);
        Some(self.book.deadline().min(self.watch_at).min(ramp).min(place))
    }

    /// A picture of the run as it is now.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let mut workers: Vec<_> = self.workers().cloned().collect();
        workers.sort_by_key(|worker| worker.index);
        for worker in &mut workers {
            let node = self.workers.get(&worker.id);
            worker.requests_per_second = node.map_or(0.0, |node| node.rate_now(now));
        }
        Snapshot {
            workers: Some(Arc::new(workers)),
            ..self.book.snapshot(now)
        }
    }

    fn start(
        &mut self,
        plan: Plan,
        host: Option<String>,
        run_time: Option<Duration>,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let is_new = !self.book.run.state.is_active();
        if is_new {
            self.book.begin(now);
            self.dispatcher = None;
            self.ramp = None;
            self.ending = None;
        }
        self.book
            .mark_load(plan.users, plan.spawn_rate, is_new, now);
        self.book.run.host = host;
        self.book.run.target_users = plan.users;
        self.book.run.spawn_rate = plan.spawn_rate;
        if run_time.is_some() {
            self.book.set_run_time(run_time, now);
        }
        self.plan = Some(plan);
        self.place(now, actions);
    }

    /// Sets out for the plan because the workers are not those that they were: at once, or a
    /// little later if that was done just now.
    fn place_anew(&mut self, now: Now, actions: &mut Vec<Action>) {
        let workers = u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
        let pause = GATHER + GATHER_EACH.saturating_mul(workers);
        let earliest = self.placed_at.map_or(Duration::ZERO, |at| at + pause);
        if now.monotonic < earliest {
            self.place_at = Some(earliest);
            return;
        }
        self.placed_at = Some(now.monotonic);
        self.place(now, actions);
    }

    /// Sets out for the plan from where the workers are now.
    fn place(&mut self, now: Now, actions: &mut Vec<Action>) {
        self.place_at = None;
        let Some(plan) = &self.plan else {
            return;
        };
        let names = self.workers.values().filter(|node| node.is_heard_of());
        let names: Vec<_> = names.map(|node| node.seen.id.clone()).collect();
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let dispatcher = self
            .dispatcher
            .get_or_insert_with(|| Dispatcher::new(names, &plan.classes));
        if let Err(error) = dispatcher.start(plan.users, plan.spawn_rate, Some(&plan.classes)) {
            tracing::warn!(%error, "the number of users stays as it is");
            return;
        }
        actions.push(Action::Notice(Notice::Placing(
            plan.users,
            plan.spawn_rate,
            count,
        )));
        self.book.set_state(State::Spawning);
        self.step(now, actions);
    }

    fn step(&mut self, now: Now, actions: &mut Vec<Action>) {
        let Some(step) = self.dispatcher.as_mut().and_then(Dispatcher::step) else {
            return;
        };
        for (worker, users) in step.users {
            actions.push(Action::Assign(worker, users));
        }
        self.ramp = Some(match step.pause {
            Some(pause) => Ramp::Stepping(now.monotonic.saturating_add(pause)),
            None => Ramp::Waiting(now.monotonic + self.timings.report_wait),
        });
        self.end_ramp(now, actions);
    }

    /// Ends the ramp once the workers have what they were told to have, or had time enough.
    fn end_ramp(&mut self, now: Now, actions: &mut Vec<Action>) {
        let Some(Ramp::Waiting(until)) = self.ramp else {
            return;
        };
        let wanted = self.dispatcher.as_ref().map_or(0, Dispatcher::user_count);
        if self.book.run.users != wanted && now.monotonic < until {
            return;
        }
        self.ramp = None;
        self.book.set_state(State::Running);
        let running = self.book.run.users;
        let text = if running == wanted {
            format!("all {wanted} users are there")
        } else {
            format!("{running} of {wanted} users are there")
        };
        self.book.mark(Kind::Reached, text, now);
        self.broadcast(&Order::SpawningComplete(wanted), actions);
        actions.push(Action::SpawningComplete { users: wanted });
    }

    /// Takes up a run that another process has begun.
    fn go_on(&mut self, now: Now, actions: &mut Vec<Action>) {
        let Some(Waits { ends_ms }) = self.waits.take() else {
            return;
        };
        if let Some(ends_ms) = ends_ms {
            self.book.ends_at(ends_ms, now);
        }
        self.place(now, actions);
    }

    /// A worker of a run that another process has begun is heard of: what it may have missed.
    fn remind(&mut self, worker: &str, actions: &mut Vec<Action>) {
        if self.waits.is_some() {
            return;
        }
        let known = self.workers.get_mut(worker);
        if !known.is_some_and(|node| std::mem::take(&mut node.was_away)) {
            return;
        }
        if let Some(order) = &self.ending {
            actions.push(Action::Order(worker.to_owned(), order.clone()));
        } else if let Some(dispatcher) = &self.dispatcher
            && let Some(users) = dispatcher.users_of(worker)
        {
            actions.push(Action::Assign(worker.to_owned(), users));
        }
    }

    fn stopping(&mut self, order: &Order, now: Now, actions: &mut Vec<Action>) {
        self.ending = Some(order.clone());
        self.forget_plan();
        // A test that is over stays so, also when the workers are sent home: another process must not go on with it.
        if !matches!(self.book.run.state, State::Ready | State::Stopped) {
            self.book.stopping(now);
        }
        self.broadcast(order, actions);
    }

    fn stopped(&mut self, now: Now) {
        self.forget_plan();
        self.book.end(now);
        self.book.settle(now);
    }

    fn forget_plan(&mut self) {
        self.plan = None;
        self.place_at = None;
        self.ramp = None;
        self.dispatcher = None;
    }

    fn broadcast(&self, order: &Order, actions: &mut Vec<Action>) {
        let names = self.workers.keys();
        actions.extend(names.map(|name| Action::Order(name.clone(), order.clone())));
    }

    fn heard(&mut self, worker: String, word: Word, now: Now, actions: &mut Vec<Action>) {
        if let Some(node) = self.workers.get_mut(&worker) {
            node.left_ms = None;
        }
        self.remind(&worker, actions);
        match word {
            Word::Ready(version) => {
                self.welcome(worker.clone(), now, actions);
                if let (Some(node), Version::Of(version)) = (self.workers.get_mut(&worker), version)
                {
                    node.seen.version = Some(version);
                }
            }
            Word::Quit | Word::Stopped => {
                let is_end = matches!(word, Word::Quit);
                self.leave(&worker, is_end, now, actions);
            }
            Word::Report {
                mut stats,
                users,
                is_exact,
                number,
                stamps,
            } => {
                stats.shift(self.set_right(&worker, stamps, now, actions));
                let seen = self.seen.get_mut(&worker);
                if seen.is_none_or(|seen| seen.takes(number)) {
                    self.book.count_of(&worker, &stats, now);
                    if let Some(node) = self.workers.get_mut(&worker) {
                        node.seen.is_exact = is_exact;
                        let is_rounded = !is_exact && stats.total().requests > 0;
                        if is_rounded && !std::mem::replace(&mut node.is_told_rounded, is_rounded) {
                            actions.push(Action::Notice(Notice::Rounded(worker.clone())));
                        }
                        node.reports(stats.total().requests, now);
                        let lateness = &stats.total().histograms.lateness;
                        let [p99] = lateness.values_at([0.99]);
                        node.lateness_p99 = (!lateness.is_empty()).then_some(p99);
                    }
                    let has_gap = |seen: &Seen| seen.reported.has_gap();
                    let is_whole = !self.seen.get(&worker).is_some_and(has_gap);
                    if is_whole && self.book.losses.strike(&worker) {
                        let text = format!("all that worker {worker} counted is here");
                        self.book.mark(Kind::Worker, text, now);
                        actions.push(Action::Notice(Notice::NothingLost(worker.clone())));
                    }
                }
                self.set_users(&worker, users, now, actions);
                if let Some(number) = number {
                    if self.journal.is_kept {
                        self.journal.next.push((worker, number));
                    } else {
                        self.receipt(worker, number, now, actions);
                    }
                }
            }
            Word::Heartbeat {
                state,
                cpu_percent,
                memory_bytes,
                vitals,
            } => {
                let Some(node) = self.workers.get_mut(&worker) else {
                    // Away for so long that it was forgotten. A stock worker says by itself that it
                    // is ready, but only when it is started.
                    if self
                        .seen
                        .get(&worker)
                        .is_some_and(|seen| !seen.reported.is_empty())
                    {
                        self.welcome(worker, now, actions);
                    }
                    return;
                };
                let was_missing = !node.is_heard_of();
                node.silent = 0;
                node.seen.state = state;
                node.seen.cpu_percent = cpu_percent;
                node.seen.vitals = vitals;
                node.seen.heard_ms = now.millis();
                node.seen.memory_bytes = memory_bytes.unwrap_or(node.seen.memory_bytes);
                actions.push(Action::Order(worker.clone(), Order::Heartbeat));
                if was_missing {
                    self.come_back(worker, now, actions);
                }
            }
            Word::Spawning | Word::SpawningComplete(_) if !self.knows(&worker) => {
                // It still has users of a run that this master knows nothing of.
                actions.push(Action::Order(worker, Order::Quit));
            }
            Word::Exception { msg, traceback } => {
                self.book.exceptions.add(worker, msg, traceback);
            }
            Word::Examples(examples) => self.book.add_examples(&worker, examples),
            // These are between the host and its scripts.
            Word::Logs(_) | Word::Locustfile | Word::Custom(..) => {}
            Word::Spawning => self.set_state(worker, State::Spawning, now, actions),
            Word::SpawningComplete(users) => {
                self.set_state(worker.clone(), State::Running, now, actions);
                self.set_users(&worker, users, now, actions);
            }
        }
    }

    fn receipt(&mut self, worker: String, number: u64, now: Now, actions: &mut Vec<Action>) {
        if let Some(seen) = self.seen.get_mut(&worker) {
            seen.clock.sends(number, now);
        }
        actions.push(Action::Order(worker, Order::Receipt(number)));
    }

    /// Learns what a report tells of a worker's clock; the seconds that bring its times to ours.
    fn set_right(
        &mut self,
        worker: &str,
        stamps: Option<Stamps>,
        now: Now,
        actions: &mut Vec<Action>,
    ) -> i64 {
        let Some(seen) = self.seen.get_mut(worker) else {
            return 0;
        };
        if let Some(stamps) = stamps {
            seen.clock.hears(&stamps, now);
        }
        if let Some(node) = self.workers.get_mut(worker) {
            node.seen.clock_ahead_ms = seen.clock.ahead_ms();
        }
        if let Some(ahead_ms) = seen.clock.news() {
            let seconds = ahead_ms as f64 / 1e3;
            let text =
                format!("the clock of worker {worker} is {seconds:+.1} s from this machine's");
            self.book.mark(Kind::Worker, text, now);
            actions.push(Action::Notice(Notice::ClockOff(
                worker.to_owned(),
                ahead_ms,
            )));
        }
        seen.clock.correction()
    }

    fn welcome(&mut self, worker: String, now: Now, actions: &mut Vec<Action>) {
        let next = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        let new = Seen {
            index: next,
            reported: Numbers::default(),
            clock: Clock::default(),
        };
        let index = self.seen.entry(worker.clone()).or_insert(new).index;
        let was_known = self.workers.contains_key(&worker);
        let node = Node::new(worker.clone(), index, now);
        if let Some(before) = self.workers.insert(worker.clone(), node) {
            self.crowd.leave(&before.seen.users_by_class);
            self.count_users(now);
        }
        let welcome = Order::Welcome {
            index: Some(index),
            sends_receipts: true,
        };
        actions.push(Action::Order(worker.clone(), welcome));
        actions.push(Action::Notice(Notice::WorkerReady {
            worker: worker.clone(),
            index,
            workers: u32::try_from(self.workers.len()).unwrap_or(u32::MAX),
        }));
        // After each run a worker leaves and is ready again, which is nothing to tell of.
        if self.marked.insert(worker.clone()) {
            let text = format!("worker {worker} joined");
            self.book.mark(Kind::Worker, text, now);
        }
        self.book.touch(now);
        if was_known && let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.lose_worker(&worker);
        }
        self.join(worker, now, actions);
    }

    /// A worker takes its share of the users there are, if there is a test.
    fn join(&mut self, worker: String, now: Now, actions: &mut Vec<Action>) {
        if !self.book.run.state.is_active() {
            return;
        }
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.add_worker(worker);
        }
        self.place_anew(now, actions);
    }

    /// A worker is gone for good, or until it is ready again.
    fn leave(&mut self, worker: &str, is_end: bool, now: Now, actions: &mut Vec<Action>) {
        let Some(node) = self.workers.remove(worker) else {
            return;
        };
        if is_end {
            self.marked.remove(worker);
            let text = format!("worker {worker} left, with {} users", node.seen.users);
            self.book.mark(Kind::Worker, text, now);
            let left = u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
            actions.push(Action::Notice(Notice::WorkerQuit(worker.to_owned(), left)));
        }
        self.crowd.leave(&node.seen.users_by_class);
        self.count_users(now);
        self.replace(worker, node.is_heard_of(), now, actions);
    }

    /// Has the users of a worker that is gone started on the others.
    fn replace(&mut self, worker: &str, had_users: bool, now: Now, actions: &mut Vec<Action>) {
        if let Some(dispatcher) = &mut self.dispatcher
            && had_users
        {
            dispatcher.lose_worker(worker);
            if self.workers.values().any(Node::is_heard_of) {
                self.place_anew(now, actions);
            }
        }
        self.look_for_workers(actions);
    }

    /// Says if there is no worker left for the test, nor one that may come back: where all are
    /// silent at once, it may be this process's own link that is cut.
    fn look_for_workers(&self, actions: &mut Vec<Action>) {
        let may_come = |node: &Node| node.is_heard_of() || node.left_ms.is_none();
        if self.book.run.state.is_active() && !self.workers.values().any(may_come) {
            actions.push(Action::Notice(Notice::NoWorkersLeft));
        }
    }

    fn set_state(&mut self, worker: String, state: State, now: Now, actions: &mut Vec<Action>) {
        let Some(node) = self.workers.get_mut(&worker) else {
            return;
        };
        let was_missing = !node.is_heard_of();
        node.seen.state = state;
        self.book.touch(now);
        if was_missing {
            self.come_back(worker, now, actions);
        }
    }

    /// A worker that was missing is heard of again.
    fn come_back(&mut self, worker: String, now: Now, actions: &mut Vec<Action>) {
        self.marked.insert(worker.clone());
        let text = format!("worker {worker} is heard of again");
        self.book.mark(Kind::Worker, text, now);
        actions.push(Action::Notice(Notice::WorkerBack(worker.clone())));
        self.join(worker, now, actions);
    }

    fn set_users(&mut self, worker: &str, users: Users, now: Now, actions: &mut Vec<Action>) {
        let known = self.workers.get_mut(worker);
        // What a missing worker runs is not counted until it is placed again.
        let Some(node) = known.filter(|node| node.is_heard_of()) else {
            return;
        };
        if node.seen.users_by_class != users {
            node.seen.users = users.values().fold(0, |sum, &n| sum.saturating_add(n));
            self.crowd.join(&users);
            let before = std::mem::replace(&mut node.seen.users_by_class, users);
            self.crowd.leave(&before);
            self.count_users(now);
        }
        self.end_ramp(now, actions);
    }

    /// Notes the users of all workers that are heard of.
    fn count_users(&mut self, now: Now) {
        self.book.run.users_by_class = self.crowd.users();
        self.book.run.users = self.crowd.count();
        if self.book.run.rate.is_some() {
            // The workers have as many as it takes.
            self.book.run.target_users = self.book.run.users;
        }
        self.book.touch(now);
    }

    fn tick(&mut self, now: Now, actions: &mut Vec<Action>) {
        let workers = &self.workers;
        if self.book.tick(now, || Some(fleet_of(workers, now))) {
            actions.push(Action::RunTimeReached);
        }
        if self.place_at.is_some_and(|at| at <= now.monotonic) {
            self.place_at = None;
            // Where there is none left, the next one that comes is given users.
            if self.workers.values().any(Node::is_heard_of) {
                self.place_anew(now, actions);
            }
        }
        match self.ramp {
            Some(Ramp::Stepping(at)) if at <= now.monotonic => self.step(now, actions),
            Some(Ramp::Waiting(_)) => self.end_ramp(now, actions),
            _ => {}
        }
        if self.watch_at <= now.monotonic {
            self.watch_at = now.monotonic + self.timings.heartbeat_interval;
            self.watch(now, actions);
        }
    }

    /// Requests per second of a user, the most that a worker has told.
    fn rate_per_user(&self) -> f64 {
        let rates = self.workers.values().map(|node| node.rate);
        rates.fold(0.0, f64::max)
    }

    /// Looks at the workers' silence, once in each heartbeat interval.
    fn watch(&mut self, now: Now, actions: &mut Vec<Action>) {
        let mut missing = Vec::new();
        let per_user = self.rate_per_user();
        for node in self.workers.values_mut() {
            node.silent += 1;
            if node.is_heard_of() && node.silent > self.timings.liveness {
                let lost = node.lost(per_user, now);
                let users = std::mem::take(&mut node.seen.users);
                self.crowd.leave(&node.seen.users_by_class);
                node.seen.users_by_class.clear();
                node.seen.state = State::Missing;
                missing.push((node.seen.id.clone(), users, lost));
            }
        }
        let most = self.timings.liveness + self.timings.dead;
        let known = self.workers.len();
        // Our own workers keep what they have counted for twice as long as Locust's.
        let seen = &self.seen;
        let is_ours = |id: &str| seen.get(id).is_some_and(|it| !it.reported.is_empty());
        self.workers
            .retain(|id, node| node.silent <= if is_ours(id) { most * 2 } else { most });
        if self.workers.len() < known {
            self.look_for_workers(actions);
        }
        for (worker, users, lost) in missing {
            self.marked.remove(&worker);
            let text = format!("worker {worker}, with {users} users, is not heard of");
            self.book.mark(Kind::Worker, text, now);
            let requests = lost.as_ref().map_or(0, |loss| loss.requests);
            if let Some(loss) = lost {
                self.book.losses.add(loss);
            }
            let notice = Notice::WorkerMissing(worker.clone(), users, requests);
            actions.push(Action::Notice(notice));
            self.count_users(now);
            self.replace(&worker, true, now, actions);
        }
    }
}

fn fleet_of(workers: &BTreeMap<String, Node>, now: Now) -> Fleet {
    let mut fleet = Fleet::default();
    for node in workers.values() {
        if !node.is_heard_of() {
            fleet.missing += 1;
            continue;
        }
        fleet.heard += 1;
        let percent = node.seen.cpu_percent;
        fleet.members.push((
            node.seen.id.clone(),
            Member {
                index: node.seen.index,
                users: node.seen.users,
                requests_per_second: node.rate_now(now),
                cpu_percent: percent,
                memory_bytes: node.seen.memory_bytes,
                lateness_p99: node.lateness_p99,
            },
        ));
        if fleet
            .busiest
            .as_ref()
            .is_none_or(|(_, most)| percent > *most)
        {
            fleet.busiest = Some((node.seen.id.clone(), percent));
        }
    }
    fleet
}

impl Node {
    fn new(id: String, index: u32, now: Now) -> Self {
        Self {
            seen: Worker {
                id,
                index,
                state: State::Ready,
                users: 0,
                users_by_class: Users::new(),
                cpu_percent: 0.0,
                memory_bytes: 0,
                is_exact: false,
                clock_ahead_ms: None,
                version: None,
                heard_ms: now.millis(),
                requests_per_second: 0.0,
                vitals: None,
            },
            silent: 0,
            reported_ms: now.millis(),
            left_ms: None,
            reported_users: 0,
            rate: 0.0,
            lateness_p99: None,
            is_told_rounded: false,
            was_away: false,
        }
    }

    fn is_heard_of(&self) -> bool {
        self.seen.state != State::Missing
    }

    /// It has reported so many requests.
    fn reports(&mut self, requests: u64, now: Now) {
        let passed = now.millis().saturating_sub(self.reported_ms);
        self.reported_ms = now.millis();
        // Half-way through the time of the report, about, there were so many.
        let users = f64::from(self.reported_users + self.seen.users) / 2.0;
        self.reported_users = self.seen.users;
        // Reports out of turn are for too short a time to tell a rate.
        if passed >= 500 && users > 0.0 {
            self.rate = requests as f64 * 1e3 / passed as f64 / users;
        }
    }

    /// Requests per second that it makes now, as far as it has told.
    fn rate_now(&self, now: Now) -> f64 {
        /// Two reports that did not come, and some time for one to come late.
        const SILENT_MS: u64 = 8_000;
        let silent = now.millis().saturating_sub(self.reported_ms);
        if silent < SILENT_MS {
            self.rate * f64::from(self.seen.users)
        } else {
            0.0
        }
    }

    /// What it has not reported, if it is given up now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and it is an estimate"
    )]
    fn lost(&self, per_user: f64, now: Now) -> Option<Loss> {
        let rate = self.rate.max(per_user) * f64::from(self.seen.users);
        // Who has lost its connection may be at work still; who has died is not.
        let end_ms = self.left_ms.unwrap_or(now.millis());
        let seconds = end_ms.saturating_sub(self.reported_ms) as f64 / 1e3;
        (self.seen.users > 0).then(|| Loss {
            worker: self.seen.id.clone(),
            users: self.seen.users,
            from_ms: self.reported_ms,
            until_ms: end_ms,
            requests: (rate * seconds).ceil() as u64,
        })
    }
}
