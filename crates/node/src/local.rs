//! A run without workers: one state, and one function that changes it.

use std::sync::Arc;
use std::time::Duration;

use katydid_core::dispatch::{Class, Dispatcher, Users};
use katydid_core::locust::Recent;
use katydid_core::registry::Registry;
use katydid_core::snapshot::{Exception, RunInfo, Snapshot, State};
use katydid_core::stats::Stats;

use crate::event::{Action, Event, Now};
use crate::exceptions::Exceptions;
use crate::seconds::Seconds;

/// The one worker there is, as Locust calls it.
const WORKER: &str = "local";
/// How long after its end a second is shown; all that was counted in it is here by then.
const SETTLED: Duration = Duration::from_millis(250);
const SECOND: Duration = Duration::from_secs(1);

/// The state of a run without workers.
#[derive(Debug)]
pub struct Local {
    run: RunInfo,
    /// Monotonic time at which the run is over.
    run_until: Option<Duration>,
    dispatcher: Option<Dispatcher>,
    ramp: Option<Ramp>,
    /// Users there will be once the host has carried out all orders.
    expected: Users,
    registry: Arc<Registry>,
    stats: Arc<Stats>,
    recent: Recent,
    seconds: Seconds,
    exceptions: Exceptions,
    /// How often the run was to be published.
    seq: u64,
    /// Monotonic time of the next regular snapshot.
    publish_at: Duration,
    /// Something changed that is to be shown at once.
    publish: bool,
}

/// The way to the number of users that is wanted.
#[derive(Clone, Copy, Debug, Default)]
struct Ramp {
    /// Monotonic time of the next step; none after the last one.
    step_at: Option<Duration>,
    /// Orders the host has not carried out yet.
    unanswered: u32,
}

impl Local {
    /// A node that is ready.
    pub fn new(registry: Arc<Registry>, now: Now) -> Self {
        Self {
            run: RunInfo::default(),
            run_until: None,
            dispatcher: None,
            ramp: None,
            expected: Users::new(),
            registry,
            stats: Arc::new(Stats::starting(now.nanos())),
            recent: Recent::default(),
            seconds: Seconds::default(),
            exceptions: Exceptions::default(),
            seq: 0,
            publish_at: now.monotonic + until_settled(now),
            publish: false,
        }
    }

    /// State and settings of the run.
    pub fn run(&self) -> &RunInfo {
        &self.run
    }

