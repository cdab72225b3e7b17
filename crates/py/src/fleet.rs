//! Masters and workers, as Python holds them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use katydid_core::snapshot::State;
use katydid_host::fleet::{Kept, Link, Listen, Master, News, Orders, Tell};
use katydid_host::service::Tasks;
use katydid_node::fleet::{Heard, Outgoing, Settings};
use katydid_node::link::{self, Address, Command, Told};
use katydid_node::{Event, Notice, master};
use katydid_wire::protocol::Order;
use katydid_wire::{JoinSecret, SecretError, Trust, Value};
use parking_lot::Mutex;
use pyo3::exceptions::{PyOSError, PyPermissionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::door::Message;
use crate::engine::{Shared, os_error};
use crate::values::{from_python, to_python};

/// This process's part in a fleet.
#[pyclass(frozen, name = "Fleet", module = "katydid._core")]
pub(crate) struct PyFleet {
    shared: Arc<Shared>,
    tasks: Tasks,
    orders: Orders,
    master: OnceLock<Master>,
    kept: Mutex<Option<Kept>>,
    link: OnceLock<Link>,
}

impl PyFleet {
    pub(crate) fn new(shared: Arc<Shared>, tasks: Tasks, orders: Orders) -> Self {
        Self {
            shared,
            tasks,
            orders,
            master: OnceLock::new(),
            kept: Mutex::default(),
            link: OnceLock::new(),
        }
    }

    fn link(&self) -> PyResult<&Link> {
        self.link
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("this process is not a worker"))
    }

    fn order(&self, outgoing: Outgoing) -> PyResult<()> {
        let orders = self.orders.get();
        let orders = orders.ok_or_else(|| PyRuntimeError::new_err("this process is no master"))?;
        orders.send(outgoing).ok();
        Ok(())
    }

    fn tell(&self) -> Tell {
        let door = Arc::clone(&self.shared.door);
        Arc::new(move |news| door.ask(Message::News(news)))
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
        let node = Arc::clone(&self.shared.node);
        let kept = py.detach(|| Kept::open(path.as_ref(), run, oldest, &node));
        *self.kept.lock() = Some(kept.map_err(PyOSError::new_err)?);
        Ok(())
    }

    /// The run of another process that this one goes on with, if there is one.
    fn resumed<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let resumed = self.master.get().and_then(|it| it.resumed.as_ref());
        let Some(resumed) = resumed else {
            return Ok(None);
        };
        let told = PyDict::new(py);
        told.set_item("state", resumed.state.as_str())?;
        told.set_item("host", &resumed.host)?;
        told.set_item("started", resumed.started_ms as f64 / 1e3)?;
        let now_ms = self.shared.node.now().as_millis();
        let passed = resumed.rate.as_ref().map(|rate| rate.passed(now_ms));
        told.set_item("rate_passed", passed.map(|passed| passed.as_secs_f64()))?;
        told.set_item("is_paused", resumed.is_paused)?;
        let classes = resumed.classes.iter().map(|class| class.name.as_str());
        told.set_item("classes", classes.collect::<Vec<_>>())?;
        told.set_item("users", resumed.users)?;
        told.set_item("spawn_rate", resumed.spawn_rate)?;
        told.set_item("workers", resumed.workers.len())?;
        Ok(Some(told))
    }

    /// Goes on with that run: from now on its workers are told what to do.
    fn go_on(&self) {
        self.shared.node.send(Event::GoOn);
    }

    /// Waits until what has happened so far is written down, if it is.
    fn flush(&self, py: Python<'_>) {
        if let Some(master) = self.master.get() {
            py.detach(|| master.flush());
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
        let listen = Listen {
            host,
            port,
            trust: trust(secret, allow_stock),
        };
        let master = Master::lead(
            &self.shared.node,
            (&self.tasks, &self.orders),
            listen,
            timings,
            self.kept.lock().take(),
            &self.tell(),
        );
        let master = master.map_err(os_error)?;
        let port = master.port;
        self.master.set(master).ok();
        Ok(port)
    }

    /// What goes with every assignment of users from now on.
    fn settings(
        &self,
        host: Option<String>,
        stop_timeout: f64,
        options: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let options = from_python(options)?;
        if let Some(master) = self.master.get() {
            master.desk.set(&Settings {
                host,
                stop_timeout,
                options,
            });
        }
        Ok(())
    }

    /// Whether reports are handed to Python: a master's as they come, a worker's before they go.
    fn want_reports(&self, wanted: bool) {
        if let Some(Master { desk, .. }) = self.master.get() {
            desk.wants_reports.store(wanted, Ordering::Relaxed);
        }
        if let Some(Link { desk, .. }) = self.link.get() {
            desk.wants_reports.store(wanted, Ordering::Relaxed);
        }
    }

    /// Whether a master's Python hears of every heartbeat that was answered.
    fn want_heartbeats(&self, wanted: bool) {
        if let Some(Master { desk, .. }) = self.master.get() {
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
        let node = &self.shared.node;
        let link = Link::follow(node, &self.tasks, address, timings, &self.tell());
        self.link.set(link).ok();
        Ok(())
    }

    /// Says something to the master.
    fn say(&self, kind: String, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.link()?.command(Command::Say(kind, from_python(data)?));
        Ok(())
    }

    /// What the heartbeat says that this worker is doing.
    fn set_state(&self, word: &str) -> PyResult<()> {
        let state = State::from_word(word)
            .ok_or_else(|| PyValueError::new_err(format!("{word:?} is not a state")))?;
        *self.link()?.desk.state.lock() = state;
        Ok(())
    }

    /// Reports to the master now, with these keys besides.
    fn report(&self, py: Python<'_>, extras: &Bound<'_, PyDict>) -> PyResult<()> {
        self.shared.flush(py);
        let extras = match from_python(extras)? {
            Value::Map(pairs) => pairs,
            _ => Vec::new(),
        };
        self.link()?.command(Command::Report(extras));
        Ok(())
    }

    /// Reports what is left; a "finished" message says that the master has it.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.flush(py);
        self.link()?.finish();
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
            Notice::WorkerHeard(worker) => ("worker_heard", args!(worker)),
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
