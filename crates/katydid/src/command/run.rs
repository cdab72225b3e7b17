//! One run of the command, from the first user to the exit code.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::available_parallelism;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use katydid_core::dispatch::{Class, Users};
use katydid_core::mark::Kind as MarkKind;
use katydid_core::registry::Registry;
use katydid_core::report::text::Rates;
use katydid_core::report::{thresholds, words};
use katydid_core::snapshot::{Snapshot, State};
use katydid_core::threshold::{Standing, Threshold, Verdict};
use katydid_host::fleet::{News, Orders, Tell};
use katydid_host::scribe::Scribe;
use katydid_host::service::{self, Service};
use katydid_host::{machine, recorder};
use katydid_http::timing::Stamp;
use katydid_http::tls::{Tls, Verify};
use katydid_node::fleet::Outgoing;
use katydid_node::run::Node;
use katydid_node::{Action, Event};
use katydid_web::{About, Answer, Defaults, Tags, Telling};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, mpsc};
use tokio::task::{LocalSet, spawn_local};

use super::children;
use super::console::Console;
use super::desk::{Call, Desk, Form, done, refused};
use super::fleet::{Membership, SILENCE};
use super::output::{self, CsvFiles};
use super::rates::Course;
use super::settings::{Part, Problem, Settings};
use crate::engine::{Ask, Crew, Shared};
use crate::shape::{Shape, Stages};

/// Exit code of a run that has failed by a threshold.
const FAILED_BY_THRESHOLD: i32 = 3;
/// How often the line is drawn anew.
const REFRESH: Duration = Duration::from_millis(500);
/// Ticks of [`REFRESH`] between two tables: Locust's `CONSOLE_STATS_INTERVAL_SEC` is two seconds.
const TABLE_TICKS: u64 = 4;
/// Ticks between two looks at thresholds, requests under way, and CSV files.
const LOOK_TICKS: u64 = 2;
/// How often a load shape is asked.
const SHAPE_TICK: Duration = Duration::from_secs(1);
/// Bytes of a body that are kept.
const MOST_BODY: u64 = 100 << 20;

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
struct Inbox {
    actions: mpsc::UnboundedReceiver<Action>,
    calls: mpsc::UnboundedReceiver<Call>,
    asks: mpsc::UnboundedReceiver<Ask>,
    news: mpsc::UnboundedReceiver<News>,
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
    /// How long users get to finish their tasks when they are stopped.
    pub(super) patience: Cell<Duration>,
    /// The exit code, if it is settled already.
    pub(super) code: Cell<Option<i32>>,
    children: RefCell<Vec<Child>>,
    /// Whether iterations begin at a rate in this test.
    pub(super) has_rates: Cell<bool>,
    pub(super) course: Course,
    /// Parts of schedules that are not over.
    pub(super) schedules: Cell<usize>,
    recorder: Option<Scribe>,
    about: RefCell<About>,
    /// What was last asked for.
    pub(super) chosen: RefCell<Chosen>,
    shape: RefCell<Option<Box<dyn Shape>>>,
    /// Grows with each start and stop, so that what belongs to an earlier load ends.
    pub(super) load: Rc<Cell<u64>>,
    is_stopping: Cell<bool>,
    stopped: Notify,
    pub(super) over: Cell<bool>,
    end: Notify,
    placing: mpsc::UnboundedSender<(u64, Action)>,
    csv: RefCell<Option<CsvFiles>>,
    crossed: RefCell<Vec<String>>,
    peak_cpu: Cell<f64>,
}

/// The load as it was last asked for.
#[derive(Clone)]
pub(super) struct Chosen {
    users: u32,
    spawn_rate: f64,
    run_time: Option<Duration>,
    pub(super) host: Option<String>,
    classes: Vec<Class>,
}

