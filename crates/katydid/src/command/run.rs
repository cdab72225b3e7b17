//! One run of the command, from the first user to the exit code.

use std::cell::{Cell, OnceCell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::dispatch::{Class, Users};
use katydid_core::report::text::Rates;
use katydid_core::report::words;
use katydid_core::snapshot::{Snapshot, State};
use katydid_core::threshold::Standing;
use katydid_host::fleet::{News, Orders, Tell};
use katydid_host::recorder;
use katydid_host::scribe::Scribe;
use katydid_host::service::Service;
use katydid_http::timing::Stamp;
use katydid_node::run::Node;
use katydid_node::{Action, Event};
use katydid_push::{Level, Push};
use katydid_web::About;
use katydid_wire::Value;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

use super::children::{Children, Ended, Parent};
use super::console::Console;
use super::desk::Call;
use super::fleet::{Membership, SILENCE};
use super::output::{self, CsvFiles};
use super::rates::Course;
use super::settings::{Part, Problem, Settings};
use super::spawn;
use crate::engine::{Ask, Crew};
use crate::shape::{Load, Rate, Shape};
use crate::user::Arrivals;

/// How often the line is drawn anew.
const REFRESH: Duration = Duration::from_millis(500);
/// Ticks of [`REFRESH`] between two tables: Locust's `CONSOLE_STATS_INTERVAL_SEC` is two seconds.
const TABLE_TICKS: u64 = 4;
/// Ticks between two looks at thresholds, requests under way, and CSV files.
const LOOK_TICKS: u64 = 2;
/// How often a load shape is asked.
const SHAPE_TICK: Duration = Duration::from_secs(1);

/// Runs a test to its exit code.
pub(super) fn run(settings: Settings) -> i32 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Problem::failed(format!("Could not start: {error}")).tell(),
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        match Run::prepare(settings) {
            Ok((run, inbox)) => Rc::new(run).drive(inbox).await,
            Err(problem) => problem.tell(),
        }
    })
}

/// What reaches the run.
pub(super) struct Inbox {
    pub(super) actions: mpsc::UnboundedReceiver<Action>,
    pub(super) calls: mpsc::UnboundedReceiver<Call>,
    pub(super) asks: mpsc::UnboundedReceiver<Ask>,
    pub(super) news: mpsc::UnboundedReceiver<News>,
    /// What the thread that sends metrics says.
    pub(super) pushed: mpsc::UnboundedReceiver<(Level, String)>,
}

pub(super) struct Run {
    pub(super) settings: Settings,
    pub(super) node: Arc<Node>,
    pub(super) service: Service,
    pub(super) crew: Rc<Crew>,
    pub(super) console: Rc<Console>,
    pub(super) orders: Orders,
    pub(super) tell: Tell,
    /// What this process is to others.
    pub(super) link: OnceCell<Membership>,
    /// Whether the master has everything.
    pub(super) is_finished: Cell<bool>,
    pub(super) finished: Notify,
    /// The timestamp of the newest assignment, and whoever carries one out.
    pub(super) job: Cell<f64>,
    pub(super) jobs: tokio::sync::Mutex<()>,
    /// Whether this worker's users were stopped because its master did not answer.
    pub(super) is_cut_off: Cell<bool>,
    /// The load whose iterations were all run.
    pub(super) ran_out: Cell<Option<u64>>,
    /// How long users get to finish their tasks when they are stopped.
    pub(super) patience: Cell<Duration>,
    /// The exit code, if it is settled already.
    pub(super) code: Cell<Option<i32>>,
    pub(super) push: OnceCell<Push>,
    /// Takes what the thread that sends metrics says.
    pub(super) pushing: mpsc::UnboundedSender<(Level, String)>,
    pub(super) children: RefCell<Option<Children>>,
    /// What has started this process as its worker.
    pub(super) parent: Option<Parent>,
    /// The rate of all kinds together that was asked for last, by the command line or a load shape.
    pub(super) rate: RefCell<Option<Arrivals>>,
    /// Whether iterations begin at a rate in this test.
    pub(super) has_rates: Cell<bool>,
    pub(super) course: Course,
    /// What a master has told this worker of the rate, and when.
    pub(super) told_rate: RefCell<Option<(Value, Stamp)>>,
    /// Parts of schedules that are not over.
    pub(super) schedules: Cell<usize>,
    pub(super) recorder: OnceCell<Scribe>,
    pub(super) about: RefCell<About>,
    /// What was last asked for.
    pub(super) chosen: RefCell<Chosen>,
    pub(super) shape: RefCell<Option<Box<dyn Shape>>>,
    /// Grows with each start and stop, so that what belongs to an earlier load ends.
    pub(super) load: Rc<Cell<u64>>,
    pub(super) is_stopping: Cell<bool>,
    pub(super) stopped: Notify,
    pub(super) over: Cell<bool>,
    pub(super) end: Notify,
    pub(super) placing: mpsc::UnboundedSender<(u64, Action)>,
    pub(super) csv: RefCell<Option<CsvFiles>>,
    pub(super) crossed: RefCell<Vec<String>>,
    pub(super) peak_cpu: Cell<f64>,
}

