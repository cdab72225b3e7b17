//! What one user does, from its start to its end.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use katydid_core::dispatch::Class;
use katydid_http::Target;
use katydid_http::timing::Stamp;

use super::arrivals::Pool;
use super::base::Base;
use super::control::{Control, Phase};
use super::lane::Lane;
use crate::flow::{Flow, Order, What};
use crate::outcome::{Reason, TaskError, TaskResult};
use crate::session::{Context, HttpUser};
use crate::user::User;
use crate::wait::Wait;

/// A kind of users, whatever they carry with them.
pub(crate) trait Kind: Send + Sync {
    /// What the node has to know of it.
    fn class(&self) -> Class;
    /// What the page has to know of it.
    fn about(&self) -> katydid_web::UserClass;
    /// Where its users' requests go if nothing else is said.
    fn host(&self) -> Option<&str>;
    /// What is wrong with it.
    fn problem(&self) -> Option<String>;
    /// When its tasks are due, if that does not depend on its users.
    fn arrivals(&self) -> Option<&crate::user::Arrivals>;
    /// A user, to be run on its lane.
    fn live(self: Arc<Self>, lane: Rc<Lane>, control: Rc<Control>) -> Life;
}

/// A user at work.
pub(crate) type Life = Pin<Box<dyn Future<Output = ()>>>;

/// The least time between two attempts to start a user.
const RETRY: Duration = Duration::from_secs(1);

impl<S: 'static> Kind for User<S> {
    fn class(&self) -> Class {
        Class {
            name: self.name.clone(),
            weight: self.weight,
            fixed_count: self.fixed,
        }
    }

    fn about(&self) -> katydid_web::UserClass {
        let tasks = self.flow.entries.iter().map(|entry| katydid_web::Task {
            name: entry.name.clone(),
            weight: entry.weight.into(),
        });
        katydid_web::UserClass {
            name: self.name.clone(),
            weight: self.weight,
            fixed_count: self.fixed,
            host: self.host.clone(),
            tasks: tasks.collect(),
        }
    }

    fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    fn problem(&self) -> Option<String> {
        if self.problem.is_some() {
            return self.problem.clone();
        }
        (self.flow.weight() == 0).then(|| {
            format!(
                "{} has no tasks to choose from: add some with .task(1, ..)",
                self.name
            )
        })
    }

    fn arrivals(&self) -> Option<&crate::user::Arrivals> {
        self.arrivals.as_ref()
    }

    fn live(self: Arc<Self>, lane: Rc<Lane>, control: Rc<Control>) -> Life {
        Box::pin(live(self, lane, control))
    }
}

impl<S: 'static> User<S> {
    fn base(&self, lane: &Lane) -> Base {
        let host = lane.host(self.host.as_deref());
        let root = host.and_then(|host| Target::parse(&host).ok());
        let mut headers = HeaderMap::clone(&lane.headers);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        Base::new(root, Arc::new(headers), self.timeout)
    }
}

async fn live<S: 'static>(kind: Arc<User<S>>, lane: Rc<Lane>, control: Rc<Control>) {
    let base = lane.bases.of(control.class, || kind.base(&lane));
    let mut user = HttpUser {
        state: (kind.make)(),
        me: Context::new(Rc::clone(&lane), Rc::clone(&control), base),
    };
    control.until_ended(work(&kind, &mut user)).await;
    if let Some(on_stop) = &kind.flow.on_stop {
        control
            .last_things(async {
                let done = on_stop.run(&mut user).await;
                report(&user.me, done);
            })
            .await;
    }
}

/// Starts a user and has it do its tasks, until it is to end.
async fn work<S: 'static>(kind: &User<S>, user: &mut HttpUser<S>) {
    while let Some(on_start) = &kind.flow.on_start {
        match on_start.run(user).await {
            Ok(()) => break,
            Err(error) => {
                if let Next::End = next(&user.me, Err(error)) {
                    return;
                }
            }
        }
        let wait = kind.wait.after(Duration::ZERO, &user.me).max(RETRY);
        user.me.control.wait(wait).await;
        if user.me.control.phase() > Phase::Running {
            return;
        }
    }
    run(&kind.flow, &kind.wait, user, true).await;
}

/// What a user does after a task.
enum Next {
    Go,
    Leave,
    End,
}

/// Tells of what went wrong in a task.
fn report(user: &Context, result: TaskResult) {
    let _: Next = next(user, result);
}

