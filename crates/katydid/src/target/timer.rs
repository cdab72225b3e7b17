//! Wakes a task at a moment, to within some tens of microseconds.
//!
//! The runtime's own timer counts whole milliseconds, too coarse for a server
//! that is to answer after exactly 1.000 ms. Here each worker thread keeps its
//! deadlines in a heap and one kernel timer (`timerfd`) in its own poll set,
//! set to fire slightly before the earliest deadline. The rest of the way the
//! driver yields in a loop, so that the thread neither sleeps past the moment
//! nor keeps other connections waiting. An idle target uses no CPU time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::clock::{self, Stamp};

/// How long before a deadline the kernel timer fires, in nanoseconds: a little
/// more than an idle virtual machine takes to wake up.
const EARLY: u64 = 60_000;

/// Deadlines of the tasks of one worker thread.
pub(crate) struct Timer {
    kernel: AsyncFd<OwnedFd>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: BinaryHeap<Reverse<Entry>>,
    added: u64,
}

/// One waiting task; ordered by its deadline, then by arrival.
struct Entry {
    due: Stamp,
    number: u64,
    waker: Waker,
}

impl Timer {
    /// A timer of the current runtime.
    #[expect(
        deprecated,
        reason = "sound for an `OwnedFd`, which closes only when dropped; its successor is unsafe"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let kernel = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self {
            kernel: AsyncFd::new(kernel)?,
            queue: Mutex::default(),
        })
    }

    /// Returns when the moment `due` has come.
    pub(crate) async fn until(&self, due: Stamp) {
        let mut queued = false;
        poll_fn(|context| {
            let now = clock::now();
            if now >= due {
                return Poll::Ready(());
            }
            if !queued {
                queued = true;
                self.add(due, now, context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn add(&self, due: Stamp, now: Stamp, waker: Waker) {
        let mut queue = self.queue.lock();
        let earliest = queue.waiting.peek().is_none_or(|first| due < first.0.due);
        let number = queue.added;
        queue.added += 1;
        queue.waiting.push(Reverse(Entry { due, number, waker }));
        if earliest {
            self.arm(due, now);
        }
    }

    /// Wakes tasks as their moments come, for as long as the runtime lives.
    pub(crate) async fn drive(&self) -> io::Result<()> {
        loop {
            let mut fired = self.kernel.readable().await?;
            // An error means that the timer was set anew meanwhile; either way
            // the queue tells what is due.
            let _ = rustix::io::read(self.kernel.get_ref(), &mut [0; 8]);
            fired.clear_ready();
            drop(fired);
            while self.wake_due() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Wakes what is due; true when the next deadline is too close for sleep.
    fn wake_due(&self) -> bool {
        let mut queue = self.queue.lock();
        let now = clock::now();
        while let Some(Reverse(first)) = queue.waiting.peek() {
            if first.due > now {
                let close = first.due - now <= EARLY;
                if !close {
                    self.arm(first.due, now);
                }
                return close;
            }
            if let Some(Reverse(first)) = queue.waiting.pop() {
                first.waker.wake();
            }
        }
        false
    }

    /// Sets the kernel timer to fire shortly before `due`.
    fn arm(&self, due: Stamp, now: Stamp) {
        // Zero would disarm the timer.
        let wait = due.saturating_sub(now + EARLY).max(1);
        let split = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
        let at = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: split(wait / 1_000_000_000),
                tv_nsec: split(wait % 1_000_000_000),
            },
        };
        timerfd_settime(self.kernel.get_ref(), TimerfdTimerFlags::empty(), &at)
            .expect("the descriptor is a timer and the time is in range");
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}
