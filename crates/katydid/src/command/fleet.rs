//! The run as a master of workers, or as a worker.

use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;
use std::time::Duration;

use katydid_core::dispatch::Users;
use katydid_core::snapshot::State;
use katydid_host::fleet::{Kept, Link, Listen, Master, News};
use katydid_host::machine;
use katydid_node::fleet::{Heard, Outgoing, Settings as Job};
use katydid_node::link::{self, Address, Command, Told};
use katydid_node::run::Role;
use katydid_node::{Event, Notice, master};
use katydid_wire::protocol::{Assignment, Order, VERSION, users_value};
use katydid_wire::{JoinSecret, Trust, Value};

use super::children::Children;
use super::rates::is_there;
use super::run::Run;
use super::settings::{Part, Problem};
use super::spawn;

/// Locust's `HEARTBEAT_INTERVAL`, `WORKER_REPORT_INTERVAL`, `CONNECT_TIMEOUT` and `MASTER_HEARTBEAT_TIMEOUT`.
const HEARTBEAT: Duration = Duration::from_secs(1);
const REPORT: Duration = Duration::from_secs(3);
const INTRODUCE: Duration = Duration::from_secs(5);
pub(super) const SILENCE: Duration = Duration::from_secs(60);
/// Its `HEARTBEAT_LIVENESS` and `HEARTBEAT_DEAD_INTERNAL`, in heartbeats.
const LIVENESS: u32 = 3;
const DEAD: u32 = 60;
/// How long the end of a ramp waits for the workers' counts.
const REPORT_WAIT: Duration = Duration::from_secs(1);
/// How long workers, or a master, may take to say that they have everything.
const FAREWELL: Duration = Duration::from_secs(10);
/// How often workers are looked at while they are waited for.
const LOOK: Duration = Duration::from_millis(50);
/// The message between our own nodes that opens and closes a paused test.
const PAUSE: &str = "katydid_pause";

/// What this process is to others.
pub(super) enum Membership {
    Master(Master),
    Worker(Link),
}

impl Run {
    /// Takes its part in a fleet, if it has one.
    pub(super) fn join(&self) -> Result<(), Problem> {
        let given = &self.settings.given;
        let secret = secret(given.text("join_secret"))?;
        let tasks = self.service.tasks();
        let part = match self.settings.part {
            Part::Alone => return Ok(()),
            Part::Master => {
                // Workers of this machine find a port of their own where none was asked for.
                let is_local = given.is_given("processes") && !given.flag("master");
                let host = given.text("master_bind_host").unwrap_or("*");
                let port = given.number("master_bind_port").unwrap_or(5557);
                let (host, port) = if is_local {
                    ("127.0.0.1", 0)
                } else {
                    (host, port)
                };
                let trust = match secret {
                    None => Trust::Anyone,
                    Some(secret) if given.flag("allow_stock_workers") => {
                        Trust::SecretOrStock(secret)
                    }
                    Some(secret) => Trust::Secret(secret),
                };
                let timings = master::Timings {
                    heartbeat_interval: HEARTBEAT,
                    liveness: LIVENESS,
                    dead: DEAD,
                    report_wait: REPORT_WAIT,
                    report_interval: REPORT,
                };
                let listen = Listen { host, port, trust };
                let parts = (&tasks, &self.orders);
                let kept = self.kept(port);
                let master = Master::lead(&self.node, parts, listen, timings, kept, &self.tell);
                let master = master.map_err(|error| {
                    Problem::failed(format!(
                        "Could not listen for workers on {host}:{port}: {error}. \
                         Choose another port with --master-bind-port."
                    ))
                })?;
                self.console
                    .info(format_args!("Waiting for workers on port {}", master.port));
                Membership::Master(master)
            }
            Part::Worker => {
                let address = Address {
                    host: given.text("master_host").unwrap_or("127.0.0.1").to_owned(),
                    port: given.number("master_port").unwrap_or(5557),
                    worker: worker_id(),
                    trust: secret.map_or(Trust::Anyone, Trust::Secret),
                };
                let timings = link::Timings {
                    heartbeat: HEARTBEAT,
                    report: REPORT,
                    introduce: INTRODUCE,
                    silence: SILENCE,
                    lease: HEARTBEAT * LIVENESS,
                };
                let link = Link::follow(&self.node, &tasks, address, timings, &self.tell);
                Membership::Worker(link)
            }
        };
        self.link.set(part).ok();
        self.brief();
        Ok(())
    }

