//! Masters and workers, as Python holds them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use katydid_core::report::words;
use katydid_core::snapshot::State;
use katydid_node::checkpoint::Checkpoint;
use katydid_node::fleet::{self, Heard, Outgoing, Settings};
use katydid_node::link::{self, Address, Command, Told};
use katydid_node::{Event, Notice, master};
use katydid_store::Store;
use katydid_wire::protocol::Order;
use katydid_wire::{JoinSecret, Router, SecretError, Trust, Value};
use parking_lot::Mutex;
use pyo3::exceptions::{PyOSError, PyPermissionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tokio::sync::{mpsc, oneshot};

use crate::door::Message;
use crate::engine::{Shared, os_error};
use crate::journal;
use crate::scribe::Scribe;
use crate::service::Tasks;
use crate::values::{from_python, to_python};

/// Where the node's orders for workers go, once there are any.
pub(crate) type Orders = Arc<OnceLock<mpsc::UnboundedSender<Outgoing>>>;

/// What other nodes do that Python has to know.
#[derive(Debug)]
pub(crate) enum News {
    Notice(Notice),
    Heard(Heard),
    Told(Told),
    Finished,
    /// The store cannot be written to, for this reason.
    NotWritten(String),
    /// The run is not kept, and why.
    NotKept(String),
}

/// This process's part in a fleet.
#[pyclass(frozen, name = "Fleet", module = "katydid._core")]
pub(crate) struct PyFleet {
    shared: Arc<Shared>,
    tasks: Tasks,
    orders: Orders,
    master: OnceLock<Arc<fleet::Desk>>,
    kept: Mutex<Option<Kept>>,
    journal: OnceLock<Scribe>,
    /// The run of another process that this one goes on with.
    resumed: OnceLock<Checkpoint>,
    link: OnceLock<(mpsc::UnboundedSender<Command>, Arc<link::Desk>)>,
}

/// What a master that is about to begin writes to, and what it found there.
struct Kept {
    store: Store,
    run: String,
    found: Option<Checkpoint>,
}

impl PyFleet {
    pub(crate) fn new(shared: Arc<Shared>, tasks: Tasks, orders: Orders) -> Self {
        Self {
            shared,
            tasks,
            orders,
            master: OnceLock::new(),
            kept: Mutex::default(),
            journal: OnceLock::new(),
            resumed: OnceLock::new(),
            link: OnceLock::new(),
        }
    }

    fn link(&self) -> PyResult<&(mpsc::UnboundedSender<Command>, Arc<link::Desk>)> {
        self.link
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("this process is not a worker"))
    }

    fn command(&self, command: Command) -> PyResult<()> {
        // A link that has ended has told so.
        self.link()?.0.send(command).ok();
        Ok(())
    }

    fn order(&self, outgoing: Outgoing) -> PyResult<()> {
        let orders = self.orders.get();
        let orders = orders.ok_or_else(|| PyRuntimeError::new_err("this process is no master"))?;
        orders.send(outgoing).ok();
        Ok(())
    }
}

/// What the nodes of a fleet know and strangers do not.
#[pyclass(frozen, name = "JoinSecret", module = "katydid._core")]
pub(crate) struct PyJoinSecret(JoinSecret);

#[pymethods]
impl PyJoinSecret {
    #[new]
    fn new(py: Python<'_>, secret: &str) -> PyResult<Self> {
        let secret = py.detach(|| JoinSecret::new(secret.as_bytes()));
        secret.map(Self).map_err(secret_error)
    }

    /// Reads it from a file.
    #[staticmethod]
    fn read(py: Python<'_>, path: &str) -> PyResult<Self> {
        let secret = py.detach(|| JoinSecret::read(path.as_ref()));
        secret.map(Self).map_err(secret_error)
    }
}

fn secret_error(error: SecretError) -> PyErr {
    match error {
        SecretError::File(error) => os_error(error),
        error => PyValueError::new_err(error.to_string()),
    }
}

