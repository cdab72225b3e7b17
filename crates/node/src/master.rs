//! A run whose users are on other machines: one state, and one function that changes it.
//!
//! - `hear`: what the workers say, and that they come and go
//! - `worker`: a worker as its master sees it

mod hear;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use katydid_core::dispatch::{Class, Dispatcher};
use katydid_core::mark::Kind;
use katydid_core::registry::Registry;
use katydid_core::snapshot::{RunInfo, Snapshot, State, Worker};
use katydid_wire::protocol::{Order, Word};

use crate::book::Book;
use crate::checkpoint::{Checkpoint, Known, Reported};
use crate::clock::Clock;
use crate::crowd::Crowd;
use crate::event::{Action, Event, Notice, Now};
use crate::numbers::Numbers;
use worker::{WorkerNode, fleet_of};

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
    workers: BTreeMap<String, WorkerNode>,
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
            let mut node = WorkerNode::new(known.id.clone(), index, now);
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
        let known = |node: &WorkerNode| Known {
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
            is_paused: run.is_paused,
            host: run.host.clone(),
            started_ms: run.started_ms.unwrap_or_default(),
            run_time: run.run_time,
            ends_ms: match self.waits {
                Some(waits) => waits.ends_ms,
                None => self.book.ends_ms(now),
            },
            users: run.target_users,
            spawn_rate: run.spawn_rate,
            rate: run.rate.clone(),
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

    fn tick(&mut self, now: Now, actions: &mut Vec<Action>) {
        let workers = &self.workers;
        if self.book.tick(now, || Some(fleet_of(workers, now))) {
            actions.push(Action::RunTimeReached);
        }
        if self.place_at.is_some_and(|at| at <= now.monotonic) {
            self.place_at = None;
            // Where there is none left, the next one that comes is given users.
            if self.workers.values().any(WorkerNode::is_heard_of) {
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