/// The load as it was last asked for.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) users: u32,
    pub(super) spawn_rate: f64,
    pub(super) run_time: Option<Duration>,
    pub(super) host: Option<String>,
    pub(super) classes: Vec<Class>,
}

impl Run {
    /// Runs the test, or waits for the page to start one; the exit code.
    async fn drive(mut self: Rc<Self>, inbox: Inbox) -> i32 {
        let version = env!("CARGO_PKG_VERSION");
        self.console.info(format_args!(
            "Starting Katydid {version}: {}",
            self.settings.name
        ));
        if let Some(run) = Rc::get_mut(&mut self) {
            let shape = run.settings.shape.take();
            *run.shape.get_mut() = shape;
        }
        // A node that becomes a master forgets what it was asked before.
        let begun = self.join().and_then(|()| self.push_metrics());
        if let Err(problem) = begun.and_then(|()| self.serve()) {
            self.service.stop();
            return problem.tell();
        }
        if self.settings.part != Part::Worker {
            self.keep_runs();
        }
        self.describe();
        self.node
            .send(Event::Thresholds(self.settings.thresholds.clone()));
        spawn(Rc::clone(&self).watch_signals());
        spawn(Rc::clone(&self).tick());
        let hearing = spawn(Rc::clone(&self).hear(inbox));
        if let Err(problem) = self.start_children() {
            self.service.stop();
            return problem.tell();
        }
        if self.has_found_run() {
            self.resume();
        } else if self.settings.part != Part::Worker
            && (self.settings.headless || self.settings.autostart)
        {
            spawn(Rc::clone(&self).begin_when_ready());
        }
        while !self.over.get() {
            self.end.notified().await;
        }
        let code = self.shut_down().await;
        hearing.abort();
        code
    }

    fn keep_runs(&self) {
        let Some(path) = self.settings.store.clone() else {
            return;
        };
        let node = Arc::clone(&self.node);
        let history = Arc::clone(self.service.history());
        let tell = Arc::clone(&self.tell);
        let about = self.known();
        let keep = self.settings.keep;
        match recorder::start(node, path, about, keep, history, move |why| {
            tell(News::NotKept(why));
        }) {
            Ok(recorder) => drop(self.recorder.set(recorder)),
            Err(error) => self.not_kept(&error.to_string()),
        }
    }

    pub(super) fn not_kept(&self, why: &str) {
        self.console.warn(format_args!(
            "This run is not kept: {why}. Choose another file with --store, or --no-store."
        ));
    }

    /// Starts the workers of this machine.
    fn start_children(&self) -> Result<(), Problem> {
        let (Some(Membership::Master(master)), Some(count)) = (self.link.get(), self.processes())
        else {
            return Ok(());
        };
        let given = &self.settings.given;
        let started = Children::start(&given.launcher, &given.command, master.port, count);
        let children = started
            .map_err(|error| Problem::failed(format!("Could not start workers: {error}")))?;
        *self.children.borrow_mut() = Some(children);
        Ok(())
    }

