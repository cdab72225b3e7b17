//! Iterations that begin when they are due, on one lane: those who wait for a user, and users that wait for one.
//!
//! Lanes share a schedule by taking each n-th arrival, so that all of them together keep it exactly.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use katydid_core::pace::{Pace, Share};
use katydid_core::units::Nanos;
use katydid_http::timing::Stamp;
use tokio::sync::Notify;

use super::control::{Control, Phase};
use super::lane::{Lane, Turn};
use crate::target::clock;
use crate::target::timer::Timer;
use crate::user::Arrivals;

/// How long what is due waits for a user before it is dropped, the same as for users in Python.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Iterations that are handed out before requests get a turn.
const TURN: usize = 64;

/// One kind's iterations, on one lane.
#[derive(Default)]
pub(crate) struct Pool {
    /// None before the schedule has begun.
    pace: RefCell<Option<Pace>>,
    idle: RefCell<Vec<Rc<Control>>>,
    /// Users that may run here.
    most: Cell<u32>,
    /// Iterations under way.
    busy: Cell<u32>,
    /// Whether it was told that nothing is due any more.
    has_told: Cell<bool>,
    /// Whether nothing more is to be done about the schedule.
    is_closed: Cell<bool>,
    /// Something else is due next than before.
    changed: Notify,
}

/// The part of a schedule that a lane has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) share: Share,
    /// Users that may run on the lane.
    pub(crate) most: u32,
    /// The same for all lanes.
    pub(crate) seed: u64,
    /// How much of the schedule was over when `at` was.
    pub(crate) passed: Duration,
    pub(crate) at: Stamp,
}

impl Pool {
    /// Begins a schedule, or goes on with another one or another part of it.
    pub(crate) fn follow(&self, arrivals: Arrivals, part: &Part) {
        self.most.set(part.most.max(1));
        self.has_told.set(false);
        let began = nanos(part.at);
        let mut pace = self.pace.borrow_mut();
        let schedule = arrivals.schedule;
        *pace = Some(match pace.take() {
            Some(pace) => pace.changed(schedule, part.share, part.seed, part.passed, began),
            None => Pace::new(
                schedule,
                part.share,
                part.seed,
                PATIENCE,
                part.passed,
                began,
            ),
        });
        self.changed.notify_one();
    }

    /// Nothing is due until [`Pool::resume`].
    pub(crate) fn pause(&self) {
        if let Some(pace) = &mut *self.pace.borrow_mut() {
            pace.pause(nanos(Stamp::now()));
        }
        self.changed.notify_one();
    }

    /// The schedule goes on where it was paused.
    pub(crate) fn resume(&self) {
        if let Some(pace) = &mut *self.pace.borrow_mut() {
            pace.resume(nanos(Stamp::now()));
        }
        self.changed.notify_one();
    }

    /// Nothing is due any more, and what waits for a user is dropped.
    pub(crate) fn close(&self, lane: &Lane) {
        let left = self.pace.take().map_or(0, |mut pace| pace.give_up());
        give_up(lane, left);
        self.is_closed.set(true);
        self.changed.notify_one();
    }

    /// Waits for the next iteration and begins it: when it was due. None if the user is to end.
    pub(crate) async fn next(&self, lane: &Lane, control: &Rc<Control>) -> Option<(Stamp, Turn)> {
        lane.has_come(control);
        let due = self.pace.borrow_mut().as_mut().and_then(|it| it.take(0));
        if let Some(due) = due {
            return self.begin(lane, due);
        }
        control.due.set(0);
        self.idle.borrow_mut().push(Rc::clone(control));
        let due = poll_fn(|_| match control.due.get() {
            0 if control.phase() > Phase::Running => Poll::Ready(None),
            0 => Poll::Pending,
            due => Poll::Ready(Some(Nanos::from_nanos(due))),
        })
        .await;
        if due.is_none() {
            self.idle
                .borrow_mut()
                .retain(|other| !Rc::ptr_eq(other, control));
        }
        due.and_then(|due| self.begin(lane, due))
    }