    /// Where a master writes down what it needs to go on after it was killed, and what it finds there.
    fn kept(&self, port: u16) -> Option<Kept> {
        // Workers find only a master whose port is known beforehand once more.
        let path = self.settings.store.as_ref().filter(|_| port > 0)?;
        let program = std::env::current_exe().unwrap_or_default();
        let run = format!("{port} {}", program.display());
        match Kept::open(path, run, SILENCE, &self.node) {
            Ok(kept) => Some(kept),
            Err(why) => {
                self.not_written(&why);
                None
            }
        }
    }

    fn not_written(&self, why: &str) {
        self.console.warn(format_args!(
            "The run is not written down: {why}. It goes on, but cannot be taken up again if this process is killed. \
             Choose another file with --store, or --no-store."
        ));
    }

    /// Whether a master that did not end has left its run to this one.
    pub(super) fn has_found_run(&self) -> bool {
        matches!(self.link.get(), Some(Membership::Master(master)) if master.resumed.is_some())
    }

    /// Goes on with that run, whose workers are still at work.
    pub(super) fn resume(self: &Rc<Self>) {
        let Some(Membership::Master(master)) = self.link.get() else {
            return;
        };
        let Some(found) = &master.resumed else { return };
        self.console.warn(format_args!(
            "Going on with the run of a master that did not end it: {} users on {} workers. With --no-store this is a run \
             of its own.",
            found.users,
            found.workers.len()
        ));
        let passed = self.node.now().as_millis().saturating_sub(found.started_ms);
        let passed = Duration::from_millis(passed);
        {
            let mut chosen = self.chosen.borrow_mut();
            chosen.users = found.users;
            chosen.spawn_rate = found.spawn_rate;
            chosen.classes.clone_from(&found.classes);
            if found.host.is_some() {
                chosen.host.clone_from(&found.host);
            }
        }
        self.load.set(self.load.get() + 1);
        self.brief();
        if found.state == State::Stopping {
            self.node.send(Event::GoOn);
            let run = Rc::clone(self);
            spawn(async move {
                run.end_test(run.settings.stop_timeout).await;
            });
            return;
        }
        // Where kinds have schedules of their own it is not known when those began.
        let now_ms = self.node.now().as_millis();
        let of_rates = found.rate.as_ref().map(|rate| rate.passed(now_ms));
        self.go_on_with_rates(of_rates.unwrap_or(passed));
        if self.shape.borrow().is_some() {
            spawn(Rc::clone(self).follow_shape(self.load.get(), passed));
        }
        if found.is_paused {
            self.course.pause();
        }
        self.node.send(Event::GoOn);
    }

    /// Tells a master's workers how users are to run from now on.
    pub(super) fn brief(&self) {
        if let Some(Membership::Master(master)) = self.link.get() {
            master.desk.set(&Job {
                host: self.chosen.borrow().host.clone(),
                stop_timeout: self.settings.stop_timeout.as_secs_f64(),
                options: self.rate_options(),
            });
        }
    }