    /// Looks after the workers of this machine, and as one of them after the process they belong to.
    fn look_after_children(&self) {
        if self.parent.is_some_and(Parent::is_gone) && !self.over.get() {
            self.console
                .error("The process that has started this worker has ended; so does this one");
            // There is nobody to report to.
            self.is_finished.set(true);
            self.finish();
        }
        let mut children = self.children.borrow_mut();
        let Some(children) = children.as_mut().filter(|_| !self.over.get()) else {
            return;
        };
        for Ended {
            id,
            status,
            is_replaced,
        } in children.look()
        {
            let ended = format!("The worker process {id} has ended ({status})");
            match is_replaced {
                Ok(true) => self.console.warn(format_args!(
                    "{ended}. Another one is started in its place."
                )),
                Ok(false) => self
                    .console
                    .error(format_args!("{ended}, and is not started again.")),
                Err(error) => self.console.error(format_args!(
                    "{ended}, and no other one could be started: {error}"
                )),
            }
        }
    }

    async fn begin_when_ready(self: Rc<Self>) {
        if self.settings.part == Part::Master && !self.await_workers().await {
            self.code.set(Some(1));
            self.finish();
            return;
        }
        if !self.over.get() {
            self.begin();
        }
    }

    /// Starts the test that the command line describes.
    fn begin(self: &Rc<Self>) {
        if self.shape.borrow().is_some() {
            self.start_shape();
            return;
        }
        match self.settings.run_time {
            Some(time) => self.console.info(format_args!(
                "Run time limit set to {} seconds",
                time.as_secs()
            )),
            None => self
                .console
                .info("No run time limit set, use CTRL+C to interrupt"),
        }
        self.start();
    }

    /// Starts a test with the load that was asked for last, or changes that of a running one.
    pub(super) fn start(self: &Rc<Self>) {
        let mut chosen = self.chosen.borrow().clone();
        let is_new = !self.is_active();
        if is_new {
            self.load.set(self.load.get() + 1);
            self.node.send(Event::ClearStats);
            self.crew.begin(chosen.host.clone());
            // Before the first user: it waits for what is due.
            self.set_rates();
        } else if self.has_rates.get() {
            self.console
                .warn("The load is a rate of iterations: there are as many users as it takes");
            return;
        }
        if self.has_rates.get() && self.settings.part == Part::Master {
            // Each worker has one to begin with; they are made before the first iteration is due.
            chosen.users = chosen.users.max(self.workers_ready());
            chosen.spawn_rate = chosen.spawn_rate.max(chosen.users.into());
        }
        self.brief();
        let hosts: Vec<_> = self
            .settings
            .kinds
            .iter()
            .filter_map(|kind| kind.host())
            .collect();
        let shared = hosts
            .first()
            .filter(|host| hosts.iter().all(|it| it == *host));
        let host = chosen
            .host
            .clone()
            .or_else(|| shared.map(ToString::to_string));
        self.console.info(format_args!(
            "Ramping to {} users at a rate of {:.2} per second",
            chosen.users, chosen.spawn_rate
        ));
        self.node.send(Event::Start {
            users: chosen.users,
            spawn_rate: chosen.spawn_rate,
            classes: chosen.classes,
            run_time: is_new.then_some(chosen.run_time).flatten(),
            host,
        });
        if self.settings.part != Part::Master {
            self.begin_rates();
        }
    }

    pub(super) fn start_shape(self: &Rc<Self>) {
        if self.is_active() {
            self.console
                .info("There is an ongoing shape test running. Editing is disabled");
            return;
        }
        self.console.info("Shape test starting.");
        self.load.set(self.load.get() + 1);
        spawn(Rc::clone(self).follow_shape(self.load.get() + 1, Duration::ZERO));
    }