    fn begin(&self, lane: &Lane, due: Nanos) -> Option<(Stamp, Turn)> {
        let Some(turn) = lane.take_iteration() else {
            give_up(lane, 1);
            return None;
        };
        self.busy.set(self.busy.get() + 1);
        let now = Stamp::now();
        let lateness = nanos(now).saturating_sub(due);
        let at = Nanos::from_nanos(now.epoch_nanos());
        lane.count_iterations(at, |counts| counts.begin_due(lateness, at));
        Some((now.before(lateness.as_nanos()), turn))
    }

    /// An iteration has ended.
    pub(crate) fn end(&self, lane: &Lane) {
        self.busy.set(self.busy.get() - 1);
        self.tell_if_done(lane);
    }

    fn tell_if_done(&self, lane: &Lane) {
        let is_over = self.pace.borrow().as_ref().is_some_and(Pace::is_over);
        if is_over && self.busy.get() == 0 && !self.has_told.replace(true) {
            lane.schedule_is_over();
        }
    }

    /// Takes in what has become due, and says when there is something to do again. Users that are free get what
    /// waits; where there are too few, one is started for each that waits.
    fn turn(&self, lane: &Rc<Lane>, class: usize) -> Option<Nanos> {
        let stamp = Stamp::now();
        let (now, epoch) = (nanos(stamp), Nanos::from_nanos(stamp.epoch_nanos()));
        let mut pace = self.pace.borrow_mut();
        let pace = pace.as_mut()?;
        if lane.has_run_out() {
            give_up(lane, pace.give_up());
            return None;
        }
        let dropped = pace.advance(now, |due| {
            let at = epoch.saturating_sub(now.saturating_sub(due));
            lane.count_iterations(at, |counts| counts.fall_due(1, at));
            0
        });
        give_up(lane, dropped);
        for _ in 0..TURN {
            if pace.waiting_for(0) == 0 {
                break;
            }
            let Some(control) = self.idle.borrow_mut().pop() else {
                break;
            };
            let Some(due) = pace.take(0) else {
                self.idle.borrow_mut().push(control);
                break;
            };
            control.due.set(due.as_nanos());
            control.wake();
        }
        let waiting = u32::try_from(pace.waiting_for(0)).unwrap_or(u32::MAX);
        if waiting > 0 && !self.idle.borrow().is_empty() {
            return Some(now);
        }
        // Users that were started and have not come for theirs yet are on their way.
        let (present, starting) = (lane.present_of(class), lane.starting_of(class));
        let wanted = waiting.saturating_sub(starting);
        for _ in 0..wanted.min(self.most.get().saturating_sub(present)) {
            lane.start_here(class);
        }
        pace.deadline()
    }
}

/// Has iterations of a kind fall due by a schedule until that is closed.
pub(crate) async fn run(lane: Rc<Lane>, class: usize, pool: Rc<Pool>) {
    let timer = match Timer::new() {
        Ok(timer) => timer,
        Err(error) => return lane.exception(&io::Error::other(error)),
    };
    let work = async {
        while !pool.is_closed.get() {
            let deadline = pool.turn(&lane, class);
            pool.tell_if_done(&lane);
            let Some(deadline) = deadline else {
                pool.changed.notified().await;
                continue;
            };
            // The timer's clock is another one, which runs as fast.
            let wait = deadline.saturating_sub(nanos(Stamp::now())).as_nanos();
            if wait == 0 {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = timer.until(clock::now().saturating_add(wait)) => {}
                () = pool.changed.notified() => {}
            }
        }
    };
    tokio::select! {
        () = work => {}
        // It goes on as long as the other does.
        _ = timer.drive() => {}
    }
}

fn give_up(lane: &Lane, count: u64) {
    if count > 0 {
        let at = Nanos::from_nanos(Stamp::now().epoch_nanos());
        lane.count_iterations(at, |counts| counts.give_up(count, at));
    }
}

fn nanos(stamp: Stamp) -> Nanos {
    Nanos::from_nanos(stamp.as_nanos())
}