fn next(user: &Context, result: TaskResult) -> Next {
    match result {
        Ok(()) => Next::Go,
        Err(TaskError(reason)) => match reason {
            Reason::Counted(_) => Next::Go,
            Reason::Error(error) => {
                user.lane.exception(&*error);
                Next::Go
            }
            Reason::Leave => Next::Leave,
            Reason::EndUser => Next::End,
            Reason::EndTest => {
                user.lane.end_test();
                Next::End
            }
        },
    }
}

/// Tells of the end of an iteration that a schedule had begin.
pub(crate) struct Ending {
    pool: Rc<Pool>,
    lane: Rc<Lane>,
}

impl Ending {
    pub(crate) fn new(pool: &Rc<Pool>, lane: &Rc<Lane>) -> Self {
        Self {
            pool: Rc::clone(pool),
            lane: Rc::clone(lane),
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.pool.end(&self.lane);
    }
}

/// Runs a flow; false if the user is to end.
async fn run<S: 'static>(
    flow: &Flow<S>,
    wait: &Wait,
    user: &mut HttpUser<S>,
    is_outermost: bool,
) -> bool {
    let mut done = 0;
    loop {
        let place = match flow.order {
            Order::Choose(most) if most.is_some_and(|most| done >= u64::from(most)) => return true,
            Order::Choose(_) => {
                let weight = flow.weight();
                if weight == 0 {
                    return true;
                }
                flow.place(user.me.lane.rng.borrow_mut().u64(0..weight))
            }
            Order::Sequence(times) => {
                let count = flow.entries.len() as u64;
                if count == 0 || done >= count * u64::from(times) {
                    return true;
                }
                usize::try_from(done % count).unwrap_or(0)
            }
        };
        done += 1;
        let pool = if is_outermost {
            user.me.lane.pool_of(user.me.control.class)
        } else {
            None
        };
        let mut turn = None;
        if is_outermost && let Some(pool) = &pool {
            match pool.next(&user.me.lane, &user.me.control).await {
                Some((due, its)) => {
                    user.me.due.set(due);
                    turn = Some(its);
                }
                None => return false,
            }
        }
        // Also of an iteration that is cut short.
        let _ending = pool.as_ref().map(|pool| Ending::new(pool, &user.me.lane));
        if is_outermost {
            turn = turn.or_else(|| user.me.lane.take_iteration());
            if turn.is_none() {
                return false;
            }
            user.me.begin_iteration();
        }
        let began = Stamp::now();
        if is_outermost && pool.is_none() {
            user.me.lane.iteration_begins(began);
        }
        let entry = &flow.entries[place];
        let after = match &entry.what {
            What::Task(task) => {
                let done = task.run(user).await;
                next(&user.me, done)
            }
            What::Flow(inner) => {
                if Box::pin(visit(inner, wait, user)).await {
                    Next::Go
                } else {
                    Next::End
                }
            }
        };
        let ended = Stamp::now();
        if is_outermost {
            user.me.lane.iteration_ends(ended);
        }
        drop(turn);
        let control = &user.me.control;
        if matches!(after, Next::End) || control.phase() > Phase::Running {
            return false;
        }
        let took = Duration::from_nanos(ended.since(began));
        let pause = flow.wait.as_ref().unwrap_or(wait).after(took, &user.me);
        if pause.is_zero() || pool.is_some() {
            // A task that waits for nothing must not keep the others from running.
            tokio::task::coop::consume_budget().await;
            control.pass_gate().await;
        } else {
            control.wait(pause).await;
        }
        if control.phase() > Phase::Running {
            return false;
        }
        if matches!(after, Next::Leave) && !is_outermost {
            return true;
        }
    }
}

/// Runs a flow inside another, with what it does first and last; false if the user is to end.
async fn visit<S: 'static>(flow: &Flow<S>, wait: &Wait, user: &mut HttpUser<S>) -> bool {
    if let Some(on_start) = &flow.on_start {
        let done = on_start.run(user).await;
        match next(&user.me, done) {
            Next::Go => {}
            Next::Leave => return true,
            Next::End => return false,
        }
    }
    let wait = flow.wait.as_ref().unwrap_or(wait);
    let goes_on = run(flow, wait, user, false).await;
    if let Some(on_stop) = &flow.on_stop {
        let done = on_stop.run(user).await;
        report(&user.me, done);
    }
    goes_on
}