    /// Lets the load shape decide how many users there are, until its end or that of the load.
    pub(super) async fn follow_shape(self: Rc<Self>, load: u64, passed: Duration) {
        let began = Stamp::now();
        let before = passed;
        let mut last = None;
        let mut ticks = tokio::time::interval(SHAPE_TICK);
        loop {
            ticks.tick().await;
            if last.is_some() && (self.load.get() != load || self.is_stopping.get()) {
                return;
            }
            let passed = before + Duration::from_nanos(Stamp::now().since(began));
            let ask = || self.shape.borrow_mut().as_mut()?.tick(passed);
            let tick = catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| {
                self.console
                    .error("The load shape panicked, as is said above; the test ends");
                self.code.set(Some(1));
                None
            });
            let Some(wanted) = tick else {
                self.console.info("Shape test stopping");
                self.end_test(self.settings.stop_timeout).await;
                return;
            };
            if last != Some(wanted) {
                if let Err(why) = self.take_load(wanted, last.is_none()) {
                    self.console
                        .error(format_args!("The load shape cannot be followed: {why}"));
                    self.code.set(Some(1));
                    self.end_test(self.settings.stop_timeout).await;
                    return;
                }
                last = Some(wanted);
            }
        }
    }

    /// Goes on with the load that a shape wants; its first one may be of a run that another process has begun.
    fn take_load(self: &Rc<Self>, wanted: Load, is_first: bool) -> Result<(), String> {
        let rate = wanted.rate.map(Rate::arrivals).transpose();
        let rate = rate.map_err(|error| error.to_string())?;
        if self.is_active() {
            if let Some(rate) = rate {
                if is_first {
                    self.take_up_rate(rate);
                } else if self.has_rates.get() {
                    self.change_rates(rate);
                } else {
                    return Err("what has begun with users cannot go on with a rate".to_owned());
                }
                return Ok(());
            }
        } else {
            let own = || self.settings.rate.clone();
            self.rate.replace(rate.clone().or_else(own));
        }
        if rate.is_none() {
            let is_rate = wanted.spawn_rate.is_finite() && wanted.spawn_rate > 0.0;
            if !is_rate && self.is_active() && self.chosen.borrow().users == wanted.users {
                // Nobody is to come or go, however fast.
                return Ok(());
            }
            if !is_rate {
                return Err(format!(
                    "it asks for {} users at {} per second, which is no rate above zero",
                    wanted.users, wanted.spawn_rate
                ));
            }
        }
        {
            let mut chosen = self.chosen.borrow_mut();
            chosen.users = wanted.users;
            chosen.spawn_rate = wanted.spawn_rate;
        }
        self.start();
        Ok(())
    }

    pub(super) fn is_active(&self) -> bool {
        self.node.read(|role| role.run().state.is_active())
    }

    pub(super) fn finish(&self) {
        self.over.set(true);
        self.end.notify_one();
    }

    /// Stops the test and returns once all users have ended.
    pub(super) async fn stop(&self, patience: Duration) {
        if self.is_stopping.get() {
            if patience.is_zero() {
                self.crew.stop_all(patience).await;
            }
            while self.is_stopping.get() {
                self.stopped.notified().await;
            }
            return;
        }
        let state = self.node.read(|role| role.run().state);
        if matches!(state, State::Ready | State::Stopped) {
            return;
        }
        self.is_stopping.set(true);
        self.load.set(self.load.get() + 1);
        self.crew.end_rates();
        self.course.end();
        self.node.send(Event::Stopping);
        if self.settings.part == Part::Master {
            self.await_end(patience + SILENCE, false).await;
        } else if self.crew.stop_all(patience).await {
            self.console.info(format_args!(
                "Not all users finished their tasks & terminated in {} seconds. Stopping them...",
                patience.as_secs_f64()
            ));
        }
        self.crew.resume();
        self.crew.flush().await;
        self.tell_given_up();
        self.node.send(Event::Stopped);
        self.rate.replace(self.settings.rate.clone());
        self.is_stopping.set(false);
        self.stopped.notify_waiters();
    }

    /// Says how many requests of stopped users are not counted.
    fn tell_given_up(&self) {
        let (count, plural, were) = match self.crew.given_up() {
            0 => return,
            1 => (1, "", "was"),
            count => (count, "s", "were"),
        };
        self.console.warn(format_args!(
            "{count} request{plural} of stopped users had no answer yet and {were} given up; they are not counted. A \
             --stop-timeout gives users time to finish."
        ));
    }

    async fn time_is_up(self: Rc<Self>) {
        if self.settings.headless {
            self.console.info("--run-time limit reached, shutting down");
            self.finish();
            return;
        }
        self.console.info("--run-time limit reached, stopping test");
        self.end_test(self.settings.stop_timeout).await;
    }

    /// Ends the test, and the process if nobody could start another one.
    pub(super) async fn end_test(&self, patience: Duration) {
        if self.settings.headless {
            self.patience.set(patience);
            self.finish();
        } else {
            self.stop(patience).await;
            self.quit_after_a_while().await;
        }
    }

    /// What `--autoquit` says, where there is a page.
    async fn quit_after_a_while(&self) {
        let after: i64 = self.settings.given.number("autoquit").unwrap_or(-1);
        if let Ok(after) = u64::try_from(after) {
            tokio::time::sleep(Duration::from_secs(after)).await;
            self.console.info("--autoquit time reached, shutting down");
            self.finish();
        }
    }

    /// Takes in whatever reaches the run.
    async fn hear(self: Rc<Self>, mut inbox: Inbox) {
        loop {
            tokio::select! {
                Some(action) = inbox.actions.recv() => self.act(action),
                Some(call) = inbox.calls.recv() => {
                    spawn(Rc::clone(&self).answer(call));
                }
                Some(ask) = inbox.asks.recv() => self.asked(&ask),
                Some(news) = inbox.news.recv() => self.told(news),
                Some((level, text)) = inbox.pushed.recv() => self.push_told(level, &text),
                else => return,
            }
        }
    }

    fn act(self: &Rc<Self>, action: Action) {
        match action {
            action @ (Action::Spawn(_) | Action::StopUsers(_)) => {
                self.placing.send((self.load.get(), action)).ok();
            }
            Action::SpawningComplete { users } => {
                self.console
                    .info(format_args!("All users spawned: {users} in all"));
                if self.settings.given.flag("reset_stats") {
                    self.node.send(Event::ResetStats);
                }
                self.begin_rates();
            }
            Action::RunTimeReached => {
                spawn(Rc::clone(self).time_is_up());
            }
            _ => {}
        }
    }

    fn asked(self: &Rc<Self>, ask: &Ask) {
        let is_worker = self.settings.part == Part::Worker;
        let reason = match ask {
            Ask::Tell(text) => {
                self.tell_exception(text);
                return;
            }
            Ask::EndTest => "A user has ended the test",
            Ask::IterationsDone => "All iterations have been run",
            // A master knows itself when its schedules are over.
            Ask::ScheduleOver if is_worker => return,
            Ask::ScheduleOver => {
                self.schedules.set(self.schedules.get().saturating_sub(1));
                if self.schedules.get() > 0 {
                    return;
                }
                "The schedule is over, and all its iterations have ended"
            }
        };
        if self.is_stopping.get() || !self.is_active() {
            return;
        }
        if matches!(ask, Ask::IterationsDone) {
            if self.ran_out.get() == Some(self.load.get()) {
                return;
            }
            self.ran_out.set(Some(self.load.get()));
        }
        self.console.info(reason);
        let run = Rc::clone(self);
        // Iterations that have begun are to be finished.
        let patience = match ask {
            Ask::IterationsDone => Duration::from_secs(60).max(self.settings.stop_timeout),
            _ => self.settings.stop_timeout,
        };
        // Where the one that has started this worker has a page, another test may follow.
        let stays = is_worker && self.parent.is_some() && !self.settings.headless;
        spawn(async move {
            if stays {
                run.crew.stop_all(patience).await;
                run.node.send(Event::Spawned {
                    counts: run.crew.counts(),
                });
                return;
            }
            run.stop(patience).await;
            if run.settings.headless || is_worker {
                run.finish();
            }
        });
    }

    async fn watch_signals(self: Rc<Self>) {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let (Ok(mut terminate), Ok(mut hang_up)) = (
                signal(SignalKind::terminate()),
                signal(SignalKind::hangup()),
            ) else {
                return;
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => self.console.info("Got SIGTERM signal"),
                _ = hang_up.recv() => self.console.info("Got SIGHUP signal"),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.ok();
        self.finish();
        tokio::signal::ctrl_c().await.ok();
        self.console.end_line();
        std::process::exit(130);
    }

    /// Does what is to be done now and then.
    async fn tick(self: Rc<Self>) {
        let given = &self.settings.given;
        let prints = !given.flag("only_summary")
            && (given.flag("print_stats")
                || (self.settings.headless && self.settings.part != Part::Worker));
        let mut ticks = tokio::time::interval(REFRESH);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = 0_u64;
        loop {
            ticks.tick().await;
            self.look_after_children();
            let snapshot = self.node.snapshot_now();
            self.peak_cpu
                .set(self.peak_cpu.get().max(words::busiest(&snapshot)));
            if self.console.has_line && !self.over.get() {
                self.console.draw(&words::line(&snapshot));
            }
            if prints && count.is_multiple_of(TABLE_TICKS) && !self.over.get() {
                self.console
                    .tables(&output::requests(&snapshot, Rates::Current));
            }
            if count.is_multiple_of(LOOK_TICKS) {
                self.node.send(self.crew.in_flight());
                self.tell_users();
                self.watch_thresholds(&snapshot);
                self.write_csv(&snapshot);
            }
            count += 1;
        }
    }

    /// Tells the node of users that came and went by themselves.
    fn tell_users(&self) {
        let run = self.node.read(|role| (role.run().state, role.run().users));
        let may_change = match self.settings.part {
            Part::Alone => true,
            Part::Worker => self.has_rates.get(),
            Part::Master => false,
        };
        if may_change && run.0 == State::Running && !self.is_stopping.get() {
            let counts = self.crew.counts();
            if counts.values().sum::<u32>() != run.1 {
                self.node.send(Event::Spawned { counts });
            }
        }
    }

    pub(super) fn write_csv(&self, snapshot: &Snapshot) {
        if let Some(csv) = &mut *self.csv.borrow_mut()
            && let Err(error) = csv.write(snapshot, &self.about.borrow())
        {
            self.console
                .error(format_args!("Could not write the CSV files: {error}"));
        }
    }

    /// Says when the run begins to fail by a threshold, and when it no longer does.
    fn watch_thresholds(&self, snapshot: &Snapshot) {
        let mut crossed = self.crossed.borrow_mut();
        for watched in snapshot.thresholds.iter() {
            if watched.standing == Standing::Unmeasured {
                continue;
            }
            let text = watched.threshold.text();
            let was = crossed.iter().position(|known| known == text);
            let shown = watched.threshold.shown(&watched.verdict);
            match (was, watched.verdict.failed) {
                (None, true) => {
                    crossed.push(text.to_owned());
                    self.console
                        .warn(format_args!("Threshold crossed: {text} ({shown})"));
                }
                (Some(at), false) => {
                    crossed.remove(at);
                    self.console
                        .info(format_args!("Threshold met again: {text} ({shown})"));
                }
                _ => {}
            }
        }
    }
}

/// Carries out, in order, what the node wants done about users.
pub(super) async fn place(
    crew: Rc<Crew>,
    node: Arc<Node>,
    mut orders: mpsc::UnboundedReceiver<(u64, Action)>,
    load: Rc<Cell<u64>>,
    patience: Duration,
) {
    while let Some((wanted_by, action)) = orders.recv().await {
        if wanted_by != load.get() {
            // The test it was meant for has been stopped.
            continue;
        }
        match action {
            Action::Spawn(users) => crew.spawn(&users).await,
            Action::StopUsers(users) => {
                crew.stop(&users, patience).await;
            }
            _ => continue,
        }
        let counts: Users = crew.counts();
        node.send(Event::Spawned { counts });
    }
}