/// Whom a node with this secret, or none, talks to.
fn trust(secret: Option<&PyJoinSecret>, allow_stock: bool) -> Trust {
    match secret {
        None => Trust::Anyone,
        Some(secret) if allow_stock => Trust::SecretOrStock(secret.0.clone()),
        Some(secret) => Trust::Secret(secret.0.clone()),
    }
}

#[pymethods]
impl PyFleet {
    /// Has a master that begins after this write down what it needs to go on after it was killed,
    /// under a name that tells its run from others; and go on with the run that another process
    /// has left there, if that was at most so many seconds ago.
    fn keep(&self, py: Python<'_>, path: &str, run: String, oldest: f64) -> PyResult<()> {
        let oldest = seconds(oldest)?;
        let (registry, now) = (Arc::clone(&self.shared.registry), self.shared.node.now());
        let kept = py.detach(|| -> Result<Kept, String> {
            let store = Store::open(path.as_ref()).map_err(|error| error.to_string())?;
            let found = store.checkpoint(&run).map_err(|error| error.to_string())?;
            let found = found.filter(|found| {
                let age = now.as_millis().saturating_sub(found.at_ms);
                Duration::from_millis(age) <= oldest
            });
            let found = found.map(|found| Checkpoint::decode(&found.state, &registry));
            let found = found.transpose().map_err(|error| error.to_string())?;
            Ok(Kept { store, run, found })
        });
        *self.kept.lock() = Some(kept.map_err(PyOSError::new_err)?);
        Ok(())
    }

