//! The engine as Python holds it: one per process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::HeaderMap;
use katydid_core::mark::Kind;
use katydid_core::registry::Registry;
use katydid_core::report::{text, thresholds, words};
use katydid_core::sample::{Sample, Times};
use katydid_core::snapshot::State;
use katydid_core::threshold::{Standing, Watched};
use katydid_core::units::Nanos;
use katydid_host::failure::{self, Cause, Flavour};
use katydid_host::fleet::{News, Orders};
use katydid_host::scribe::Scribe;
use katydid_host::service::Service;
use katydid_host::{recorder, verdict};
use katydid_http::Config;
use katydid_http::pool::{Connections, Limit};
use katydid_http::timing::Stamp;
use katydid_http::tls::Tls;
use katydid_node::run::Node;
use katydid_node::{Action, Event};
use katydid_push::{Given, Level, Push, Settings};
use katydid_store::Keep;
use parking_lot::Mutex;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use rustc_hash::FxHashMap;
use std::time::Duration;

use crate::arrivals::{self, PyArrivals};
use crate::calls::Calls;
use crate::client::{Base, PyClient, config_of};
use crate::dispatcher;
use crate::door::{Door, Finished, Landed, Message};
use crate::exchange::PyExchange;
use crate::fleet::{self, PyFleet};
use crate::io::{self, Intake, Outgoing, Submission};
use crate::parts::{PyDoor, PyPool, PyUpload};
use crate::stats;
use crate::tally::Tally;
use crate::tickets::{Ticket, Tickets};

/// Requests submitted while the door is drained before the I/O thread is woken for them.
const SUBMIT_BATCH: usize = 8;
/// Requests' own limit of redirects.
const MAX_REDIRECTS: u32 = 30;

/// A condition, whether the run has failed by it, and what was measured.
type Judged = (String, bool, String);
/// Headers and bytes of something that was read.
type Read<'py> = (Vec<(&'static str, String)>, Bound<'py, PyBytes>);

/// A way of trusting servers, and the proxy to go through.
type Trust = (Tls, Option<String>);

/// What everything on Python's side shares.
pub(crate) struct Shared {
    pub(crate) door: Arc<Door>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) node: Arc<Node>,
    /// Only touched under the GIL, and never across a switch of greenlets.
    pub(crate) tickets: Mutex<Tickets>,
    pub(crate) max_redirects: u32,
    bases: Mutex<FxHashMap<(String, bool), Arc<Base>>>,
    configs: Mutex<FxHashMap<Trust, Arc<Config>>>,
    headers: Mutex<Vec<Arc<HeaderMap>>>,
    /// Whether the door is being drained, so that submissions may wait for company.
    draining: AtomicBool,
    /// Whether the threads have been told to end; what was counted can still be read.
    closed: AtomicBool,
    parks: AtomicU64,
    pub(crate) tally: Arc<Tally>,
    /// By greenlet, how late its iteration has begun: its next request was due so much earlier.
    owing: Mutex<FxHashMap<usize, u64>>,
    /// Whether there is any.
    owes: AtomicBool,
    /// The thread that runs the hub.
    home: usize,
    /// Whether this is a forked child, where the engine's threads are not.
    gone: AtomicBool,
}

thread_local! {
    /// Its address tells threads apart.
    static HERE: u8 = const { 0 };
}

