//! Iterations that begin when they are due, on one lane: those who wait for a user, and users that wait for one.
//!
//! Lanes share a schedule by taking each n-th arrival, so that all of them together keep it exactly.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use katydid_http::timing::Stamp;

use super::control::{Control, Phase};
use super::lane::Lane;
use crate::target::clock;
use crate::target::timer::Timer;
use crate::user::Arrivals;

/// How long what is due waits for a user before it is dropped, in nanoseconds.
const PATIENCE: u64 = 10_000_000_000;
/// Arrivals that are handled before requests get a turn.
const TURN: u32 = 64;

/// One kind's iterations, on one lane.
#[derive(Default)]
pub(crate) struct Pool {
    /// When those were due that no user has taken: nanoseconds of the target's clock, which never steps.
    waiting: RefCell<VecDeque<u64>>,
    idle: RefCell<Vec<Rc<Control>>>,
    /// Users that may run here.
    most: Cell<u32>,
    /// Whether nothing is due any more.
    is_over: Cell<bool>,
    /// Iterations under way.
    busy: Cell<u32>,
}

/// The part of a schedule that a lane has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) index: usize,
    pub(crate) of: usize,
    /// The same for all lanes.
    pub(crate) seed: u64,
    /// When the schedule begins, by the target's clock.
    pub(crate) began: u64,
}

impl Pool {
    /// Waits for the next iteration: when it was due. None if the user is to end.
    pub(crate) async fn next(&self, control: &Rc<Control>) -> Option<Stamp> {
        let due = self.waiting.borrow_mut().pop_front();
        if let Some(due) = due {
            return Some(self.begin(due));
        }
        control.due.set(0);
        self.idle.borrow_mut().push(Rc::clone(control));
        let due = poll_fn(|_| match control.due.get() {
            0 if control.phase() > Phase::Running => Poll::Ready(None),
            0 => Poll::Pending,
            due => Poll::Ready(Some(due)),
        })
        .await;
        if due.is_none() {
            self.idle
                .borrow_mut()
                .retain(|other| !Rc::ptr_eq(other, control));
        }
        due.map(|due| self.begin(due))
    }

    fn begin(&self, due: u64) -> Stamp {
        let lateness = clock::now().saturating_sub(due);
        self.busy.set(self.busy.get() + 1);
        Stamp::now().before(lateness)
    }

    /// An iteration has ended.
    pub(crate) fn end(&self, lane: &Lane) {
        self.busy.set(self.busy.get() - 1);
        self.tell_if_done(lane);
    }

    fn tell_if_done(&self, lane: &Lane) {
        if self.is_over.get() && self.busy.get() == 0 && self.waiting.borrow().is_empty() {
            // Once is enough.
            self.is_over.set(false);
            lane.schedule_is_over();
        }
    }

    /// Something is due: a user that waits takes it, or else a new one, or else it waits.
    fn fall_due(&self, lane: &Rc<Lane>, class: usize, due: u64) {
        let user = self.idle.borrow_mut().pop();
        if let Some(control) = user {
            control.due.set(due);
            control.wake();
            return;
        }
        self.waiting.borrow_mut().push_back(due);
        let waiting = u32::try_from(self.waiting.borrow().len()).unwrap_or(u32::MAX);
        // Users that were started and have not come for theirs yet are on their way.
        let (present, starting) = (lane.present_of(class), lane.starting_of(class));
        if present < self.most.get() && starting < waiting {
            lane.start_here(class);
        }
    }

    /// Drops what has waited too long.
    fn give_up(&self, now: u64) {
        let mut waiting = self.waiting.borrow_mut();
        while waiting.front().is_some_and(|due| due + PATIENCE < now) {
            waiting.pop_front();
        }
    }
}

/// Has iterations of a kind fall due by a schedule, as long as the load is the same.
pub(crate) async fn run(lane: Rc<Lane>, class: usize, arrivals: Arrivals, share: Share) {
    let pool = lane.pool(class);
    let part = u32::try_from(share.of).unwrap_or(1);
    let rest = u32::from((arrivals.most_users % part) as usize > share.index);
    pool.most.set((arrivals.most_users / part + rest).max(1));
    pool.is_over.set(false);
    let load = lane.load();
    let timer = match Timer::new() {
        Ok(timer) => timer,
        Err(error) => return lane.exception(&io::Error::other(error)),
    };
    let due = arrivals.schedule.arrivals(share.seed);
    let due = due.skip(share.index).step_by(share.of);
    let work = async {
        let mut handled = 0_u32;
        for offset in due {
            let due = share.began.saturating_add(offset.as_nanos());
            let mut now = clock::now();
            if due > now {
                timer.until(due).await;
                now = clock::now();
            }
            // A paused test moves all that follows; what is due while it is paused is not.
            if lane.load() != load {
                return;
            }
            pool.fall_due(&lane, class, due);
            pool.give_up(now);
            handled += 1;
            if handled.is_multiple_of(TURN) {
                tokio::task::yield_now().await;
            }
        }
        pool.is_over.set(true);
        pool.tell_if_done(&lane);
        // What still waits is given up in time, too.
        while lane.load() == load && !pool.waiting.borrow().is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            pool.give_up(clock::now());
            pool.tell_if_done(&lane);
        }
    };
    tokio::select! {
        () = work => {}
        // It goes on as long as the other does.
        _ = timer.drive() => {}
    }
}