    /// The run of another process that this one goes on with, if there is one.
    fn resumed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(resumed) = self.resumed.get() else {
            return Ok(None);
        };
        let told = PyDict::new(py);
        told.set_item("state", resumed.state.as_str())?;
        told.set_item("host", &resumed.host)?;
        told.set_item("started", resumed.started_ms as f64 / 1e3)?;
        told.set_item("users", resumed.users)?;
        told.set_item("spawn_rate", resumed.spawn_rate)?;
        told.set_item("workers", resumed.workers.len())?;
        Ok(Some(told))
    }

    /// Goes on with that run: from now on its workers are told what to do.
    fn go_on(&self) {
        self.shared.node.send(Event::GoOn);
    }

    /// What is missing from the numbers because workers went with it, in sentences.
    fn losses(&self) -> Vec<String> {
        words::losses(&self.shared.node.snapshot_now())
    }

    /// Waits until what has happened so far is written down, if it is.
    fn flush(&self, py: Python<'_>) {
        if let Some(journal) = self.journal.get() {
            py.detach(|| journal.flush());
        }
    }

    /// Makes this process a master and returns the port it listens on.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one of Locust's settings"
    )]
    fn lead(
        &self,
        host: &str,
        port: u16,
        heartbeat_interval: f64,
        liveness: u32,
        dead: u32,
        report_wait: f64,
        report_interval: f64,
        secret: Option<&PyJoinSecret>,
        allow_stock: bool,
    ) -> PyResult<u16> {
        if self.master.get().is_some() || self.link.get().is_some() {
            return Err(PyRuntimeError::new_err("this process has its part already"));
        }
        let timings = master::Timings {
            heartbeat_interval: seconds(heartbeat_interval)?,
            liveness,
            dead,
            report_wait: seconds(report_wait)?,
            report_interval: seconds(report_interval)?,
        };
        // Thousands of workers must not keep the page's server from answering.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(os_error)?;
        let router = {
            // Sockets belong to the runtime they are made in.
            let _runtime = runtime.enter();
            Router::bind(host, port, trust(secret, allow_stock)).map_err(os_error)?
        };
        let bound = router.port();
        let door = Arc::clone(&self.shared.door);
        let hear = move |heard| door.ask(Message::News(News::Heard(heard)));
        let desk = Arc::new(fleet::Desk::new(hear));
        let (sender, outgoing) = mpsc::unbounded_channel();
        self.orders.set(sender).ok();
        self.master.set(Arc::clone(&desk)).ok();
        let node = Arc::clone(&self.shared.node);
        let kept = self.kept.lock().take();
        let (writes, found) = match kept {
            Some(Kept { store, run, found }) => (Some((store, run)), found),
            None => (None, None),
        };
        if let Some(found) = &found {
            self.resumed.set(found.clone()).ok();
        }
        node.lead(timings, found);
        if let Some((store, run)) = writes {
            let door = Arc::clone(&self.shared.door);
            let tell = move |why| door.ask(Message::News(News::NotWritten(why)));
            let journal = journal::start(Arc::clone(&node), store, run, tell);
            self.journal.set(journal.map_err(os_error)?).ok();
        }
        let cancelled = self.tasks.cancelled.child_token();
        let (ended, end) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("katydid-fleet".to_owned())
            .spawn(move || {
                runtime.block_on(fleet::serve(node, router, outgoing, desk, cancelled));
                drop(ended);
            })
            .map_err(os_error)?;
        // The process waits for this thread as it does for the other's tasks.
        self.tasks.spawn(async move {
            end.await.ok();
        });
        Ok(bound)
    }

    /// What goes with every assignment of users from now on.
    fn settings(
        &self,
        host: Option<String>,
        stop_timeout: f64,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let options = from_python(options)?;
        if let Some(desk) = self.master.get() {
            desk.set(&Settings {
                host,
                stop_timeout,
                options,
            });
        }
        Ok(())
    }

    /// Whether reports are handed to Python: a master's as they come, a worker's before they go.
    fn want_reports(&self, wanted: bool) {
        if let Some(desk) = self.master.get() {
            desk.wants_reports.store(wanted, Ordering::Relaxed);
        }
        if let Some((_, desk)) = self.link.get() {
            desk.wants_reports.store(wanted, Ordering::Relaxed);
        }
    }

    /// Whether a master's Python hears of every heartbeat that was answered.
    fn want_heartbeats(&self, wanted: bool) {
        if let Some(desk) = self.master.get() {
            desk.wants_heartbeats.store(wanted, Ordering::Relaxed);
        }
    }

    /// Says something to one worker, or to all of them.
    #[pyo3(signature = (worker, kind, data))]
    fn send(&self, worker: Option<String>, kind: &str, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let data = from_python(data)?;
        let order = match kind {
            "update_user_class" => Order::UpdateUserClass(data),
            "locustfile" => Order::Locustfile(data),
            kind => Order::Custom(kind.to_owned(), data),
        };
        self.order(match worker {
            Some(worker) => Outgoing::Order(worker, order),
            None => Outgoing::Everyone(order),
        })
    }

    /// Has all workers end.
    fn quit(&self) {
        self.shared.node.send(Event::Quitting);
    }

    /// The workers as their master knows them.
    fn workers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let snapshot = self.shared.node.snapshot_now();
        let rows = PyList::empty(py);
        for worker in snapshot.workers.iter().flat_map(|workers| workers.iter()) {
            let row = PyDict::new(py);
            row.set_item("id", &worker.id)?;
            row.set_item("index", worker.index)?;
            row.set_item("state", worker.state.as_str())?;
            row.set_item("user_count", worker.users)?;
            row.set_item("user_classes_count", &worker.users_by_class)?;
            row.set_item("cpu_usage", worker.cpu_percent)?;
            row.set_item("memory_usage", worker.memory_bytes)?;
            row.set_item("is_exact", worker.is_exact)?;
            row.set_item("clock_ahead_ms", worker.clock_ahead_ms)?;
            rows.append(row)?;
        }
        Ok(rows)
    }

    /// Makes this process a worker, which looks for its master from now on.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is one of Locust's settings"
    )]
    fn follow(
        &self,
        host: String,
        port: u16,
        worker: String,
        heartbeat: f64,
        report: f64,
        introduce: f64,
        silence: f64,
        lease: f64,
        secret: Option<&PyJoinSecret>,
    ) -> PyResult<()> {
        if self.master.get().is_some() || self.link.get().is_some() {
            return Err(PyRuntimeError::new_err("this process has its part already"));
        }
        let timings = link::Timings {
            heartbeat: seconds(heartbeat)?,
            report: seconds(report)?,
            introduce: seconds(introduce)?,
            silence: seconds(silence)?,
            lease: seconds(lease)?,
        };
        let address = Address {
            host,
            port,
            worker,
            trust: trust(secret, false),
        };
        let door = Arc::clone(&self.shared.door);
        let desk = Arc::new(link::Desk {
            state: Mutex::new(State::Ready),
            wants_reports: AtomicBool::new(false),
            tell: Box::new(move |told| door.ask(Message::News(News::Told(told)))),
        });
        let (sender, commands) = mpsc::unbounded_channel();
        self.link.set((sender, Arc::clone(&desk))).ok();
        let node = Arc::clone(&self.shared.node);
        let cancelled = self.tasks.cancelled.child_token();
        self.tasks.spawn(link::follow(
            node, address, timings, commands, desk, cancelled,
        ));
        Ok(())
    }

    /// Says something to the master.
    fn say(&self, kind: String, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.command(Command::Say(kind, from_python(data)?))
    }

    /// What the heartbeat says that this worker is doing.
    fn set_state(&self, word: &str) -> PyResult<()> {
        let state = State::from_word(word)
            .ok_or_else(|| PyValueError::new_err(format!("{word:?} is not a state")))?;
        *self.link()?.1.state.lock() = state;
        Ok(())
    }

    /// Reports to the master now, with these keys besides.
    fn report(&self, py: Python<'_>, extras: &Bound<'_, PyDict>) -> PyResult<()> {
        self.shared.flush(py);
        let extras = match from_python(extras)? {
            Value::Map(pairs) => pairs,
            _ => Vec::new(),
        };
        self.command(Command::Report(extras))
    }

    /// Reports what is left; a "finished" message says that the master has it.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.flush(py);
        let (sender, finished) = oneshot::channel();
        self.command(Command::Finish(sender))?;
        let door = Arc::clone(&self.shared.door);
        self.tasks.spawn(async move {
            // Also when the link is gone: there is nothing to wait for then.
            finished.await.ok();
            door.ask(Message::News(News::Finished));
        });
        Ok(())
    }
}