fn here() -> usize {
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

impl Shared {
    /// Whether a request of this thread can be handed back at the hub's door.
    pub(crate) fn is_at_home(&self) -> bool {
        self.home == here() && !self.is_gone()
    }

    /// Whether this is a forked child: nothing may be sent, and no connection closed, since the
    /// parent still uses them.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// What was waited for, as Python sees it.
    pub(crate) fn show(self: &Arc<Self>, py: Python<'_>, landed: Landed) -> PyResult<Py<PyAny>> {
        match landed {
            Landed::Exchange {
                exchange,
                key,
                recorded,
                ..
            } => {
                let exchange = PyExchange::new(Arc::clone(self), exchange, key, recorded);
                Ok(Py::new(py, exchange)?.into_any())
            }
            Landed::Piece(Ok(piece)) => {
                let piece = piece.unwrap_or_default();
                Ok(PyBytes::new(py, &piece).into_any().unbind())
            }
            Landed::Piece(Err(error)) => {
                let cause = Cause::of(&error);
                let parts = (cause.kind, cause.class, cause.errno, cause.message);
                Ok(parts.into_pyobject(py)?.into_any().unbind())
            }
            Landed::Taken(taken) => Ok(taken.into_pyobject(py)?.to_owned().into_any().unbind()),
        }
    }

    /// Nobody waits any more.
    pub(crate) fn abandon(&self, ticket: u64) {
        let ticket = Ticket::from(ticket);
        let waiter = self.tickets.lock().redeem(ticket);
        if waiter.is_some() {
            self.intake.submit(Submission::Abandon(ticket));
        }
    }

    /// Nobody took what was waited for: what is a request is counted all the same.
    pub(crate) fn discard(&self, landed: &Landed) {
        if let Landed::Exchange {
            exchange,
            key,
            flavour,
            recorded: false,
        } = landed
        {
            let sample = verdict::judge(exchange, *key, *flavour, &self.registry);
            let trip = verdict::trip_of(exchange);
            self.intake.push(Submission::Record(sample, Some(trip)));
        }
    }

    /// The iteration of a greenlet has begun so late.
    pub(crate) fn owe(&self, greenlet: usize, nanos: u64) {
        self.owing.lock().insert(greenlet, nanos);
        self.owes.store(true, Ordering::Relaxed);
    }

    /// How late the iteration of a greenlet has begun, once.
    pub(crate) fn owed(&self, greenlet: usize) -> u64 {
        if !self.owes.load(Ordering::Relaxed) {
            return 0;
        }
        self.owing.lock().remove(&greenlet).unwrap_or(0)
    }

    /// A greenlet has ended.
    pub(crate) fn forgive(&self, greenlet: usize) {
        self.owing.lock().remove(&greenlet);
    }

    /// Submits a request; while the door is drained, together with those that follow.
    pub(crate) fn send(&self, outgoing: Box<Outgoing>) {
        self.parks.fetch_add(1, Ordering::Relaxed);
        let queued = self.intake.push(Submission::Send(outgoing));
        if !self.draining.load(Ordering::Relaxed) || queued >= SUBMIT_BATCH {
            self.intake.wake();
        }
    }

    /// The base for a URL, shared by all sessions that have it.
    pub(crate) fn base(&self, url: &str, flavour: Flavour) -> Arc<Base> {
        let key = (url.to_owned(), flavour == Flavour::Fast);
        Arc::clone(
            self.bases
                .lock()
                .entry(key)
                .or_insert_with(|| Arc::new(Base::new(url, flavour))),
        )
    }

    /// The settings for a way of trusting and a proxy, made once.
    pub(crate) fn config(&self, tls: Tls, proxy: Option<&str>) -> PyResult<Arc<Config>> {
        let key = (tls, proxy.map(str::to_owned));
        if let Some(config) = self.configs.lock().get(&key) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(config_of(&key.0, proxy, self.max_redirects)?);
        self.configs.lock().insert(key, Arc::clone(&config));
        Ok(config)
    }

    /// The same headers, in memory once: most sessions have the same few.
    pub(crate) fn shared_headers(&self, headers: HeaderMap) -> Arc<HeaderMap> {
        /// Different sets that are shared; more than that are kept apart.
        const SETS: usize = 16;
        let mut sets = self.headers.lock();
        if let Some(found) = sets.iter().find(|set| ***set == headers) {
            return Arc::clone(found);
        }
        let headers = Arc::new(headers);
        if sets.len() < SETS {
            sets.push(Arc::clone(&headers));
        }
        headers
    }

    /// Has everything that was counted handed to the node, and waits for that.
    pub(crate) fn flush(&self, py: Python<'_>) {
        if self.is_gone() || self.closed.load(Ordering::Relaxed) {
            return;
        }
        let (answer, answered) = mpsc::sync_channel(1);
        self.intake.submit(Submission::Flush(answer));
        // An error means that the I/O thread is gone, and then nothing is left to flush.
        py.detach(move || answered.recv_timeout(Duration::from_secs(10)).ok());
    }
}

/// The engine of this process.
#[pyclass(frozen, module = "katydid._core")]
pub(crate) struct Engine {
    shared: Arc<Shared>,
    handler: Mutex<Option<Py<PyAny>>>,
    /// The list that is swapped with the door's, so that draining allocates nothing.
    spare: Mutex<Vec<Finished>>,
    service: Service,
    calls: Arc<Calls>,
    /// Where the node's orders for workers go.
    orders: Orders,
    recorder: OnceLock<Scribe>,
    push: OnceLock<Push>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Python's `OSError`, with its `errno` where the system gave one.
pub(crate) fn os_error(error: std::io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => PyOSError::new_err((errno, failure::words_of(errno))),
        None => PyOSError::new_err(error),
    }
}

#[pymethods]
impl Engine {
    #[new]
    fn new() -> PyResult<Self> {
        let registry = Arc::new(Registry::new());
        let door = Arc::new(Door::new().map_err(os_error)?);
        let intake = Arc::new(Intake::new());
        let outbox = Arc::clone(&door);
        let orders = Orders::default();
        let workers = Arc::clone(&orders);
        let node = Arc::new(Node::new(
            Arc::clone(&registry),
            Box::new(move |action| pass_on(&outbox, &workers, action)),
        ));
        let tally = Arc::new(Tally::default());
        let thread = io::start(
            Arc::clone(&tally),
            Arc::clone(&door),
            Arc::clone(&intake),
            Arc::clone(&registry),
            Arc::clone(&node),
        )
        .map_err(os_error)?;
        let calls = Arc::new(Calls::new(Arc::clone(&door)));
        let service =
            Service::start(Arc::clone(&node), Arc::clone(&calls) as _).map_err(os_error)?;
        let shared = Shared {
            door,
            intake,
            registry,
            node,
            tickets: Mutex::default(),
            max_redirects: MAX_REDIRECTS,
            bases: Mutex::default(),
            configs: Mutex::default(),
            headers: Mutex::default(),
            draining: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            parks: AtomicU64::new(0),
            tally,
            owing: Mutex::default(),
            owes: AtomicBool::new(false),
            home: here(),
            gone: AtomicBool::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
            handler: Mutex::new(None),
            spare: Mutex::default(),
            service,
            calls,
            orders,
            recorder: OnceLock::new(),
            push: OnceLock::new(),
            thread: Mutex::new(Some(thread)),
        })
    }

    fn fileno(&self) -> i32 {
        self.shared.door.descriptor()
    }

    fn set_handler(&self, handler: Py<PyAny>) {
        *self.handler.lock() = Some(handler);
    }

    /// Resumes the greenlets whose requests are finished and passes messages to the handler.
    fn drain(&self, py: Python<'_>) -> PyResult<()> {
        let mut batch = std::mem::take(&mut *self.spare.lock());
        let messages = self.shared.door.take(&mut batch);
        self.shared.draining.store(true, Ordering::Relaxed);
        let mut failed = None;
        let mut results = batch.drain(..);
        while let Some(Finished { ticket, what }) = results.next() {
            let waiter = self.shared.tickets.lock().redeem(ticket);
            let Some(waiter) = waiter else {
                // Its greenlet was killed when the answer was here already.
                self.shared.discard(&what);
                continue;
            };
            let resumed = self
                .shared
                .show(py, what)
                .and_then(|shown| waiter.call_method1(py, pyo3::intern!(py, "switch"), (shown,)));
            if let Err(error) = resumed {
                failed = Some(error);
            }
            if self.shared.is_gone() {
                // That greenlet forked, and this is the child: the rest is the parent's.
                std::mem::forget(results);
                std::mem::forget(batch);
                return Ok(());
            }
        }
        drop(results);
        self.shared.draining.store(false, Ordering::Relaxed);
        self.shared.intake.wake();
        *self.spare.lock() = batch;
        for message in messages {
            self.deliver(py, message)?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// This process's part in a fleet.
    fn fleet(&self) -> PyFleet {
        let (shared, orders) = (Arc::clone(&self.shared), Arc::clone(&self.orders));
        PyFleet::new(shared, self.service.tasks(), orders)
    }

    /// A user begins an iteration: how many requests greenlets have waited for.
    fn begin(&self) -> u64 {
        self.shared.tally.begin();
        self.parks()
    }

    /// An iteration has ended: whether no greenlet has waited for a request since `mark`.
    fn end(&self, mark: u64) -> bool {
        self.shared.tally.end();
        self.parks() == mark
    }

    /// The iteration that has begun is a task set, whose tasks count by themselves.
    fn nest(&self) {
        self.shared.tally.take_back();
    }

    /// Iterations of so many classes that are to begin by a schedule.
    fn arrivals(&self, classes: usize) -> PyResult<PyArrivals> {
        PyArrivals::new(Arc::clone(&self.shared), classes).map_err(os_error)
    }

    /// Shows the schedule of the run, begun now, with the most users there may be.
    #[pyo3(signature = (schedule, most_users=None))]
    fn show_rate(&self, schedule: &str, most_users: Option<u32>) -> PyResult<()> {
        let schedule = arrivals::parsed(schedule)?;
        let asked = Some((schedule, most_users));
        self.shared.node.send(Event::Rate(asked));
        Ok(())
    }

    /// Iterations so far: how many were due, begun, ended, late and dropped, and how late they began.
    fn iterations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.shared.flush(py);
        stats::iterations(py, self.shared.node.snapshot_now().stats.iterations())
    }

    /// How many requests greenlets have waited for; a task during which it grew has let others run.
    fn parks(&self) -> u64 {
        self.shared.parks.load(Ordering::Relaxed)
    }

    /// A session's way in. `fast` chooses Locust's fast client's words for failures; without
    /// `cookies` they are up to the requests.
    #[pyo3(signature = (base_url, fast=false, pool=None, cookies=true))]
    fn client(
        &self,
        base_url: &str,
        fast: bool,
        pool: Option<&PyPool>,
        cookies: bool,
    ) -> PyResult<PyClient> {
        let flavour = if fast {
            Flavour::Fast
        } else {
            Flavour::Requests
        };
        let limit = Limit {
            // Locust's fast client has a user's own greenlets wait for each other.
            wait: fast,
            ..Limit::default()
        };
        let connections =
            pool.map_or_else(|| Arc::new(Connections::new(limit)), PyPool::connections);
        PyClient::new(
            Arc::clone(&self.shared),
            base_url,
            flavour,
            connections,
            cookies,
        )
    }

    /// Stops waiting for whatever a ticket was issued for.
    fn abandon(&self, ticket: u64) {
        self.shared.abandon(ticket);
    }

    /// A door for one request of another thread.
    fn door(&self) -> PyResult<PyDoor> {
        PyDoor::new(Arc::clone(&self.shared)).map_err(os_error)
    }

    /// A body that a script makes piece by piece.
    #[pyo3(signature = (length=None))]
    fn upload(&self, length: Option<u64>) -> PyUpload {
        PyUpload::new(Arc::clone(&self.shared), length)
    }

    /// Called in a forked child: the threads are not here, and the sockets are the parent's.
    fn forget(&self) {
        self.shared.gone.store(true, Ordering::Relaxed);
    }

    #[pyo3(signature = (user_count, spawn_rate, classes, host=None))]
    fn start(
        &self,
        user_count: u32,
        spawn_rate: f64,
        classes: Vec<(String, f64, u32)>,
        host: Option<String>,
    ) -> PyResult<()> {
        if !(spawn_rate.is_finite() && spawn_rate > 0.0) {
            return Err(PyValueError::new_err(format!(
                "spawn rate {spawn_rate} is not above zero"
            )));
        }
        let classes = dispatcher::classes(classes);
        self.shared.node.send(Event::Start {
            users: user_count,
            spawn_rate,
            classes,
            run_time: None,
            host,
        });
        Ok(())
    }

    /// Has the next start give also the users there are to its classes.
    fn rebalance(&self) {
        self.shared.node.send(Event::Rebalance);
    }

    fn stopping(&self) {
        self.shared.node.send(Event::Stopping);
    }

    /// All users are gone. A "settled" message says when the requests they left are answered, or
    /// given up.
    fn settle(&self) {
        self.shared.intake.submit(Submission::Settle);
    }

    /// The run is over.
    fn stopped(&self, py: Python<'_>) {
        self.shared.flush(py);
        self.shared.node.send(Event::Stopped);
    }

    fn spawned(&self, counts: BTreeMap<String, u32>) {
        self.shared.node.send(Event::Spawned { counts });
    }

    fn set_run_time(&self, seconds: Option<f64>) -> PyResult<()> {
        let run_time = seconds
            .map(Duration::try_from_secs_f64)
            .transpose()
            .map_err(|_| PyValueError::new_err("the run time is not a time in seconds"))?;
        self.shared.node.send(Event::RunTime(run_time));
        Ok(())
    }

    #[getter]
    fn state(&self) -> &'static str {
        self.shared.node.read(|local| local.run().state.as_str())
    }

    #[setter]
    fn set_state(&self, word: &str) -> PyResult<()> {
        let state = State::from_word(word)
            .ok_or_else(|| PyValueError::new_err(format!("{word:?} is not a state of a run")))?;
        self.shared.node.send(Event::State(state));
        Ok(())
    }

    #[getter]
    fn user_count(&self) -> u32 {
        self.shared.node.read(|local| local.run().users)
    }

    #[getter]
    fn target_user_count(&self) -> u32 {
        self.shared.node.read(|local| local.run().target_users)
    }

    /// Processor time of this process in percent of one core, and its memory in bytes.
    fn load(&self) -> (f64, u64) {
        self.shared
            .node
            .read(|local| (local.run().cpu_percent, local.run().memory_bytes))
    }

    fn clear_stats(&self, py: Python<'_>) {
        self.shared.flush(py);
        self.shared.node.send(Event::ClearStats);
    }

    fn reset_stats(&self, py: Python<'_>) {
        self.shared.flush(py);
        self.shared.node.send(Event::ResetStats);
    }

    fn reset_entry(&self, py: Python<'_>, method: &str, name: &str) {
        self.shared.flush(py);
        let key = self.shared.registry.key(method, name);
        self.shared.node.send(Event::ResetEntry(key));
    }

    /// Counts a request that the engine did not send.
    #[pyo3(signature = (method, name, response_time, length=0, error=None))]
    fn record(
        &self,
        method: &str,
        name: &str,
        response_time: Option<f64>,
        length: i64,
        error: Option<&str>,
    ) {
        let times = response_time.map(|ms| Times {
            service: Nanos::from_millis_f64(ms),
            ..Times::default()
        });
        self.count(
            method,
            name,
            times,
            u64::try_from(length).unwrap_or(0),
            error,
            true,
        );
    }

    /// Counts an error without a request.
    fn record_error(&self, method: &str, name: &str, error: &str) {
        self.count(method, name, None, 0, Some(error), false);
    }

    /// Keeps every run from now on in this file; `about` is a JSON object with what is known of them.
    /// As a run begins, the oldest beyond so many runs, or so many bytes of all together, go.
    #[pyo3(signature = (path, about, runs=None, bytes=None))]
    fn keep_runs(
        &self,
        py: Python<'_>,
        path: &str,
        about: &str,
        runs: Option<u64>,
        bytes: Option<u64>,
    ) -> PyResult<()> {
        let about = serde_json::from_str(about)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let node = Arc::clone(&self.shared.node);
        let history = Arc::clone(self.service.history());
        let door = Arc::clone(&self.shared.door);
        let tell = move |why| door.ask(Message::News(News::NotKept(why)));
        let usual = Keep::default();
        let keep = Keep {
            runs: runs.unwrap_or(usual.runs),
            bytes: bytes.unwrap_or(usual.bytes),
        };
        let recorder = py
            .detach(|| recorder::start(node, path.into(), about, keep, history, tell))
            .map_err(|error| PyOSError::new_err(error.to_string()))?;
        self.recorder.set(recorder).ok();
        Ok(())
    }

    /// Waits until all that was counted is kept.
    fn flush_runs(&self, py: Python<'_>) {
        if let Some(recorder) = self.recorder.get() {
            py.detach(|| recorder.flush());
        }
    }

    /// Sends metrics of all runs from now on to the collectors that a JSON object of options names.
    fn push_metrics(&self, given: &str) -> PyResult<()> {
        let Some(settings) = push_settings(given)? else {
            return Ok(());
        };
        let door = Arc::clone(&self.shared.door);
        let tell = Arc::new(move |level: Level, text: String| {
            let level = match level {
                Level::Info => "INFO",
                Level::Warning => "WARNING",
            };
            door.ask(Message::Push(level, text));
        });
        let node = Arc::clone(&self.shared.node);
        let push = Push::start(node, settings, tell)
            .map_err(|error| PyOSError::new_err(error.to_string()))?;
        self.push.set(push).ok();
        Ok(())
    }

    /// Sends the last of them, and waits until they have arrived, at most so many seconds.
    fn finish_push(&self, py: Python<'_>, seconds: f64) {
        if let Some(push) = self.push.get() {
            self.shared.flush(py);
            py.detach(|| push.finish(Duration::from_secs_f64(seconds.clamp(0.0, 60.0))));
        }
    }

    fn log_exception(&self, node: String, msg: String, traceback: String) {
        self.shared.node.send(Event::Exception {
            node,
            msg,
            traceback,
        });
    }

    /// Remembers something that happened just now, for the charts. The kind is one of the words of
    /// `katydid_core::mark::Kind`.
    #[pyo3(signature = (kind, text, by=None))]
    fn mark(&self, kind: &str, text: String, by: Option<String>) -> PyResult<()> {
        let kind = Kind::from_word(kind)
            .ok_or_else(|| PyValueError::new_err(format!("{kind:?} is not a kind of mark")))?;
        self.shared.node.send(Event::Mark { kind, text, by });
        Ok(())
    }

    fn exceptions<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        stats::exceptions(py, &self.shared.node.snapshot_now())
    }

    /// Everything counted so far, in Locust's words.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.shared.flush(py);
        let snapshot = self.shared.node.snapshot_now();
        stats::dict(py, &snapshot.stats, &snapshot.registry)
    }

    /// Kinds of errors and exceptions so far; the exit code asks whether there are any.
    fn fail_count(&self, py: Python<'_>) -> usize {
        self.shared.flush(py);
        let snapshot = self.shared.node.snapshot_now();
        snapshot.stats.errors().count() + snapshot.exceptions.len()
    }

    /// One of the console tables, empty where it would say nothing.
    #[pyo3(signature = (which, name_width, type_width=8, percentiles=Vec::new()))]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "pyo3 makes the vector for this call"
    )]
    fn table(
        &self,
        py: Python<'_>,
        which: &str,
        name_width: usize,
        type_width: usize,
        percentiles: Vec<(f64, String)>,
    ) -> PyResult<String> {
        self.shared.flush(py);
        let widths = text::Widths {
            name: name_width,
            kind: type_width,
        };
        stats::table(
            &self.shared.node.snapshot_now(),
            which,
            widths,
            &percentiles,
        )
    }

    /// Has runs judged by these conditions from now on.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "pyo3 makes the vector for this call"
    )]
    fn set_thresholds(&self, conditions: Vec<String>) -> PyResult<()> {
        let wanted = stats::thresholds(&conditions)?;
        self.shared.node.send(Event::Thresholds(wanted));
        Ok(())
    }

    /// How the run stands: each condition as written, whether the run was failing by it when it
    /// was judged last, which is once a second, and what was measured; conditions that nothing
    /// could be measured for are left out.
    fn standing(&self) -> Vec<Judged> {
        let snapshot = self.shared.node.snapshot_now();
        let measured = snapshot
            .thresholds
            .iter()
            .filter(|watched| watched.standing != Standing::Unmeasured);
        let shown = |Watched {
                         threshold, verdict, ..
                     }: &Watched| {
            let text = threshold.text().to_owned();
            (text, verdict.failed, threshold.shown(verdict))
        };
        measured.map(shown).collect()
    }

    /// The verdict on the whole run: whether it has failed by any condition, whether one of them
    /// is about failures, and all of them as the console's table and as `JUnit`'s XML for a suite.
    fn verdict(&self, py: Python<'_>, suite: &str) -> (bool, bool, String, String) {
        self.shared.flush(py);
        let verdicts = stats::verdicts(&self.shared.node.snapshot_now());
        (
            verdicts.iter().any(|(_, verdict)| verdict.failed),
            verdicts
                .iter()
                .any(|(threshold, _)| threshold.metric().is_of_failures()),
            thresholds::table(&verdicts),
            thresholds::junit(&verdicts, suite),
        )
    }

    /// The run on one line, as it is now, and the most processor time that one of its processes uses.
    fn line(&self) -> (String, f64) {
        let snapshot = self.shared.node.snapshot_now();
        (words::line(&snapshot), words::busiest(&snapshot))
    }

    /// The run in some sentences, at its end. The processor time is the most that was seen.
    fn summary(&self, py: Python<'_>, peak_cpu_percent: f64) -> String {
        self.shared.flush(py);
        words::summary(&self.shared.node.snapshot_now(), peak_cpu_percent)
    }

    /// What the run has not done of what was asked for, and what is missing from its numbers, in sentences.
    fn shortfalls(&self) -> Vec<String> {
        words::shortfalls(&self.shared.node.snapshot_now())
    }

    /// Adds statistics from elsewhere: Locust's dictionaries of entries, and of errors by key.
    fn merge(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let delta = stats::delta_of(data, &self.shared.registry)?;
        self.shared.node.send(Event::Samples(delta));
        Ok(())
    }

    /// Rounded milliseconds that a part of the requests of about the last ten seconds stayed within.
    fn current_percentile(&self, py: Python<'_>, part: f64) -> Option<u64> {
        self.shared.flush(py);
        self.shared.node.snapshot_now().current_percentile(part)
    }

    /// What the page shows about the script, as JSON.
    fn describe(&self, about_json: &str) -> PyResult<()> {
        let about = serde_json::from_str(about_json)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.service.describe(about);
        Ok(())
    }

    /// Starts the web server and returns its port. The settings are JSON.
    #[pyo3(signature = (host, port, settings=None))]
    fn serve_web(
        &self,
        py: Python<'_>,
        host: &str,
        port: u16,
        settings: Option<&str>,
    ) -> PyResult<u16> {
        let settings = serde_json::from_str(settings.unwrap_or("{}"))
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        py.detach(|| self.service.serve(host, port, settings))
            .map_err(os_error)
    }

    /// Ends the web server of a port.
    fn close_web(&self, py: Python<'_>, port: u16) {
        py.detach(|| self.service.close(port));
    }

    /// What the web server has to be read at a path, now: headers and bytes.
    fn document<'py>(&self, py: Python<'py>, path: &str) -> Option<Read<'py>> {
        self.shared.flush(py);
        let document = self.service.document(path)?;
        Some((document.headers, PyBytes::new(py, &document.body)))
    }

    /// The report of the run as a page. What it tells besides the numbers is JSON.
    fn report(&self, py: Python<'_>, telling: &str) -> PyResult<String> {
        let telling = serde_json::from_str(telling)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.shared.flush(py);
        Ok(self.service.report(&telling))
    }

    /// The name of a download of a kind, without its ending.
    fn file_name(&self, kind: &str) -> String {
        self.service.file_name(kind)
    }

    /// Answers a "call" message.
    fn answer(&self, call_id: u64, status: u16, body_json: &str) -> PyResult<()> {
        self.calls
            .answer(call_id, status, body_json)
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Answers a "call" message for a page; without a body, it follows in pieces.
    #[pyo3(signature = (call_id, status, headers, body=None))]
    fn answer_page(
        &self,
        call_id: u64,
        status: u16,
        headers: Vec<(String, String)>,
        body: Option<&[u8]>,
    ) {
        let body = body.map(Bytes::copy_from_slice);
        self.calls.answer_page(call_id, status, headers, body);
    }

    /// Sends a piece of a page: None if nobody reads it any more, False if it must be sent again.
    fn write_page(&self, call_id: u64, piece: &[u8]) -> Option<bool> {
        self.calls
            .write_page(call_id, Bytes::copy_from_slice(piece))
    }

    /// Ends a page that was sent in pieces.
    fn end_page(&self, call_id: u64) {
        self.calls.end_page(call_id);
    }

    /// Ends the threads. Requests under way are given up.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.shared.intake.submit(Submission::Close);
        let thread = self.thread.lock().take();
        py.detach(|| {
            self.service.stop();
            thread.map_or(Ok(()), JoinHandle::join)
        })
        .map_err(|_| PyRuntimeError::new_err("the I/O thread panicked"))
    }
}

