//! A run without workers: one state, and one function that changes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::dispatch::{Class, Dispatcher, Users};
use katydid_core::mark::Kind;
use katydid_core::registry::Registry;
use katydid_core::snapshot::{Exception, RunInfo, Snapshot, State};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;

use crate::book::Book;
use crate::event::{Action, Event, Now};

/// The one worker there is, as Locust calls it.
const WORKER: &str = "local";
/// Recorders hand over what they counted four times a second.
const SETTLES: Duration = Duration::from_millis(250);

/// The state of a run without workers.
#[derive(Debug)]
pub struct Local {
    pub(crate) book: Book,
    dispatcher: Option<Dispatcher>,
    ramp: Option<Ramp>,
    /// Users there will be once the host has carried out all orders.
    expected: Users,
    /// What a worker has counted and not told its master yet.
    unsent: Option<Unsent>,
}

/// The way to the number of users that is wanted.
#[derive(Clone, Copy, Debug, Default)]
struct Ramp {
    /// Monotonic time of the next step; none after the last one.
    step_at: Option<Duration>,
    /// Orders the host has not carried out yet.
    unanswered: u32,
}

/// What a worker has not reported yet, by the second of its newest request.
#[derive(Clone, Debug, Default)]
struct Unsent(BTreeMap<u64, Stats>);

impl Unsent {
    fn add(&mut self, delta: &Stats, now: Now) {
        /// Where reports cannot be sent for longer than this, the oldest seconds are told together.
        const MOST: usize = 8;
        let newest = delta.last().map_or(now.epoch.as_secs(), Nanos::as_secs);
        self.0.entry(newest).or_default().merge(delta);
        if self.0.len() > MOST
            && let Some((_, oldest)) = self.0.pop_first()
            && let Some(mut next) = self.0.first_entry()
        {
            next.get_mut().merge(&oldest);
        }
    }
}

impl Local {
    /// A node that is ready.
    pub fn new(registry: Arc<Registry>, now: Now) -> Self {
        Self {
            book: Book::new(registry, SETTLES, now),
            dispatcher: None,
            ramp: None,
            expected: Users::new(),
            unsent: None,
        }
    }

    /// Keeps what is counted from now on for [`Local::take_unsent`].
    pub(crate) fn keep_unsent(&mut self) {
        self.unsent.get_or_insert_default();
    }

    /// What was counted since this was last called, second by second.
    pub(crate) fn take_unsent(&mut self) -> Vec<Stats> {
        let taken = self.unsent.as_mut().map(std::mem::take);
        taken.map_or_else(Vec::new, |Unsent(seconds)| seconds.into_values().collect())
    }

    /// State and settings of the run.
    pub fn run(&self) -> &RunInfo {
        &self.book.run
    }

