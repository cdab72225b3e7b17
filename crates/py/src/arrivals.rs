//! Iterations that begin when a schedule says so, on greenlets that wait for that.
//!
//! A user that is free leaves a ticket here. When an arrival is due, a timer of the system makes a
//! descriptor readable, which gevent's hub watches; [`PyArrivals::due`] then switches to as many free
//! users as there are arrivals. So the way from the timer to the script is one wake-up of the hub.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use katydid_core::arrival::Schedule;
use katydid_core::pace::{Mix, Pace, Share};
use katydid_core::units::Nanos;
use katydid_http::timing::Stamp;
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::engine::Shared;
use crate::tickets::Ticket;

/// What [`PyArrivals::free`] says to a user that is to begin at once.
const AT_ONCE: i64 = -1;

/// The arrivals of a run, and the users that are free for them.
#[pyclass(frozen, name = "Arrivals", module = "katydid._core")]
pub(crate) struct PyArrivals {
    shared: Arc<Shared>,
    timer: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// None before it begins and after it has ended.
    pace: Option<(Pace, Mix)>,
    classes: Vec<Class>,
}

/// The users of a class.
#[derive(Default)]
struct Class {
    /// Those that are free, the one that was busy last at the end.
    free: Vec<Ticket>,
    /// How many are being made.
    coming: u32,
}

impl PyArrivals {
    /// Arrivals for so many classes, which have not begun.
    pub(crate) fn new(shared: Arc<Shared>, classes: usize) -> io::Result<Self> {
        let mut state = State::default();
        state.classes.resize_with(classes, Class::default);
        Ok(Self {
            shared,
            timer: timer()?,
            state: Mutex::new(state),
        })
    }
}

#[pymethods]
impl PyArrivals {
    /// Readable when an arrival is due.
    fn fileno(&self) -> i32 {
        self.timer.as_raw_fd()
    }

    /// Has arrivals fall due by a schedule from now on, or by another one than before. Of the
    /// schedule, `passed` seconds are over, and it is the part `share` of so many equal ones. The
    /// weights are those of the classes; nobody waits longer than `patience` seconds.
    #[pyo3(signature = (schedule, weights, share, seed, patience, passed))]
    fn begin(
        &self,
        schedule: &str,
        weights: Vec<f64>,
        share: (u64, u64),
        seed: u64,
        patience: f64,
        passed: f64,
    ) -> PyResult<()> {
        let schedule = parsed(schedule)?;
        let share = Share {
            index: share.0,
            of: share.1.max(1),
        };
        let (patience, passed) = (seconds(patience)?, seconds(passed)?);
        let now = now();
        let mut state = self.state.lock();
        let spacing = schedule.spacing();
        state.pace = Some(match state.pace.take() {
            Some((pace, mix)) => (
                pace.changed(schedule, share, seed, passed, now),
                mix.changed(weights, spacing, seed),
            ),
            None => (
                Pace::new(schedule, share, seed, patience, passed, now),
                Mix::new(weights, spacing, seed),
            ),
        });
        self.wind(&state);
        Ok(())
    }

    /// Nothing falls due until [`Self::resume`].
    fn pause(&self) {
        let mut state = self.state.lock();
        if let Some((pace, _)) = &mut state.pace {
            pace.pause(now());
        }
        self.wind(&state);
    }

    fn resume(&self) {
        let mut state = self.state.lock();
        if let Some((pace, _)) = &mut state.pace {
            pace.resume(now());
        }
        self.wind(&state);
    }

    /// Nothing falls due any more, and what waits is dropped.
    fn end(&self) {
        let mut state = self.state.lock();
        if let Some((mut pace, _)) = state.pace.take() {
            self.give_up(pace.give_up());
        }
        self.wind(&state);
    }

    /// How many arrivals wait for a user.
    fn waiting(&self) -> usize {
        let state = self.state.lock();
        state.pace.as_ref().map_or(0, |(pace, _)| pace.waiting())
    }