impl Engine {
    fn count(
        &self,
        method: &str,
        name: &str,
        times: Option<Times>,
        bytes_in: u64,
        error: Option<&str>,
        counts_request: bool,
    ) {
        let key = self.shared.registry.key(method, name);
        let error = error.map(|text| self.shared.registry.error(key, text));
        let at = Nanos::from_nanos(Stamp::now().epoch_nanos());
        let sample = Sample {
            key,
            error,
            times,
            bytes_in,
            bytes_out: 0,
            at,
            counts_request,
        };
        self.shared.intake.push(Submission::Record(sample, None));
    }

    fn deliver(&self, py: Python<'_>, message: Message) -> PyResult<()> {
        let handler = self
            .handler
            .lock()
            .as_ref()
            .map(|handler| handler.clone_ref(py));
        let Some(handler) = handler else {
            return Ok(());
        };
        let counts = |pairs: Vec<(String, u32)>| -> PyResult<Bound<'_, PyDict>> {
            let dict = PyDict::new(py);
            for (name, count) in pairs {
                dict.set_item(name, count)?;
            }
            Ok(dict)
        };
        let arguments: Bound<'_, PyTuple> = match message {
            Message::Spawn(users) => ("spawn", counts(users)?).into_pyobject(py)?,
            Message::StopUsers(users) => ("stop_users", counts(users)?).into_pyobject(py)?,
            Message::SpawningComplete(users) => ("spawning_complete", users).into_pyobject(py)?,
            Message::RunTimeReached => ("run_time_reached",).into_pyobject(py)?,
            Message::Settled(given_up) => ("settled", given_up).into_pyobject(py)?,
            Message::Push(level, text) => ("push", level, text).into_pyobject(py)?,
            Message::News(news) => {
                let (kind, mut arguments) = fleet::told(py, &news)?;
                arguments.insert(0, kind.into_pyobject(py)?.into_any());
                PyTuple::new(py, arguments)?
            }
            Message::Call {
                id,
                name,
                payload,
                body,
            } => ("call", id, name, payload, PyBytes::new(py, &body)).into_pyobject(py)?,
        };
        handler.call1(py, arguments)?;
        Ok(())
    }
}