    /// Everything counted so far.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.book.stats
    }

    /// Exceptions that scripts did not catch, in the order they were first seen.
    pub fn exceptions(&self) -> &[Exception] {
        self.book.exceptions.all()
    }

    /// Takes in what happened and says what is to be done, in this order.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Start {
                users,
                spawn_rate,
                classes,
                run_time,
                host,
            } => {
                if self.head_for(users, spawn_rate, &classes, now) {
                    self.book.run.host = host;
                    if run_time.is_some() {
                        self.book.set_run_time(run_time, now);
                    }
                    self.step(now, &mut actions);
                }
            }
            Event::Rebalance => {
                if let Some(dispatcher) = &mut self.dispatcher {
                    dispatcher.rebalance();
                }
            }
            Event::Rate(asked) => self.book.set_rate(asked, now),
            Event::RunTime(run_time) => self.book.set_run_time(run_time, now),
            Event::Spawned { counts } => self.spawned(counts, now, &mut actions),
            Event::Stopping => self.stopping(now),
            Event::Stopped => self.stopped(now),
            Event::State(state) => self.book.set_state(state),
            Event::Samples(delta) => {
                if let Some(unsent) = &mut self.unsent {
                    unsent.add(&delta, now);
                }
                self.book.count(&delta, now);
            }
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
            Event::InFlight { count, oldest } => {
                self.book.run.in_flight = count;
                self.book.run.oldest = oldest;
            }
            Event::Mark { kind, text, by } => self.book.mark_by(kind, text, by, now),
            Event::Thresholds(wanted) => self.book.set_thresholds(wanted, now),
            Event::Author(by) => self.book.author = by,
            // There are no workers.
            Event::Worker(..)
            | Event::Stranger
            | Event::Unconnected(_)
            | Event::Quitting
            | Event::GoOn
            | Event::Saved => {}
            Event::Tick => self.tick(now, &mut actions),
        }
        if self.book.take_publish() {
            actions.push(Action::Publish);
        }
        actions
    }

    /// Monotonic time at which the next [`Event::Tick`] is needed.
    pub fn deadline(&self) -> Option<Duration> {
        let step_at = self.ramp.and_then(|ramp| ramp.step_at);
        let next = self.book.deadline();
        Some(step_at.map_or(next, |step_at| step_at.min(next)))
    }

    /// A picture of the run as it is now.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        self.book.snapshot(now)
    }

    /// Takes the way to a number of users, in a new run if there is none; false if it cannot.
    fn head_for(&mut self, users: u32, spawn_rate: f64, classes: &[Class], now: Now) -> bool {
        let is_new = !self.book.run.state.is_active();
        if is_new {
            self.dispatcher = None;
        }
        let new = || Dispatcher::new([WORKER.to_owned()], classes);
        let dispatcher = self.dispatcher.get_or_insert_with(new);
        if let Err(error) = dispatcher.start(users, spawn_rate, Some(classes)) {
            tracing::warn!(%error, "the number of users stays as it is");
            return false;
        }
        if is_new {
            self.begin(now);
        }
        self.book.mark_load(users, spawn_rate, is_new, now);
        self.book.run.target_users = users;
        self.book.run.spawn_rate = spawn_rate;
        let ramp = self.ramp.get_or_insert_default();
        ramp.step_at = None;
        self.book.set_state(State::Spawning);
        true
    }

    fn begin(&mut self, now: Now) {
        self.book.begin(now);
        self.ramp = None;
        self.expected.clear();
    }

    /// Takes the next step towards the number of users that is wanted.
    fn step(&mut self, now: Now, actions: &mut Vec<Action>) {
        let next = self.dispatcher.as_mut().and_then(Dispatcher::step);
        let (Some(ramp), Some(mut next)) = (&mut self.ramp, next) else {
            return;
        };
        ramp.step_at = next.pause.map(|pause| now.monotonic.saturating_add(pause));
        let wanted = next.users.remove(WORKER).unwrap_or_default();
        let more = missing(&wanted, &self.expected);
        let fewer = missing(&self.expected, &wanted);
        self.expected = wanted;
        if !more.is_empty() {
            ramp.unanswered += 1;
            actions.push(Action::Spawn(more));
        }
        if !fewer.is_empty() {
            ramp.unanswered += 1;
            actions.push(Action::StopUsers(fewer));
        }
        self.end_ramp(now, actions);
    }

    fn spawned(&mut self, counts: Users, now: Now, actions: &mut Vec<Action>) {
        let ramp = self.ramp.as_mut();
        let unanswered = ramp.map_or(0, |ramp| {
            ramp.unanswered = ramp.unanswered.saturating_sub(1);
            ramp.unanswered
        });
        // Users also end by themselves; the next step then replaces them, as in Locust.
        if unanswered == 0 {
            self.expected.clone_from(&counts);
        }
        self.book.set_users(counts);
        self.end_ramp(now, actions);
    }

    /// Ends the ramp once its last step was carried out.
    fn end_ramp(&mut self, now: Now, actions: &mut Vec<Action>) {
        let is_over = |ramp: Ramp| ramp.step_at.is_none() && ramp.unanswered == 0;
        if self.ramp.is_some_and(is_over) {
            self.ramp = None;
            let users = self.dispatcher.as_ref().map_or(0, Dispatcher::user_count);
            self.book.set_state(State::Running);
            let text = format!("all {users} users are there");
            self.book.mark(Kind::Reached, text, now);
            actions.push(Action::SpawningComplete { users });
        }
    }

    fn stopping(&mut self, now: Now) {
        self.ramp = None;
        self.book.stopping(now);
    }

    fn stopped(&mut self, now: Now) {
        self.ramp = None;
        self.dispatcher = None;
        self.expected.clear();
        self.book.end(now);
    }

    fn tick(&mut self, now: Now, actions: &mut Vec<Action>) {
        if self.book.tick(now, || None) {
            actions.push(Action::RunTimeReached);
        }
        let step_at = self.ramp.and_then(|ramp| ramp.step_at);
        if step_at.is_some_and(|at| at <= now.monotonic) {
            self.step(now, actions);
        }
    }
}

/// What of `wanted` is not `present`.
fn missing(wanted: &Users, present: &Users) -> Users {
    let missing = wanted.iter().map(|(class, &wanted)| {
        let present = present.get(class).copied().unwrap_or(0);
        (class.clone(), wanted.saturating_sub(present))
    });
    missing.filter(|&(_, missing)| missing > 0).collect()
}