    /// The greenlet of a user of a class is free; `is_new` says that it is so for the first time. A
    /// negative number means that it is to begin an iteration now; otherwise the hub switches to it
    /// when it is.
    fn free(&self, waiter: Py<PyAny>, class: usize, is_new: bool) -> i64 {
        let mut state = self.state.lock();
        let State { pace, classes } = &mut *state;
        let Some(its) = classes.get_mut(class) else {
            // There is no such class, and nothing will be due for it.
            return self.shared.tickets.lock().issue(waiter).number();
        };
        if is_new {
            its.coming = its.coming.saturating_sub(1);
        }
        if let Some(due) = pace.as_mut().and_then(|(pace, _)| pace.take(class)) {
            self.begin_one(&waiter, due);
            return AT_ONCE;
        }
        let ticket = self.shared.tickets.lock().issue(waiter);
        its.free.push(ticket);
        ticket.number()
    }

    /// A greenlet no longer waits: it was killed.
    fn leave(&self, ticket: u64) {
        self.shared.tickets.lock().redeem(Ticket::from(ticket));
    }

    /// A user has ended; `is_new` says that it has never been free.
    #[expect(clippy::needless_pass_by_value, reason = "as pyo3 has it")]
    fn gone(&self, waiter: Py<PyAny>, class: usize, is_new: bool) {
        self.shared.forgive(waiter.as_ptr().addr());
        if is_new && let Some(its) = self.state.lock().classes.get_mut(class) {
            its.coming = its.coming.saturating_sub(1);
        }
    }

    /// An iteration has ended.
    fn ended(&self) {
        self.shared.tally.end();
    }