/// The node's actions, on their way through the door.
fn pass_on(door: &Door, workers: &Orders, action: Action) {
    let pairs = |users: katydid_core::dispatch::Users| users.into_iter().collect();
    match action {
        Action::Spawn(users) => door.ask(Message::Spawn(pairs(users))),
        Action::StopUsers(users) => door.ask(Message::StopUsers(pairs(users))),
        Action::SpawningComplete { users } => door.ask(Message::SpawningComplete(users)),
        Action::RunTimeReached => door.ask(Message::RunTimeReached),
        Action::Publish => {}
        Action::Notice(notice) => door.ask(Message::News(News::Notice(notice))),
        Action::Assign(worker, users) => {
            tell(
                workers,
                katydid_node::fleet::Outgoing::Assign(worker, users),
            );
        }
        Action::Order(worker, order) => {
            tell(workers, katydid_node::fleet::Outgoing::Order(worker, order));
        }
    }
}

fn tell(workers: &Orders, outgoing: katydid_node::fleet::Outgoing) {
    if let Some(workers) = workers.get() {
        // The task that serves them ends with the process.
        workers.send(outgoing).ok();
    }
}

/// The collectors that a JSON object of options, and the environment, name.
pub(crate) fn push_settings(given: &str) -> PyResult<Option<Settings>> {
    let given: Given =
        serde_json::from_str(given).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Settings::read(&given, |name| std::env::var(name).ok()).map_err(PyValueError::new_err)
}