impl Run {
    fn prepare(settings: Settings) -> Result<(Self, Inbox), Problem> {
        let (action_sender, actions) = mpsc::unbounded_channel();
        let (call_sender, calls) = mpsc::unbounded_channel();
        let (ask_sender, asks) = mpsc::unbounded_channel();
        let (news_sender, news) = mpsc::unbounded_channel();
        let orders = Orders::default();
        let workers = Arc::clone(&orders);
        let node = Arc::new(Node::new(
            Arc::new(Registry::new()),
            Box::new(move |action| match action {
                Action::Assign(worker, users) => tell(&workers, Outgoing::Assign(worker, users)),
                Action::Order(worker, order) => tell(&workers, Outgoing::Order(worker, order)),
                Action::Publish => {}
                action => drop(action_sender.send(action)),
            }),
        ));
        let failed = |what: &str, error: io::Error| Problem::failed(format!("{what}: {error}"));
        let given = &settings.given;
        let wants_line = settings.part != Part::Worker && (settings.headless || settings.autostart);
        let logfile = given.text("logfile").map(PathBuf::from);
        let console = Console::new(
            Arc::clone(&node),
            machine::name(),
            given.text("loglevel").unwrap_or("INFO"),
            logfile.as_deref(),
            wants_line,
        );
        let console = console.map_err(|error| {
            let path = logfile.unwrap_or_default();
            failed(&format!("Could not log to {}", path.display()), error)
        })?;
        if let Some(path) = given.text("junit_file") {
            output::check_writable(Path::new(path))
                .map_err(|error| failed(&format!("Could not write {path}"), error))?;
        }
        let csv = given
            .text("csv_prefix")
            .filter(|_| settings.part != Part::Worker);
        let csv = csv
            .map(|prefix| {
                CsvFiles::begin(prefix, given.flag("stats_history_enabled")).map_err(|error| {
                    failed(
                        &format!("Could not write the CSV files {prefix}_*.csv"),
                        error,
                    )
                })
            })
            .transpose()?;
        let service = Service::start(Arc::clone(&node), Arc::new(Desk(call_sender)))
            .map_err(|error| failed("Could not start the service thread", error))?;
        allow_open_files(&console);
        let crew = crew(&settings, &node, ask_sender)?;
        let chosen = Chosen {
            users: settings.users,
            spawn_rate: settings.spawn_rate,
            run_time: settings.run_time,
            host: settings.host.clone(),
            classes: settings.kinds.iter().map(|kind| kind.class()).collect(),
        };
        let (placing, placed) = mpsc::unbounded_channel();
        let load = Rc::new(Cell::new(0));
        let patience = settings.stop_timeout;
        let run = Self {
            about: RefCell::new(about(&settings)),
            shape: RefCell::default(),
            settings,
            node,
            service,
            crew: Rc::new(crew),
            console: Rc::new(console),
            orders,
            tell: Arc::new(move |news| drop(news_sender.send(news))),
            link: OnceCell::new(),
            is_finished: Cell::new(false),
            finished: Notify::new(),
            job: Cell::new(0.0),
            jobs: tokio::sync::Mutex::default(),
            patience: Cell::new(patience),
            code: Cell::new(None),
            children: RefCell::default(),
            has_rates: Cell::new(false),
            course: Course::default(),
            schedules: Cell::new(0),
            recorder: None,
            chosen: RefCell::new(chosen),
            load: Rc::clone(&load),
            is_stopping: Cell::new(false),
            stopped: Notify::new(),
            over: Cell::new(false),
            end: Notify::new(),
            placing,
            csv: RefCell::new(csv),
            crossed: RefCell::default(),
            peak_cpu: Cell::new(0.0),
        };
        let (crew, node) = (Rc::clone(&run.crew), Arc::clone(&run.node));
        spawn_local(place(crew, node, placed, load, patience));
        let inbox = Inbox {
            actions,
            calls,
            asks,
            news,
        };
        Ok((run, inbox))
    }

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
            run.keep_runs();
        }
        self.describe();
        self.node
            .send(Event::Thresholds(self.settings.thresholds.clone()));
        if let Err(problem) = self.serve() {
            self.service.stop();
            return problem.tell();
        }
        spawn_local(Rc::clone(&self).watch_signals());
        spawn_local(Rc::clone(&self).tick());
        let hearing = spawn_local(Rc::clone(&self).hear(inbox));
        if let Err(problem) = self.join() {
            self.service.stop();
            return problem.tell();
        }
        self.start_children();
        if self.settings.part != Part::Worker && (self.settings.headless || self.settings.autostart)
        {
            spawn_local(Rc::clone(&self).begin_when_ready());
        }
        while !self.over.get() {
            self.end.notified().await;
        }
        let code = self.shut_down().await;
        hearing.abort();
        code
    }

    fn keep_runs(&mut self) {
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
            Ok(recorder) => self.recorder = Some(recorder),
            Err(error) => self.not_kept(&error.to_string()),
        }
    }

    pub(super) fn not_kept(&self, why: &str) {
        self.console.warn(format_args!(
            "This run is not kept: {why}. Choose another file with --store, or --no-store."
        ));
    }

    /// What is known of every run of this process; nothing of it is secret.
    fn known(&self) -> Map<String, Value> {
        let settings = &self.settings;
        let kinds = settings.kinds.iter().map(|kind| kind.class().name);
        let known = json!({
            "name": settings.name,
            "user_classes": kinds.collect::<Vec<_>>(),
            "classes": self.about.borrow().user_classes,
            "shape": self.about.borrow().shape,
            "stages": self.about.borrow().stages,
            "version": env!("CARGO_PKG_VERSION"),
            "machine": std::env::consts::ARCH,
            "system": std::env::consts::OS,
            "cores": available_parallelism().map_or(1, std::num::NonZero::get),
            "tags": settings.given.all("tags"),
            "exclude_tags": settings.given.all("exclude_tags"),
        });
        match known {
            Value::Object(known) => known,
            _ => Map::new(),
        }
    }

    /// Shows the page what there is to know, as it is now.
    fn describe(&self) {
        let mut about = self.about.borrow_mut();
        let chosen = self.chosen.borrow();
        about.host.clone_from(&chosen.host);
        about.defaults = Defaults {
            users: Some(chosen.users.max(1)),
            spawn_rate: Some(chosen.spawn_rate),
            run_time: chosen.run_time.map(|time| time.as_secs().into()),
        };
        let shape = self.shape.borrow();
        about.shape = shape.as_ref().map(|shape| shape.name().to_owned());
        about.stages = shape.as_ref().and_then(|shape| {
            let stages = shape.stages()?.into_iter();
            let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
            Some(stages.map(|(time, users)| (seconds(time), users)).collect())
        });
        self.service.describe(about.clone());
    }

    /// Serves the page, unless there is none.
    fn serve(&self) -> Result<(), Problem> {
        let settings = &self.settings;
        if settings.headless || settings.part == Part::Worker {
            return Ok(());
        }
        let given = &settings.given;
        let text = |dest| given.text(dest).unwrap_or_default().to_owned();
        let base_path = text("web_base_path");
        if !base_path.is_empty() && !base_path.starts_with('/') {
            return Err(Problem::failed(
                "--web-base-path must start with a slash, such as /load",
            ));
        }
        let (tls_cert, tls_key) = (text("tls_cert"), text("tls_key"));
        if tls_cert.is_empty() != tls_key.is_empty() {
            return Err(Problem::failed(
                "--tls-cert and --tls-key are only meaningful together",
            ));
        }
        let users = secret(given.text("web_users"), "KATYDID_WEB_USERS")?;
        let token = secret(given.text("web_token"), "KATYDID_WEB_TOKEN")?;
        let asks = !(users.is_empty() && token.is_empty());
        let asked = text("web_host");
        // A page that asks nobody who they are is for this machine, unless it is told otherwise.
        let is_private = asked.is_empty() && !asks;
        let host = if is_private { "127.0.0.1" } else { &asked };
        let port = given.number("web_port").unwrap_or(8089);
        let display = text("web_host_display_name");
        let scheme = if tls_cert.is_empty() { "http" } else { "https" };
        let served = self.service.serve(
            host,
            port,
            service::Settings {
                base_path: base_path.clone(),
                names: if display.is_empty() {
                    Vec::new()
                } else {
                    vec![display.clone()]
                },
                tls_cert,
                tls_key,
                users,
                token: token.trim().to_owned(),
            },
        );
        let port = served.map_err(|error| {
            Problem::failed(format!(
                "Could not start the web interface on {host}:{port}: {error}. Choose another port with -P, \
                 or run without the page with --headless."
            ))
        })?;
        let names = [asked, display, "localhost".to_owned()];
        let shown = names.iter().find(|name| !name.is_empty());
        let shown = shown.map_or("localhost", String::as_str);
        let shown = if shown.contains(':') {
            format!("[{shown}]")
        } else {
            shown.to_owned()
        };
        let reach = if is_private {
            " (from this machine only, --web-host 0.0.0.0 opens it to others)"
        } else {
            ""
        };
        self.console.info(format_args!(
            "Starting web interface at {scheme}://{shown}:{port}{base_path}{reach}"
        ));
        Ok(())
    }

    /// Starts the workers of this machine.
    fn start_children(&self) {
        let Some(Membership::Master(master)) = self.link.get() else {
            return;
        };
        let count = self.processes().unwrap_or(0);
        for number in 0..count {
            let given = &self.settings.given;
            let started = children::start(
                (&given.launcher, &given.command),
                master.port,
                number,
                count,
            );
            match started {
                Ok(child) => self.children.borrow_mut().push(child),
                Err(error) => self
                    .console
                    .error(format_args!("Could not start a worker: {error}")),
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
    fn start(self: &Rc<Self>) {
        let mut chosen = self.chosen.borrow().clone();
        let is_new = !self.is_active();
        if is_new {
            self.load.set(self.load.get() + 1);
            self.node.send(Event::ClearStats);
            self.crew.begin(chosen.host.clone());
            // Before the first user: it waits for what is due.
            self.set_rates(self.settings.rate.as_ref());
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

    fn start_shape(self: &Rc<Self>) {
        if self.is_active() {
            self.console
                .info("There is an ongoing shape test running. Editing is disabled");
            return;
        }
        self.console.info("Shape test starting.");
        self.load.set(self.load.get() + 1);
        spawn_local(Rc::clone(self).follow_shape(self.load.get() + 1));
    }

    /// Lets the load shape decide how many users there are, until its end or that of the load.
    async fn follow_shape(self: Rc<Self>, load: u64) {
        let began = Stamp::now();
        let mut last = None;
        let mut ticks = tokio::time::interval(SHAPE_TICK);
        loop {
            ticks.tick().await;
            if last.is_some() && (self.load.get() != load || self.is_stopping.get()) {
                return;
            }
            let passed = Duration::from_nanos(Stamp::now().since(began));
            let tick = self
                .shape
                .borrow_mut()
                .as_mut()
                .and_then(|shape| shape.tick(passed));
            let Some(wanted) = tick else {
                self.console.info("Shape test stopping");
                self.stop(self.settings.stop_timeout).await;
                self.has_ended().await;
                return;
            };
            if last != Some(wanted) {
                {
                    let mut chosen = self.chosen.borrow_mut();
                    chosen.users = wanted.users;
                    chosen.spawn_rate = wanted.spawn_rate;
                }
                self.start();
                last = Some(wanted);
            }
        }
    }

    fn is_active(&self) -> bool {
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
        self.node.send(Event::Stopped);
        self.is_stopping.set(false);
        self.stopped.notify_waiters();
    }

    async fn time_is_up(self: Rc<Self>) {
        if self.settings.headless {
            self.console.info("--run-time limit reached, shutting down");
            self.finish();
            return;
        }
        self.console.info("--run-time limit reached, stopping test");
        self.stop(self.settings.stop_timeout).await;
        self.quit_after_a_while().await;
    }

    /// What becomes of the process when its test has ended by itself.
    pub(super) async fn has_ended(&self) {
        if self.settings.headless {
            self.finish();
        } else {
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
                    spawn_local(Rc::clone(&self).answer(call));
                }
                Some(ask) = inbox.asks.recv() => self.asked(&ask),
                Some(news) = inbox.news.recv() => self.told(news),
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
                spawn_local(Rc::clone(self).time_is_up());
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
        self.console.info(reason);
        let run = Rc::clone(self);
        // Iterations that have begun are to be finished.
        let patience = match ask {
            Ask::IterationsDone => Duration::from_secs(60).max(self.settings.stop_timeout),
            _ => self.settings.stop_timeout,
        };
        spawn_local(async move {
            run.stop(patience).await;
            if run.settings.headless || is_worker {
                run.finish();
            }
        });
    }

    /// Carries out what the page asks for.
    async fn answer(self: Rc<Self>, call: Call) {
        let Call {
            name,
            payload,
            answer,
        } = call;
        let done = match name.as_str() {
            "swarm" | "start" => self.swarm(&payload),
            "load" => self.change_load(&payload),
            "stop" => {
                self.stop(self.settings.stop_timeout).await;
                done("Test stopped")
            }
            "end" => {
                let seconds = payload["timeout"].as_f64().unwrap_or(0.0);
                let patience = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                self.stop(patience).await;
                done("Test stopped")
            }
            "pause" | "resume" => {
                let by = payload["by"].as_str().map(str::to_owned);
                self.pass_on_pause(name == "pause");
                let (kind, text) = if name == "pause" {
                    self.course.pause();
                    self.crew.pause();
                    (MarkKind::Pause, "users start no new tasks")
                } else {
                    self.course.resume();
                    self.crew.resume();
                    (MarkKind::Resume, "users go on")
                };
                self.node.send(Event::Mark {
                    kind,
                    text: text.to_owned(),
                    by,
                });
                done("")
            }
            "reset_stats" => {
                self.crew.flush().await;
                self.node.send(Event::ResetStats);
                done("")
            }
            "tasks" => Answer {
                status: 200,
                body: json!({ "per_class": {}, "total": {} }),
            },
            "report" => {
                self.crew.flush().await;
                let telling = Telling {
                    theme: payload["theme"].as_str().unwrap_or_default().to_owned(),
                    show_download_link: payload["download"] != true,
                    ..Telling::default()
                };
                Answer {
                    status: 200,
                    body: json!({ "html": self.service.report(&telling) }),
                }
            }
            _ => Answer {
                status: 501,
                body: "A test in Rust has nothing like this.".into(),
            },
        };
        // Whoever asked may have gone.
        answer.send(done).ok();
    }

    fn swarm(self: &Rc<Self>, fields: &Value) -> Answer {
        if self.is_stopping.get() {
            return refused("The test is being stopped; try again when it has");
        }
        let form = match Form::parse(fields) {
            Ok(form) => form,
            Err(message) => return refused(&message),
        };
        if let Some(text) = &form.stages {
            match Stages::parse(text) {
                Ok(stages) => *self.shape.borrow_mut() = Some(Box::new(stages)),
                Err(message) => return refused(&message),
            }
        }
        {
            let mut chosen = self.chosen.borrow_mut();
            chosen.users = form.users.unwrap_or(chosen.users);
            chosen.spawn_rate = form.spawn_rate.unwrap_or(chosen.spawn_rate);
            chosen.run_time = form.run_time;
            if form.host.is_some() {
                chosen.host = form.host;
            }
            let kinds = self.settings.kinds.iter().map(|kind| kind.class());
            let is_chosen =
                |class: &Class| form.classes.is_empty() || form.classes.contains(&class.name);
            chosen.classes = kinds.filter(is_chosen).collect();
        }
        if self.shape.borrow().is_some() {
            self.start_shape();
        } else {
            self.start();
        }
        self.describe();
        done("Swarming started")
    }

    fn change_load(self: &Rc<Self>, asked: &Value) -> Answer {
        let run_time = match asked["run_time"].as_str().map(crate::timespan::parse) {
            Some(None) => {
                return refused(
                    "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.",
                );
            }
            time => time.flatten(),
        };
        let named = &asked["user_classes"];
        {
            let mut chosen = self.chosen.borrow_mut();
            let kinds = self.settings.kinds.iter().map(|kind| kind.class());
            let classes: Vec<Class> = match named {
                Value::Object(weights) => kinds
                    .map(|class| {
                        let weight = weights.get(&class.name).and_then(Value::as_f64);
                        Class {
                            weight: weight.unwrap_or(class.weight),
                            ..class
                        }
                    })
                    .filter(|class| class.weight > 0.0 || class.fixed_count > 0)
                    .collect(),
                Value::Array(names) => kinds
                    .filter(|class| names.iter().any(|name| name == class.name.as_str()))
                    .collect(),
                _ => chosen.classes.clone(),
            };
            if classes.is_empty() {
                return refused("Invalid user_classes: no class of users is left");
            }
            chosen.classes = classes;
            let users = asked["users"].as_u64();
            let users = users.and_then(|users| u32::try_from(users).ok());
            chosen.users = users.unwrap_or(chosen.users);
            chosen.spawn_rate = asked["spawn_rate"].as_f64().unwrap_or(chosen.spawn_rate);
        }
        if let Some(time) = run_time {
            self.node.send(Event::RunTime(Some(time)));
        }
        if !named.is_null() {
            self.node.send(Event::Rebalance);
        }
        self.start();
        self.describe();
        done("The load changes")
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
        #[expect(clippy::exit, reason = "a second Ctrl-C ends the process at once")]
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

    fn write_csv(&self, snapshot: &Snapshot) {
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

    /// Ends everything, prints what is to be printed; the exit code.
    async fn shut_down(&self) -> i32 {
        self.stop(self.patience.get()).await;
        self.leave().await;
        let children = self.children.take();
        if !children.is_empty() {
            children::end(children).await;
        }
        if let Some(recorder) = &self.recorder {
            recorder.flush();
        }
        let snapshot = self.node.snapshot_now();
        let verdicts = judged(&snapshot);
        let code = self.exit_code(&snapshot, &verdicts);
        self.console.end_line();
        self.console
            .info(format_args!("Shutting down (exit code {code})"));
        if self.settings.part != Part::Worker {
            self.print(&snapshot, &verdicts);
        }
        self.service.stop();
        code
    }

    fn exit_code(&self, snapshot: &Snapshot, verdicts: &[(Threshold, Verdict)]) -> i32 {
        if let Some(code) = self.code.get() {
            return code;
        }
        if verdicts.iter().any(|(_, verdict)| verdict.failed) {
            return FAILED_BY_THRESHOLD;
        }
        let of_failures =
            |(threshold, _): &(Threshold, Verdict)| threshold.metric().is_of_failures();
        let counts = !verdicts.iter().any(of_failures);
        let has_failed = counts && snapshot.stats.total().failures > 0;
        if self.settings.part != Part::Worker && (has_failed || !snapshot.exceptions.is_empty()) {
            return self
                .settings
                .given
                .number("exit_code_on_error")
                .unwrap_or(1);
        }
        0
    }

    fn print(&self, snapshot: &Snapshot, verdicts: &[(Threshold, Verdict)]) {
        let given = &self.settings.given;
        let could_not = |path: &str, error: io::Error| {
            self.console
                .error(format_args!("Could not write {path}: {error}"));
        };
        self.write_csv(snapshot);
        if given.flag("json") {
            self.console.print(&output::json(snapshot));
        }
        if let Some(path) = given.text("json_file") {
            let path = format!("{path}.json");
            if let Err(error) = output::write_whole(Path::new(&path), &output::json(snapshot)) {
                could_not(&path, error);
            }
        } else {
            self.console.tables(&output::tables(snapshot));
        }
        self.console.tables(&thresholds::table(verdicts));
        if let Some(path) = given.text("junit_file") {
            let xml = thresholds::junit(verdicts, &self.settings.name);
            if let Err(error) = output::write_whole(Path::new(path), &xml) {
                could_not(path, error);
            }
        }
        if let Some(path) = given.text("html_file") {
            let chosen = self.chosen.borrow();
            let time = chosen
                .run_time
                .map_or_else(|| "None".to_owned(), |time| time.as_secs().to_string());
            let path = path
                .replace("{u}", &chosen.users.to_string())
                .replace("{r}", &chosen.spawn_rate.to_string())
                .replace("{t}", &time);
            let report = self.service.report(&Telling::default());
            if let Err(error) = output::write_whole(Path::new(&path), &report) {
                could_not(&path, error);
            }
        }
        for exception in snapshot.exceptions.iter() {
            self.console.tables(&format!(
                "Exception, {} times: {}\n\n",
                exception.count, exception.msg
            ));
        }
        if self.console.has_line {
            self.console
                .tables(&words::summary(snapshot, self.peak_cpu.get()));
        }
    }
}

/// Carries out, in order, what the node wants done about users.
async fn place(
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

/// What became of the conditions that a run is judged by.
fn judged(snapshot: &Snapshot) -> Vec<(Threshold, Verdict)> {
    let judged = snapshot.thresholds.iter().map(|watched| {
        let threshold = watched.threshold.clone();
        let verdict = threshold.judge(&snapshot.stats, &snapshot.registry);
        (threshold, verdict)
    });
    judged.collect()
}

fn tell(workers: &Orders, outgoing: Outgoing) {
    if let Some(workers) = workers.get() {
        // The task that serves them ends with the process.
        workers.send(outgoing).ok();
    }
}

/// What the page shows of a test.
fn about(settings: &Settings) -> About {
    About {
        locustfile: settings.name.clone(),
        tags: Tags {
            known: settings.known_tags.iter().cloned().collect(),
            only: settings.given.all("tags").to_vec(),
            without: settings.given.all("exclude_tags").to_vec(),
        },
        user_classes: settings.kinds.iter().map(|kind| kind.about()).collect(),
        utc_offset: machine::offset(0),
        ..About::default()
    }
}

/// The threads that run users.
fn crew(
    settings: &Settings,
    node: &Arc<Node>,
    asks: mpsc::UnboundedSender<Ask>,
) -> Result<Crew, Problem> {
    let tls = Tls {
        verify: if settings.is_insecure {
            Verify::Nobody
        } else {
            Verify::System
        },
        identity: None,
    };
    let tls = tls
        .load()
        .map_err(|error| Problem::failed(format!("TLS cannot be used: {}", error.chain())))?;
    let config = katydid_http::Config {
        tls,
        proxy: None,
        body_limit: MOST_BODY,
        max_redirects: 30,
    };
    let mut headers = HeaderMap::new();
    let agent = concat!("katydid/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        ("user-agent", agent),
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let shared = Shared {
        node: Arc::clone(node),
        kinds: settings.kinds.clone(),
        config: Arc::new(config),
        headers,
        host: RwLock::new(settings.host.clone()),
        iterations: children::share(settings.iterations).map(AtomicU64::new),
        next_id: AtomicU64::new(0),
        ask: Box::new(move |ask| drop(asks.send(ask))),
        name: "local".to_owned(),
    };
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = match settings.part {
        Part::Master => 1,
        _ => cores.div_ceil(children::siblings()),
    };
    Crew::start(Arc::new(shared), threads)
        .map_err(|error| Problem::failed(format!("Could not start threads for users: {error}")))
}

/// A secret from a file, or from the environment.
fn secret(file: Option<&str>, variable: &str) -> Result<String, Problem> {
    match file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Problem::failed(format!("Could not read {path}: {error}"))),
        None => Ok(std::env::var(variable).unwrap_or_default()),
    }
}

/// Raises the limit of open files, as far as the system lets a process do that itself.
fn allow_open_files(console: &Console) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current != maximum {
            let all = Rlimit {
                current: maximum,
                maximum,
            };
            if setrlimit(Resource::Nofile, all).is_err() {
                console.warn(format_args!(
                    "The limit of open files is {} and cannot be raised: each connection takes one.",
                    current.unwrap_or(0)
                ));
            }
        }
    }
    #[cfg(not(unix))]
    let _ = console;
}