    /// Waits until so many workers are ready as were asked for; false if they did not come.
    pub(super) async fn await_workers(&self) -> bool {
        let given = &self.settings.given;
        let expected = match self.processes() {
            Some(count) => count,
            None => given.number("expect_workers").unwrap_or(1),
        };
        let most: u64 = given.number("expect_workers_max_wait").unwrap_or(0);
        let mut waited = Duration::ZERO;
        loop {
            let ready = self.workers_ready() as usize;
            if ready >= expected || self.over.get() {
                return true;
            }
            let children = self.children.borrow().as_ref().map(Children::len);
            if let Some(left) = children.filter(|left| *left < expected) {
                self.console.error(format_args!(
                    "The test cannot begin: {left} of the {expected} worker processes are left"
                ));
                return false;
            }
            if most > 0 && waited > Duration::from_secs(most) {
                self.console.error(format_args!(
                    "Gave up waiting for workers to connect: {ready} of {expected} are there"
                ));
                return false;
            }
            if waited.as_millis().is_multiple_of(5_000) && !waited.is_zero() {
                self.console.info(format_args!(
                    "Waiting for workers to be ready, {ready} of {expected} connected"
                ));
            }
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }

    /// How many workers wait for something to do.
    pub(super) fn workers_ready(&self) -> u32 {
        self.node.read(|role| match role {
            Role::Master(master) => {
                let ready = master.workers();
                let ready = ready.filter(|worker| worker.state == State::Ready).count();
                u32::try_from(ready).unwrap_or(u32::MAX)
            }
            Role::Local(_) => 0,
        })
    }

    /// How many workers of its own it starts.
    pub(super) fn processes(&self) -> Option<usize> {
        let count: i64 = self.settings.given.number("processes")?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Some(usize::try_from(count).unwrap_or(cores).max(1))
    }

    /// Waits until the workers have no users, or are all gone.
    pub(super) async fn await_end(&self, patience: Duration, leaves: bool) {
        let mut waited = Duration::ZERO;
        loop {
            let is_over = self.node.read(|role| match role {
                // One that is missing does not say goodbye.
                Role::Master(master) if leaves => !master.workers().any(is_there),
                Role::Master(master) => master.workers().all(|worker| worker.users == 0),
                Role::Local(_) => true,
            });
            if is_over {
                return;
            }
            if waited > patience {
                self.console
                    .error("Not all workers stopped in time. Their last counts may be missing.");
                return;
            }
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }

    /// Says goodbye to the others at the end.
    pub(super) async fn leave(&self) {
        match self.link.get() {
            Some(Membership::Master(master)) => {
                let is_active = self.is_active();
                let state = self.node.read(|role| role.run().state);
                let patience = if is_active {
                    self.load.set(self.load.get() + 1);
                    self.patience.get() + SILENCE
                } else {
                    FAREWELL
                };
                self.node.send(Event::Quitting);
                self.await_end(patience, true).await;
                // Also if another process was stopping it.
                if !matches!(state, State::Ready | State::Stopped) {
                    self.node.send(Event::Stopped);
                }
                master.flush();
            }
            Some(Membership::Worker(link)) if !self.is_finished.get() => {
                link.finish();
                let told = async {
                    while !self.is_finished.get() {
                        self.finished.notified().await;
                    }
                };
                if tokio::time::timeout(FAREWELL, told).await.is_err() {
                    self.console.warn(
                        "The master did not acknowledge the last report; it may be missing there.",
                    );
                }
                link.command(Command::Say("quit".to_owned(), Value::Nil));
            }
            _ => {}
        }
    }

    /// Tells all workers to let their users go on, or not.
    pub(super) fn pass_on_pause(&self, is_paused: bool) {
        self.order(Outgoing::Everyone(pause(is_paused)));
    }

    /// Tells a worker that has come to a paused test that it is.
    fn pause_worker(&self, worker: String) {
        self.order(Outgoing::Order(worker, pause(true)));
    }

    fn order(&self, order: Outgoing) {
        if let Some(orders) = self.orders.get() {
            // The task that takes them ends with the process.
            orders.send(order).ok();
        }
    }

    pub(super) fn told(self: &Rc<Self>, news: News) {
        match news {
            News::NotKept(why) => self.not_kept(&why),
            News::NotWritten(why) => self.not_written(&why),
            News::Finished => {
                self.is_finished.set(true);
                self.finished.notify_waiters();
            }
            News::Notice(notice) => self.noticed(notice),
            News::Heard(heard) => match heard {
                Heard::OtherVersion(worker, version) => self.console.warn(format_args!(
                    "Worker {worker} speaks version {version}, and not {VERSION}; it is let in all the same"
                )),
                Heard::Refused(worker) => self.console.error(format_args!(
                    "Worker {worker} is of an old generation and cannot be let in"
                )),
                Heard::Stranger(address, why, count) => self.console.warn(format_args!(
                    "Somebody at {address} was refused: {why} ({count} so far)"
                )),
                Heard::Unreadable(worker, why) => self.console.error(format_args!(
                    "{worker} sent something that cannot be read: {why}"
                )),
                _ => {}
            },
            News::Told(told) => self.obey(told),
        }
    }

    fn noticed(self: &Rc<Self>, notice: Notice) {
        let console = &self.console;
        if matches!(
            notice,
            Notice::WorkerReady { .. }
                | Notice::WorkerMissing(..)
                | Notice::WorkerBack(_)
                | Notice::WorkerQuit(..)
        ) {
            self.share_rates();
        }
        match notice {
            Notice::WorkerReady {
                worker,
                index,
                workers,
            } => {
                console.info(format_args!(
                    "Worker {worker} (index {index}) reported as ready. {workers} workers connected."
                ));
                if self.course.is_paused() {
                    self.pause_worker(worker);
                }
            }
            Notice::WorkerMissing(worker, users, requests) => console.warn(format_args!(
                "Worker {worker} is missing; its {users} users start on others, about {requests} requests of it are not \
                 counted"
            )),
            Notice::WorkerBack(worker) => {
                console.info(format_args!("Worker {worker} is there again"));
            }
            Notice::WorkerHeard(worker) => {
                self.remind_of_rates(&worker);
                if self.course.is_paused() {
                    self.pause_worker(worker);
                }
            }
            Notice::WorkerQuit(worker, left) => {
                console.info(format_args!("Worker {worker} has ended; {left} are left"));
            }
            Notice::ClockOff(worker, ahead) => console.warn(format_args!(
                "The clock of worker {worker} is {ahead} ms ahead; its times are corrected"
            )),
            Notice::NoWorkersLeft if self.over.get() || self.is_stopping.get() => {}
            Notice::NoWorkersLeft => {
                console.info("The last worker has ended, and so does the test");
                let run = Rc::clone(self);
                spawn(async move { run.end_test(run.settings.stop_timeout).await });
            }
            Notice::Rounded(worker) => console.info(format_args!(
                "Worker {worker} tells its response times in Locust's two digits: percentiles are as rough as its part \
                 in them"
            )),
            Notice::NothingLost(worker) => console.info(format_args!(
                "All that worker {worker} counted while it was missing is here"
            )),
            Notice::Placing(users, rate, workers) => console.debug(format_args!(
                "{users} users are started at {rate:.2} per second on {workers} workers"
            )),
        }
    }

    /// Tells a master of an error that a task has not dealt with.
    pub(super) fn tell_exception(&self, text: &str) {
        if let Some(link) = self.worker() {
            let told = Value::Map(vec![
                ("msg".into(), text.into()),
                ("traceback".into(), text.into()),
            ]);
            link.command(Command::Say("exception".to_owned(), told));
        }
    }

    fn worker(&self) -> Option<&Link> {
        match self.link.get() {
            Some(Membership::Worker(link)) => Some(link),
            _ => None,
        }
    }

    fn obey(self: &Rc<Self>, told: Told) {
        match told {
            Told::Welcome(_) => self.console.info("The master has welcomed this worker"),
            Told::Disconnected(reason) => {
                self.console
                    .debug(format_args!("No connection to the master: {reason}"));
            }
            Told::Refused(refusal) => {
                self.console.error(format_args!(
                    "The master and this worker have not the same join secret ({})",
                    refusal.as_str()
                ));
                self.code.set(Some(1));
                self.finish();
            }
            Told::Silent(_) => {
                self.console.error("The master does not answer any more");
                self.is_finished.set(true);
                self.finish();
            }
            Told::CutOff => {
                self.console.warn(
                    "The master does not answer and starts this worker's users on others, so they are stopped here.",
                );
                let run = Rc::clone(self);
                // The rate is for others now, too; with its next order this worker begins at its part anew.
                self.crew.end_rates();
                self.is_cut_off.set(true);
                spawn(async move {
                    run.crew.stop_all(Duration::ZERO).await;
                    run.node.send(Event::Spawned {
                        counts: run.crew.counts(),
                    });
                });
            }
            Told::Order(order) => match order {
                Order::Assign(job) => self.take_job(job),
                Order::Stop => {
                    spawn(Rc::clone(self).stop_job());
                }
                Order::Quit => {
                    self.console
                        .info("Got quit message from master, shutting down...");
                    self.finish();
                }
                Order::Custom(kind, data) if self.take_rate(&kind, &data) => {}
                Order::Custom(kind, data) if kind == PAUSE => {
                    if data.as_bool() == Some(true) {
                        self.course.pause();
                        self.crew.pause();
                    } else {
                        self.course.resume();
                        self.crew.resume();
                    }
                }
                _ => {}
            },
            Told::Heartbeat | Told::Reporting => {}
        }
    }

    /// Starts and stops users until there are as many of each kind as the master wants.
    fn take_job(self: &Rc<Self>, job: Assignment) {
        let Some(link) = self.worker() else { return };
        link.command(Command::Say("spawning".to_owned(), Value::Nil));
        if job.timestamp <= self.job.get() {
            return;
        }
        self.job.set(job.timestamp);
        let mut state = link.desk.state.lock();
        if !state.is_active() {
            self.load.set(self.load.get() + 1);
            self.crew.begin(job.host.clone());
            self.take_rate_option(&job.options);
        } else if self.is_cut_off.get() {
            self.take_rate_option(&job.options);
        }
        self.is_cut_off.set(false);
        *state = State::Spawning;
        drop(state);
        self.node.send(Event::State(State::Spawning));
        let run = Rc::clone(self);
        spawn(async move {
            let before = run.jobs.lock().await;
            if run.job.get().total_cmp(&job.timestamp).is_ne() {
                // A newer one tells all users there are to be.
                return;
            }
            let patience = Duration::try_from_secs_f64(job.stop_timeout).unwrap_or_default();
            run.patience.set(patience);
            run.place_job(&job.users, patience).await;
            drop(before);
        });
    }

    async fn place_job(&self, wanted: &Users, patience: Duration) {
        let Some(link) = self.worker() else { return };
        let present = self.crew.counts();
        let strangers: Vec<_> = wanted
            .keys()
            .filter(|name| !present.contains_key(*name))
            .map(String::as_str)
            .collect();
        if !strangers.is_empty() {
            self.console.error(format_args!(
                "The master wants users of {}, which this test does not have.",
                strangers.join(", ")
            ));
        }
        let of = |users: &Users, name: &String| users.get(name).copied().unwrap_or(0);
        let (mut more, mut fewer) = (Users::new(), Users::new());
        for name in present.keys() {
            let (now, then) = (of(&present, name), of(wanted, name));
            if then > now {
                more.insert(name.clone(), then - now);
            } else if now > then {
                fewer.insert(name.clone(), now - then);
            }
        }
        self.crew.spawn(&more).await;
        // Where iterations begin at a rate there are as many users as it takes.
        if !fewer.is_empty() && !self.has_rates.get() {
            self.crew.stop(&fewer, patience).await;
        }
        let counts = self.crew.counts();
        let total: u32 = counts.values().sum();
        let told = Value::Map(vec![
            ("user_classes_count".into(), users_value(&counts)),
            ("user_count".into(), total.into()),
        ]);
        self.node.send(Event::Spawned { counts });
        self.node.send(Event::State(State::Running));
        *link.desk.state.lock() = State::Running;
        link.command(Command::Say("spawning_complete".to_owned(), told));
    }

    /// Stops all users, tells what is left, and is ready again.
    async fn stop_job(self: Rc<Self>) {
        let jobs = self.jobs.lock().await;
        self.stop(self.patience.get()).await;
        self.told_rate.take();
        let Some(link) = self.worker() else { return };
        self.node.send(Event::Spawned {
            counts: self.crew.counts(),
        });
        link.command(Command::Report(Vec::new()));
        link.command(Command::Say("client_stopped".to_owned(), Value::Nil));
        *link.desk.state.lock() = State::Ready;
        link.command(Command::Say("client_ready".to_owned(), VERSION.into()));
        drop(jobs);
    }
}

/// An id that no other worker has, as Locust makes them: two workers of one id would take each other's place for ever.
fn worker_id() -> String {
    // The keys are the system's random numbers; a generator that is seeded by the clock may begin alike in processes
    // that are started together.
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{}_{:016x}{:016x}", machine::name(), random(), random())
}

fn pause(is_paused: bool) -> Order {
    Order::Custom(PAUSE.to_owned(), is_paused.into())
}

/// What the nodes of a fleet know and strangers do not.
fn secret(file: Option<&str>) -> Result<Option<JoinSecret>, Problem> {
    let secret = match (file, std::env::var("KATYDID_JOIN_SECRET")) {
        (Some(path), _) => JoinSecret::read(path.as_ref()),
        (None, Ok(text)) if !text.is_empty() => JoinSecret::new(text.as_bytes()),
        _ => return Ok(None),
    };
    secret
        .map(Some)
        .map_err(|error| Problem::failed(format!("The join secret cannot be used: {error}")))
}
