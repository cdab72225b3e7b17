//! What an ordinary request does without: bodies in pieces, connections that are shared,
//! doors for other threads than the hub's.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use katydid_http::body::Body;
use katydid_http::pool::{Connections, Limit};
use katydid_http::upload::{Pieces, Upload};
use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::door::{Door, Finished};
use crate::engine::Shared;
use crate::io::{Feeding, Reading, Slot, Submission};

/// What is still to come of a response. Dropped before its end, it closes its connection.
#[pyclass(frozen, name = "Body", module = "katydid._core")]
pub(crate) struct PyBody {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
}

impl PyBody {
    pub(crate) fn new(shared: Arc<Shared>, body: Box<Body>) -> Self {
        let slot = Arc::<Slot>::default();
        *slot.body.lock() = Some(body);
        Self { shared, slot }
    }
}

impl Drop for PyBody {
    fn drop(&mut self) {
        self.close();
    }
}

#[pymethods]
impl PyBody {
    /// Asks for the next bytes and returns a ticket, or -1 from another thread without a door.
    /// The waiter gets bytes, none of them at the end, or the parts of an exception.
    #[pyo3(signature = (waiter, door=None))]
    fn read(&self, waiter: Py<PyAny>, door: Option<&PyDoor>) -> PyResult<i64> {
        if door.is_none() && !self.shared.is_at_home() {
            return Ok(-1);
        }
        let Some(body) = self.slot.body.lock().take() else {
            return Err(PyValueError::new_err(
                "the body is closed, or another greenlet is reading it",
            ));
        };
        let ticket = self.shared.tickets.lock().issue(waiter);
        self.shared.intake.submit(Submission::Read(Reading {
            ticket,
            body,
            slot: Arc::clone(&self.slot),
            door: door.map(PyDoor::door),
        }));
        Ok(ticket.number())
    }

    /// Gives up the rest.
    fn close(&self) {
        self.slot.closed.store(true, Ordering::Relaxed);
        let body = self.slot.body.lock().take();
        if self.shared.is_gone() {
            std::mem::forget(body);
        }
    }
}

/// The body of a request while a script makes it.
#[pyclass(frozen, name = "Upload", module = "katydid._core")]
pub(crate) struct PyUpload {
    shared: Arc<Shared>,
    pieces: Mutex<Option<Pieces>>,
    body: Mutex<Option<Upload>>,
}

impl PyUpload {
    pub(crate) fn new(shared: Arc<Shared>, length: Option<u64>) -> Self {
        let (pieces, body) = Upload::new(length);
        Self {
            shared,
            pieces: Mutex::new(Some(pieces)),
            body: Mutex::new(Some(body)),
        }
    }

    pub(crate) fn body(&self) -> PyResult<Arc<Upload>> {
        let body = self.body.lock().take();
        body.map(Arc::new)
            .ok_or_else(|| PyRuntimeError::new_err("the upload was submitted already"))
    }
}

#[pymethods]
impl PyUpload {
    /// Adds a piece, an empty one at the end, if there is room: whether it was taken, `None` if
    /// it has to wait.
    fn try_feed(&self, piece: &[u8]) -> Option<bool> {
        use tokio::sync::mpsc::error::TrySendError;
        let pieces = self.pieces.lock();
        let Some(pieces) = pieces.as_ref() else {
            return Some(false);
        };
        match pieces.try_send(Bytes::copy_from_slice(piece)) {
            Ok(()) => Some(true),
            Err(TrySendError::Closed(_)) => Some(false),
            Err(TrySendError::Full(_)) => None,
        }
    }

    /// Adds a piece as soon as there is room and returns a ticket, or -1 from another thread
    /// without a door. The waiter gets a bool: whether it was taken.
    #[pyo3(signature = (piece, waiter, door=None))]
    fn feed(&self, piece: &[u8], waiter: Py<PyAny>, door: Option<&PyDoor>) -> PyResult<i64> {
        if door.is_none() && !self.shared.is_at_home() {
            return Ok(-1);
        }
        let Some(pieces) = self.pieces.lock().clone() else {
            return Err(PyValueError::new_err("the upload was closed"));
        };
        let ticket = self.shared.tickets.lock().issue(waiter);
        self.shared.intake.submit(Submission::Feed(Feeding {
            ticket,
            piece: Bytes::copy_from_slice(piece),
            pieces,
            door: door.map(PyDoor::door),
        }));
        Ok(ticket.number())
    }

    /// Gives up: a body that has not ended by now is cut off.
    fn close(&self) {
        *self.pieces.lock() = None;
    }
}

/// Connections that several clients share.
#[pyclass(frozen, name = "Pool", module = "katydid._core")]
pub(crate) struct PyPool(Arc<Connections>);

impl From<&Arc<Connections>> for PyPool {
    fn from(connections: &Arc<Connections>) -> Self {
        Self(Arc::clone(connections))
    }
}

impl PyPool {
    pub(crate) fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.0)
    }
}

#[pymethods]
impl PyPool {
    /// At most `per_origin` connections to an origin are kept; with `wait` there are no others.
    #[new]
    fn new(per_origin: usize, wait: bool) -> Self {
        Self(Arc::new(Connections::new(Limit { per_origin, wait })))
    }

    /// Closes the idle connections.
    fn close(&self) {
        self.0.close();
    }
}

/// The way back of one request of a thread that is not the hub's.
#[pyclass(frozen, name = "Door", module = "katydid._core")]
pub(crate) struct PyDoor {
    shared: Arc<Shared>,
    door: Arc<Door>,
}

impl PyDoor {
    pub(crate) fn new(shared: Arc<Shared>) -> io::Result<Self> {
        let door = Arc::new(Door::new()?);
        Ok(Self { shared, door })
    }

    pub(crate) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }
}

#[pymethods]
impl PyDoor {
    fn fileno(&self) -> i32 {
        self.door.descriptor()
    }

    /// Blocks the thread until something is here, or a signal came. Other threads run meanwhile.
    fn wait(&self, py: Python<'_>) {
        py.detach(|| self.door.wait());
    }

    /// What was waited for, if it is here.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let mut finished = Vec::new();
        self.door.take(&mut finished);
        let mut shown = None;
        for Finished { ticket, what } in finished {
            if self.shared.tickets.lock().redeem(ticket).is_some() {
                shown = Some(self.shared.show(py, what)?);
            } else {
                self.shared.discard(&what);
            }
        }
        Ok(shown)
    }
}

impl Drop for PyDoor {
    fn drop(&mut self) {
        let mut finished = Vec::new();
        self.door.take(&mut finished);
        for Finished { what, .. } in &finished {
            self.shared.discard(what);
        }
        if !finished.is_empty() && !self.shared.is_gone() {
            self.shared.intake.wake();
        }
    }
}
