//! How a user is stopped.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;

use super::lane::Gate;

/// What is to become of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It goes on.
    Running,
    /// It ends when its task is done.
    Finishing,
    /// It ends when the requests that it has sent are answered.
    Ending,
    /// It ends now, and does only its last things.
    Cut,
    /// It does nothing any more.
    Killed,
}

/// Dropped once all users that were stopped together have ended.
pub(crate) type Farewell = Rc<oneshot::Sender<()>>;

/// One user, as its lane reaches it.
pub(crate) struct Control {
    pub(crate) id: u64,
    pub(crate) class: usize,
    gate: Rc<Gate>,
    phase: Cell<Phase>,
    /// Whether it was told to end, whatever it does in the meantime.
    is_leaving: Cell<bool>,
    /// Whether it does its last things.
    is_parting: Cell<bool>,
    /// Where it stands in its lane's list.
    pub(super) place: Cell<usize>,
    /// Requests that were sent and have no answer.
    under_way: Cell<u32>,
    waker: RefCell<Option<Waker>>,
    farewell: RefCell<Option<Farewell>>,
    /// When the iteration was due that it is to begin; zero for none.
    pub(super) due: Cell<u64>,
    /// Whether it has not come for its first iteration yet.
    pub(super) is_coming: Cell<bool>,
}

impl Control {
    pub(crate) fn new(id: u64, class: usize, gate: Rc<Gate>) -> Self {
        Self {
            id,
            class,
            gate,
            phase: Cell::new(Phase::Running),
            is_leaving: Cell::new(false),
            is_parting: Cell::new(false),
            place: Cell::new(0),
            under_way: Cell::new(0),
            waker: RefCell::default(),
            farewell: RefCell::default(),
            due: Cell::new(0),
            is_coming: Cell::new(true),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Has the user end; nothing takes it back.
    pub(crate) fn stop(&self, phase: Phase, farewell: Farewell) {
        self.is_leaving.set(true);
        *self.farewell.borrow_mut() = Some(farewell);
        self.phase.set(self.phase.get().max(phase));
        self.wake();
    }

    /// Whether it was told to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.get()
    }

    /// Whether it does its last things.
    pub(crate) fn is_parting(&self) -> bool {
        self.is_parting.get()
    }

    /// Whether the user does nothing more of what it was doing.
    pub(crate) fn is_ended(&self) -> bool {
        self.phase.get() >= Phase::Ending && !self.is_parting.get()
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn sent(&self) {
        self.under_way.set(self.under_way.get() + 1);
    }

    pub(crate) fn answered(&self) {
        self.under_way.set(self.under_way.get() - 1);
    }

    fn remember(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if waker.is_none() {
            // A task's waker is the same all its life.
            *waker = Some(context.waker().clone());
        }
    }

    /// Waits, until the time is over or the user is to end. While the test is paused, that is until it goes on.
    pub(crate) async fn wait(&self, time: Duration) {
        if !time.is_zero() && self.phase.get() == Phase::Running {
            let mut sleep = pin!(tokio::time::sleep(time));
            poll_fn(|context| {
                if self.phase.get() > Phase::Running {
                    return Poll::Ready(());
                }
                sleep.as_mut().poll(context)
            })
            .await;
        }
        self.pass_gate().await;
    }

    /// Waits as long as the test is paused.
    pub(crate) async fn pass_gate(&self) {
        if self.gate.is_open() {
            return;
        }
        poll_fn(|_| {
            // Whoever opens it wakes every user.
            if self.gate.is_open() || self.phase.get() > Phase::Running {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Never returns to a user that has ended: what it does is dropped then.
    pub(crate) async fn yield_if_ended(&self) {
        poll_fn(|_| {
            if self.is_ended() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Does what a user does until that is done or the user is to end; none if it was cut short.
    pub(crate) async fn until_ended<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.remember(context);
            if self.phase.get() >= Phase::Cut {
                return Poll::Ready(None);
            }
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            // What was sent is counted when its answer is here.
            if self.phase.get() == Phase::Ending && self.under_way.get() == 0 {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await
    }

    /// Lets a user that has ended do its last things.
    pub(crate) async fn last_things<T>(&self, work: impl Future<Output = T>) {
        self.is_parting.set(true);
        let mut work = pin!(work);
        poll_fn(|context| {
            self.remember(context);
            if self.phase.get() == Phase::Killed {
                return Poll::Ready(());
            }
            work.as_mut().poll(context).map(drop)
        })
        .await;
    }
}
