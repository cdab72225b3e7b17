//! The door: what the engine hands to Python, and the descriptor that says so.
//!
//! Any thread may push; only the thread that runs gevent's hub takes. Pushing never
//! waits for Python: it appends to a list and, once per batch, writes to an eventfd.
//! A request of another Python thread has a door of its own, since no other thread can
//! resume what waits there.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use katydid_core::registry::KeyId;
use katydid_host::failure::Flavour;
use katydid_host::fleet::News;
use katydid_http::{Error, Exchange};
use parking_lot::Mutex;

use crate::tickets::Ticket;

/// What a greenlet waited for, on its way back to it.
pub(crate) struct Finished {
    pub(crate) ticket: Ticket,
    pub(crate) what: Landed,
}

/// What can be waited for.
pub(crate) enum Landed {
    Exchange {
        exchange: Box<Exchange>,
        key: KeyId,
        flavour: Flavour,
        /// Whether it was counted already, because no script has a say in the verdict.
        recorded: bool,
    },
    /// The next bytes of a body, or `None` at its end.
    Piece(Result<Option<Bytes>, Error>),
    /// Bytes of a request's body were taken, or nobody wants them any more.
    Taken(bool),
}

/// Something that the engine asks of Python.
pub(crate) enum Message {
    Spawn(Vec<(String, u32)>),
    StopUsers(Vec<(String, u32)>),
    SpawningComplete(u32),
    RunTimeReached,
    /// Requests that the users left are answered or given up; how many were given up.
    Settled(usize),
    /// Something another node did.
    News(News),
    /// How it goes with a collector of metrics: the level of the log, and the words.
    Push(&'static str, String),
    Call {
        id: u64,
        name: String,
        payload: String,
        body: Bytes,
    },
}

pub(crate) struct Door {
    finished: Mutex<Vec<Finished>>,
    messages: Mutex<Vec<Message>>,
    /// Whether the descriptor was written since Python last looked.
    rung: AtomicBool,
    bell: OwnedFd,
}

impl Door {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            finished: Mutex::default(),
            messages: Mutex::default(),
            rung: AtomicBool::new(false),
            bell: eventfd()?,
        })
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Leaves a finished request; [`Self::ring`] tells Python, once for many.
    pub(crate) fn leave(&self, finished: Finished) -> usize {
        let mut list = self.finished.lock();
        list.push(finished);
        list.len()
    }

    /// Leaves a message and rings.
    pub(crate) fn ask(&self, message: Message) {
        self.messages.lock().push(message);
        self.ring();
    }

    /// Wakes Python if anything waits that it has not been told of.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            write_one(self.bell.as_raw_fd());
        }
    }

    /// Rings if finished requests wait.
    pub(crate) fn ring_if_any(&self) {
        if !self.finished.lock().is_empty() {
            self.ring();
        }
    }

    /// Blocks this thread until it is rung.
    pub(crate) fn wait(&self) {
        wait_readable(self.bell.as_raw_fd());
    }

    /// Takes all that waits, swapping the list of finished requests with an empty one.
    pub(crate) fn take(&self, finished: &mut Vec<Finished>) -> Vec<Message> {
        read_all(self.bell.as_raw_fd());
        // Cleared before the lists are taken: what comes after rings again.
        self.rung.store(false, Ordering::Release);
        std::mem::swap(finished, &mut *self.finished.lock());
        std::mem::take(&mut *self.messages.lock())
    }
}

#[expect(unsafe_code, reason = "std has no eventfd")]
fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd takes no pointers; a non-negative result is a descriptor that we own.
    unsafe {
        let descriptor = libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC);
        if descriptor < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(OwnedFd::from_raw_fd(descriptor))
        }
    }
}

#[expect(unsafe_code, reason = "std has no poll")]
fn wait_readable(descriptor: RawFd) {
    let mut polled = libc::pollfd {
        fd: descriptor,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the pointer is to one pollfd that lives through the call. An interrupted wait
    // returns early, and the caller looks and waits again.
    unsafe { libc::poll(&raw mut polled, 1, -1) };
}

#[expect(unsafe_code, reason = "a write without the overhead of a File")]
fn write_one(descriptor: RawFd) {
    let one = 1_u64;
    // SAFETY: the pointer is to eight bytes that live through the call. The only failure is a
    // full counter, and then the descriptor is readable already.
    unsafe { libc::write(descriptor, (&raw const one).cast(), 8) };
}

#[expect(unsafe_code, reason = "a read without the overhead of a File")]
fn read_all(descriptor: RawFd) {
    let mut count = 0_u64;
    // SAFETY: the pointer is to eight writable bytes that live through the call. The only
    // failure is an empty counter, which is as good.
    unsafe { libc::read(descriptor, (&raw mut count).cast(), 8) };
}