    /// Everything counted so far.
    pub fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// Exceptions that scripts did not catch, in the order they were first seen.
    pub fn exceptions(&self) -> &[Exception] {
        self.exceptions.all()
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
                    self.run.host = host;
                    if run_time.is_some() {
                        self.set_run_time(run_time, now);
                    }
                    self.step(now, &mut actions);
                }
            }
            Event::RunTime(run_time) => self.set_run_time(run_time, now),
            Event::Spawned { counts } => self.spawned(counts, &mut actions),
            Event::Stopping => self.stopping(),
            Event::Stopped => self.stopped(now),
            Event::State(state) => self.set_state(state),
            Event::Samples(delta) => self.count(&delta),
            Event::Exception {
                node,
                msg,
                traceback,
            } => self.exceptions.add(node, msg, traceback),
            Event::ClearStats => {
                Arc::make_mut(&mut self.stats).clear_all(now.nanos());
                self.recent.clear();
                self.publish = true;
            }
            Event::ResetStats => {
                Arc::make_mut(&mut self.stats).reset_all(now.nanos());
                self.recent.clear();
                self.publish = true;
            }
            Event::Load {
                cpu_percent,
                memory_bytes,
            } => {
                self.run.cpu_percent = cpu_percent;
                self.run.memory_bytes = memory_bytes;
            }
            Event::Tick => self.tick(now, &mut actions),
        }
        if std::mem::take(&mut self.publish) {
            self.seq += 1;
            actions.push(Action::Publish);
        }
        actions
    }

    /// Monotonic time at which the next [`Event::Tick`] is needed.
    pub fn deadline(&self) -> Option<Duration> {
        let step_at = self.ramp.and_then(|ramp| ramp.step_at);
        [step_at, self.run_until, Some(self.publish_at)]
            .into_iter()
            .flatten()
            .min()
    }

    /// A picture of the run as it is now.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot {
            seq: self.seq,
            at_ms: now.millis(),
            run: self.run.clone(),
            stats: Arc::clone(&self.stats),
            registry: Arc::clone(&self.registry),
            exceptions: Arc::clone(self.exceptions.all()),
            series: Arc::clone(self.seconds.series()),
            recent: self.recent.clone(),
        }
    }

    /// Takes the way to a number of users, in a new run if there is none; false if it cannot.
    fn head_for(&mut self, users: u32, spawn_rate: f64, classes: &[Class], now: Now) -> bool {
        let is_new = !self.run.state.is_active();
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
        self.run.target_users = users;
        self.run.spawn_rate = spawn_rate;
        let ramp = self.ramp.get_or_insert_default();
        ramp.step_at = None;
        self.set_state(State::Spawning);
        true
    }

    /// Everything as at the beginning of a run, but for what was counted: the host clears that
    /// before it tells listeners, whose requests belong to the run.
    fn begin(&mut self, now: Now) {
        self.exceptions.clear();
        self.seconds.start(now.epoch.as_secs());
        self.ramp = None;
        self.expected.clear();
        self.run_until = None;
        self.run = RunInfo {
            started_ms: Some(now.millis()),
            cpu_percent: self.run.cpu_percent,
            memory_bytes: self.run.memory_bytes,
            ..RunInfo::default()
        };
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
        self.end_ramp(actions);
    }

    fn spawned(&mut self, counts: Users, actions: &mut Vec<Action>) {
        let ramp = self.ramp.as_mut();
        let unanswered = ramp.map_or(0, |ramp| {
            ramp.unanswered = ramp.unanswered.saturating_sub(1);
            ramp.unanswered
        });
        // Users also end by themselves; the next step then replaces them, as in Locust.
        if unanswered == 0 {
            self.expected.clone_from(&counts);
        }
        self.run.users = counts.values().sum();
        self.run.users_by_class = counts;
        self.publish = true;
        self.end_ramp(actions);
    }

    /// Ends the ramp once its last step was carried out.
    fn end_ramp(&mut self, actions: &mut Vec<Action>) {
        let is_over = |ramp: Ramp| ramp.step_at.is_none() && ramp.unanswered == 0;
        if self.ramp.is_some_and(is_over) {
            self.ramp = None;
            let users = self.dispatcher.as_ref().map_or(0, Dispatcher::user_count);
            self.set_state(State::Running);
            actions.push(Action::SpawningComplete { users });
        }
    }

    fn set_run_time(&mut self, run_time: Option<Duration>, now: Now) {
        self.run.run_time = run_time;
        self.run_until = run_time.map(|run_time| now.monotonic.saturating_add(run_time));
        self.publish = true;
    }

    fn stopping(&mut self) {
        self.ramp = None;
        self.run_until = None;
        self.set_state(State::Stopping);
    }

    fn stopped(&mut self, now: Now) {
        self.ramp = None;
        self.run_until = None;
        self.dispatcher = None;
        self.expected.clear();
        self.run.users = 0;
        self.run.users_by_class.clear();
        if self.run.started_ms.is_some() && self.run.ended_ms.is_none() {
            self.run.ended_ms = Some(now.millis());
            self.seconds.end(now.epoch.as_secs());
        }
        self.set_state(State::Stopped);
    }

    fn set_state(&mut self, state: State) {
        tracing::debug!(%state, "run");
        self.run.state = state;
        self.publish = true;
    }

    fn count(&mut self, delta: &Stats) {
        if let Some(newest) = delta.total().last {
            self.recent.keep(self.stats.total(), newest);
        }
        self.seconds.add(delta.total());
        Arc::make_mut(&mut self.stats).merge(delta);
    }

    fn tick(&mut self, now: Now, actions: &mut Vec<Action>) {
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now.monotonic);
        if is_due(self.run_until) {
            self.run_until = None;
            actions.push(Action::RunTimeReached);
        }
        if is_due(self.ramp.and_then(|ramp| ramp.step_at)) {
            self.step(now, actions);
        }
        if is_due(Some(self.publish_at)) {
            self.publish_at = now.monotonic + until_settled(now);
            let settled = now.epoch.saturating_sub(SETTLED).as_secs();
            self.seconds
                .finish_before(settled, self.run.users, self.run.target_users);
            self.publish = true;
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

/// How long it takes until the next second is over and settled.
fn until_settled(now: Now) -> Duration {
    let passed = now.epoch.saturating_sub(SETTLED).subsec_nanos();
    SECOND.saturating_sub(Duration::from_nanos(passed.into()))
}