/// Asks a master for its scripts; none if it does not answer in time.
#[pyfunction]
pub(crate) fn fetch_locustfile<'py>(
    py: Python<'py>,
    host: String,
    port: u16,
    identity: String,
    patience: f64,
    secret: Option<&PyJoinSecret>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let address = Address {
        host,
        port,
        worker: identity,
        trust: trust(secret, false),
    };
    let patience = seconds(patience)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(os_error)?;
    let answer = py.detach(|| {
        runtime.block_on(async {
            let asked = link::fetch_locustfile(&address);
            tokio::time::timeout(patience, asked).await.ok()
        })
    });
    match answer {
        None => Ok(None),
        Some(Ok(data)) => to_python(py, &data).map(Some),
        Some(Err(refusal)) => Err(PyPermissionError::new_err(refusal.as_str())),
    }
}

fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{seconds} is not a time in seconds")))
}

/// The news as a word and arguments for Python's handlers.
pub(crate) fn told<'py>(
    py: Python<'py>,
    news: &News,
) -> PyResult<(&'static str, Vec<Bound<'py, PyAny>>)> {
    macro_rules! args {
        ($($argument:expr),*) => { vec![$($argument.into_pyobject(py)?.into_any()),*] };
    }
    Ok(match news {
        News::Finished => ("finished", vec![]),
        News::NotWritten(why) => ("not_written", args!(why)),
        News::NotKept(why) => ("not_kept", args!(why)),
        News::Notice(notice) => match notice {
            Notice::WorkerReady {
                worker,
                index,
                workers,
            } => ("worker_ready", args!(worker, index, workers)),
            Notice::WorkerMissing(worker, users, requests) => {
                ("worker_missing", args!(worker, users, requests))
            }
            Notice::Rounded(worker) => ("rounded", args!(worker)),
            Notice::NothingLost(worker) => ("nothing_lost", args!(worker)),
            Notice::WorkerBack(worker) => ("worker_back", args!(worker)),
            Notice::ClockOff(worker, ahead_ms) => ("clock_off", args!(worker, ahead_ms)),
            Notice::WorkerQuit(worker, left) => ("worker_quit", args!(worker, left)),
            Notice::NoWorkersLeft => ("no_workers_left", vec![]),
            Notice::Placing(users, rate, workers) => ("placing", args!(users, rate, workers)),
        },
        News::Heard(heard) => match heard {
            Heard::OtherVersion(worker, version) => ("other_version", args!(worker, version)),
            Heard::Stranger(address, why, count) => ("stranger", args!(address, why, count)),
            Heard::Refused(worker) => ("refused", args!(worker)),
            Heard::HeartbeatSent(worker) => ("heartbeat_sent", args!(worker)),
            Heard::Report(worker, data) => (
                "worker_report",
                vec![worker.into_pyobject(py)?.into_any(), to_python(py, data)?],
            ),
            Heard::Logs(worker, lines) => ("worker_logs", args!(worker, lines)),
            Heard::Locustfile(worker) => ("locustfile_wanted", args!(worker)),
            Heard::Custom(worker, kind, data) => custom(py, worker, kind, data)?,
            Heard::Unreadable(worker, error) => ("unreadable", args!(worker, error)),
        },
        News::Told(told) => match told {
            Told::Welcome(index) => ("welcome", args!(index)),
            Told::Heartbeat => ("heartbeat_received", vec![]),
            Told::Reporting => ("reporting", vec![]),
            Told::Refused(refusal) => ("refused_by_master", args!(refusal.as_str())),
            Told::Disconnected(reason) => ("disconnected", args!(reason)),
            Told::Silent(patience) => ("silent", args!(patience.as_secs_f64())),
            Told::CutOff => ("cut_off", vec![]),
            Told::Order(order) => ordered(py, order)?,
        },
    })
}