    /// Has users begin what is due, and says how many more of each class are to be made, at most
    /// `room` in all, and whether nothing will be due any more.
    fn due(&self, py: Python<'_>, room: u32) -> PyResult<(Vec<(usize, u32)>, bool)> {
        read_all(&self.timer);
        let fell = self.advance();
        let mut failed = None;
        while let Some((waiter, due)) = self.next() {
            self.begin_one(&waiter, due);
            if let Err(error) = waiter.call_method1(py, pyo3::intern!(py, "switch"), (py.None(),)) {
                failed = Some(error);
            }
            if self.shared.is_gone() {
                return Ok((Vec::new(), false));
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let mut state = self.state.lock();
        let mut more = Vec::new();
        let State { pace, classes } = &mut *state;
        let is_over = pace.as_ref().is_some_and(|(pace, _)| pace.is_over());
        if let Some((pace, _)) = pace
            && fell
        {
            let mut room = room;
            for (place, class) in classes.iter_mut().enumerate() {
                let waiting = u32::try_from(pace.waiting_for(place)).unwrap_or(u32::MAX);
                let wanted = waiting.saturating_sub(class.coming).min(room);
                if wanted > 0 {
                    room -= wanted;
                    class.coming += wanted;
                    more.push((place, wanted));
                }
            }
        }
        self.wind(&state);
        Ok((more, is_over))
    }
}

impl PyArrivals {
    /// Takes in what has become due; whether something has.
    fn advance(&self) -> bool {
        let stamp = Stamp::now();
        let (now, epoch) = (
            Nanos::from_nanos(stamp.as_nanos()),
            Nanos::from_nanos(stamp.epoch_nanos()),
        );
        let mut state = self.state.lock();
        let Some((pace, mix)) = &mut state.pace else {
            return false;
        };
        let mut tally = self.shared.tally.scheduled.lock();
        let mut fell = false;
        let dropped = pace.advance(now, |due| {
            fell = true;
            let at = epoch.saturating_sub(now.saturating_sub(due));
            tally.of(at).iterations().fall_due(1, at);
            mix.draw()
        });
        drop(tally);
        self.give_up(dropped);
        fell
    }

    /// A free user and the arrival it gets.
    fn next(&self) -> Option<(Py<PyAny>, Nanos)> {
        let mut state = self.state.lock();
        let State { pace, classes } = &mut *state;
        let (pace, _) = pace.as_mut()?;
        for (place, class) in classes.iter_mut().enumerate() {
            while pace.waiting_for(place) > 0
                && let Some(ticket) = class.free.pop()
            {
                // Whoever was killed meanwhile has taken its ticket along.
                let waiter = self.shared.tickets.lock().redeem(ticket);
                if let Some(waiter) = waiter
                    && let Some(due) = pace.take(place)
                {
                    return Some((waiter, due));
                }
            }
        }
        None
    }

    fn begin_one(&self, waiter: &Py<PyAny>, due: Nanos) {
        let stamp = Stamp::now();
        let late = Nanos::from_nanos(stamp.as_nanos()).saturating_sub(due);
        let at = Nanos::from_nanos(stamp.epoch_nanos());
        let mut tally = self.shared.tally.scheduled.lock();
        tally.of(at).iterations().begin_due(late, at);
        drop(tally);
        self.shared.owe(waiter.as_ptr().addr(), late.as_nanos());
    }

    fn give_up(&self, count: u64) {
        if count > 0 {
            let at = Nanos::from_nanos(Stamp::now().epoch_nanos());
            let mut tally = self.shared.tally.scheduled.lock();
            tally.of(at).iterations().give_up(count, at);
        }
    }

    /// Has the timer go off when there is something to do next.
    fn wind(&self, state: &State) {
        let deadline = state.pace.as_ref().and_then(|(pace, _)| pace.deadline());
        let wait = deadline.map(|at| at.saturating_sub(now()).as_nanos().max(1));
        set(&self.timer, wait.unwrap_or(0));
    }
}

/// Checks what stands for a rate, and how it is written in full: `200/s`.
///
/// # Errors
///
/// A `ValueError` that says what is wrong.
#[pyfunction]
pub(crate) fn schedule(text: &str) -> PyResult<(String, Option<f64>, f64)> {
    let schedule = parsed(text)?;
    let length = schedule.length().map(|length| length.as_secs_f64());
    let first = schedule.stages().first().map_or(0.0, |stage| stage.from);
    Ok((schedule.to_string(), length, first))
}

pub(crate) fn parsed(text: &str) -> PyResult<Schedule> {
    text.parse()
        .map_err(|error: katydid_core::arrival::Error| PyValueError::new_err(error.to_string()))
}

fn seconds(number: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(number.max(0.0))
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

fn now() -> Nanos {
    Nanos::from_nanos(Stamp::now().as_nanos())
}

#[expect(unsafe_code, reason = "std has no timerfd")]
fn timer() -> io::Result<OwnedFd> {
    // SAFETY: timerfd_create takes no pointers; a non-negative result is a descriptor that we own.
    unsafe {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        let descriptor = libc::timerfd_create(libc::CLOCK_MONOTONIC, flags);
        if descriptor < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(OwnedFd::from_raw_fd(descriptor))
        }
    }
}

/// Has the timer go off once, after so many nanoseconds; zero for never.
#[expect(unsafe_code, reason = "std has no timerfd")]
fn set(timer: &OwnedFd, nanos: u64) {
    let never = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let value = libc::itimerspec {
        it_interval: never,
        it_value: libc::timespec {
            tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(nanos % 1_000_000_000).unwrap_or(0),
        },
    };
    // SAFETY: the pointer is to a value that lives through the call; the old one is not asked for.
    unsafe {
        libc::timerfd_settime(timer.as_raw_fd(), 0, &raw const value, std::ptr::null_mut());
    }
}

#[expect(unsafe_code, reason = "a read without the overhead of a File")]
fn read_all(timer: &OwnedFd) {
    let mut count = 0_u64;
    // SAFETY: the pointer is to eight writable bytes that live through the call. The only failure is
    // a timer that has not gone off, which is as good.
    unsafe { libc::read(timer.as_raw_fd(), (&raw mut count).cast(), 8) };
}
