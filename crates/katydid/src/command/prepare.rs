//! What a run needs before its first user: its node, its threads, its files.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::available_parallelism;

use http::{HeaderMap, HeaderValue};
use katydid_core::registry::Registry;
use katydid_host::fleet::{News, Orders};
use katydid_host::machine;
use katydid_host::service::Service;
use katydid_http::tls::{Tls, Verify};
use katydid_node::Action;
use katydid_node::fleet::Outgoing;
use katydid_node::run::Node;
use parking_lot::RwLock;
use tokio::sync::{Notify, mpsc};

use super::children;
use super::console::Console;
use super::desk::Desk;
use super::output::{self, CsvFiles};
use super::page::about;
use super::rates::Course;
use super::run::{Chosen, Inbox, Run, place};
use super::settings::{Part, Problem, Settings};
use super::spawn;
use crate::engine::{Ask, Crew, Limit, Shared};

/// Bytes of a body that are kept.
const MOST_BODY: u64 = 100 << 20;

impl Run {
    #[expect(clippy::too_many_lines, reason = "one part after the other")]
    pub(super) fn prepare(settings: Settings) -> Result<(Self, Inbox), Problem> {
        let (action_sender, actions) = mpsc::unbounded_channel();
        let (call_sender, calls) = mpsc::unbounded_channel();
        let (ask_sender, asks) = mpsc::unbounded_channel();
        let (news_sender, news) = mpsc::unbounded_channel();
        let (pushing, pushed) = mpsc::unbounded_channel();
        let orders = Orders::default();
        let workers = Arc::clone(&orders);
        let notices = news_sender.clone();
        let node = Arc::new(Node::new(
            Arc::new(Registry::new()),
            Box::new(move |action| match action {
                Action::Assign(worker, users) => tell(&workers, Outgoing::Assign(worker, users)),
                Action::Order(worker, order) => tell(&workers, Outgoing::Order(worker, order)),
                Action::Notice(notice) => drop(notices.send(News::Notice(notice))),
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
        if settings.part != Part::Worker {
            for path in output::files(&settings) {
                output::check_writable(Path::new(&path))
                    .map_err(|error| failed(&format!("Could not write {path}"), error))?;
            }
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
            rate: RefCell::new(settings.rate.clone()),
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
            is_cut_off: Cell::default(),
            ran_out: Cell::default(),
            patience: Cell::new(patience),
            code: Cell::new(None),
            push: OnceCell::new(),
            pushing,
            children: RefCell::default(),
            parent: children::Parent::find(),
            has_rates: Cell::new(false),
            course: Course::default(),
            told_rate: RefCell::default(),
            schedules: Cell::new(0),
            recorder: OnceCell::new(),
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
        spawn(place(crew, node, placed, load, patience));
        let inbox = Inbox {
            actions,
            calls,
            asks,
            news,
            pushed,
        };
        Ok((run, inbox))
    }
}

fn tell(workers: &Orders, outgoing: Outgoing) {
    if let Some(workers) = workers.get() {
        // The task that serves them ends with the process.
        workers.send(outgoing).ok();
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
        iterations: children::share(settings.iterations).map(Limit::new),
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