fn ordered<'py>(
    py: Python<'py>,
    order: &Order,
) -> PyResult<(&'static str, Vec<Bound<'py, PyAny>>)> {
    Ok(match order {
        Order::Assign(assignment) => {
            let job = PyDict::new(py);
            job.set_item("timestamp", assignment.timestamp)?;
            job.set_item("user_classes_count", &assignment.users)?;
            job.set_item("host", &assignment.host)?;
            job.set_item("stop_timeout", assignment.stop_timeout)?;
            job.set_item("parsed_options", to_python(py, &assignment.options)?)?;
            ("assigned", vec![job.into_any()])
        }
        Order::SpawningComplete(count) => {
            ("all_spawned", vec![count.into_pyobject(py)?.into_any()])
        }
        Order::Stop => ("told_to_stop", vec![]),
        Order::Quit => ("told_to_quit", vec![]),
        Order::UpdateUserClass(data) => ("update_user_class", vec![to_python(py, data)?]),
        Order::Locustfile(data) => ("locustfile", vec![to_python(py, data)?]),
        Order::Custom(kind, data) => custom(py, "master", kind, data)?,
        // These are the link's own.
        Order::Welcome { .. } | Order::Heartbeat | Order::Receipt(_) | Order::Reconnect => {
            ("heartbeat_received", vec![])
        }
    })
}

fn custom<'py>(
    py: Python<'py>,
    from: &str,
    kind: &str,
    data: &Value,
) -> PyResult<(&'static str, Vec<Bound<'py, PyAny>>)> {
    let arguments = vec![
        from.into_pyobject(py)?.into_any(),
        kind.into_pyobject(py)?.into_any(),
        to_python(py, data)?,
    ];
    Ok(("custom_message", arguments))
}
