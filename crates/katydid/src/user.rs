//! Kinds of users: what they do, how many of them there are, and what each carries with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use katydid_core::arrival::Schedule;

use crate::flow::{Entry, Flow, IntoTask, Order, Step};
use crate::outcome::TaskResult;
use crate::session::HttpUser;
use crate::wait::Wait;

/// A kind of users: what they do, and how many of all users are of this kind.
///
/// ```
/// use katydid::prelude::*;
///
/// struct Cart { items: u32 }
///
/// async fn login(u: &mut HttpUser<Cart>) -> TaskResult {
///     u.post("/login").form(&[("name", "ada")]).await?;
///     Ok(())
/// }
///
/// async fn add(u: &mut HttpUser<Cart>) -> TaskResult {
///     u.post("/cart").await?;
///     u.state.items += 1;
///     Ok(())
/// }
///
/// let user = User::http("Shopper")
///     .state(|| Cart { items: 0 })
///     .weight(3)
///     .wait(between(1.secs(), 3.secs()))
///     .on_start(login)
///     .task(2, add);
/// # let _ = user;
/// ```
pub struct User<S = ()> {
    pub(crate) name: String,
    pub(crate) weight: f64,
    pub(crate) fixed: u32,
    pub(crate) host: Option<String>,
    pub(crate) wait: Wait,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) make: Box<dyn Fn() -> S + Send + Sync>,
    pub(crate) flow: Flow<S>,
    pub(crate) arrivals: Option<Arrivals>,
    /// What is wrong with it; said before a run begins.
    pub(crate) problem: Option<String>,
}

/// Iterations that begin when they are due, and not when a user is ready.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    pub(crate) schedule: Schedule,
    pub(crate) most_users: u32,
}

impl Arrivals {
    /// So much of them, out of 1, on as much of the users.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most as many users as all of them"
    )]
    pub(crate) fn part(&self, part: f64) -> Self {
        let most = (f64::from(self.most_users) * part).ceil();
        Self {
            schedule: self.schedule.scaled(part),
            most_users: (most as u32).max(1),
        }
    }
}

/// How long a request may take until its answer is complete, unless a kind of users says otherwise.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
/// How many users there may be of a kind whose iterations begin at a rate, unless it says otherwise.
pub(crate) const MOST_USERS: u32 = 1_000;

impl User<()> {
    /// Users that send HTTP requests. Their name is that of their class on the page and the command line.
    pub fn http(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            weight: 1.0,
            fixed: 0,
            host: None,
            wait: Wait::default(),
            headers: HeaderMap::new(),
            timeout: TIMEOUT,
            make: Box::new(|| ()),
            flow: Flow {
                name: String::new(),
                order: Order::Choose(None),
                entries: Vec::new(),
                wait: None,
                tags: BTreeSet::new(),
                on_start: None,
                on_stop: None,
            },
            arrivals: None,
            problem: None,
        }
    }

    /// Users that speak something else, by [`HttpUser::record`]. Their HTTP client costs nothing unless it is used.
    pub fn new(name: impl Into<String>) -> Self {
        Self::http(name)
    }

    /// What each user carries with it, made when the user starts. It comes before tasks are given, whose type it is part of.
    pub fn state<T: 'static>(self, make: impl Fn() -> T + Send + Sync + 'static) -> User<T> {
        let mut problem = self.problem;
        if !self.flow.entries.is_empty() || self.flow.on_start.is_some() {
            problem = Some(format!(
                "the state of {} comes before its tasks: User::http(..).state(..).task(..)",
                self.name
            ));
        }
        User {
            name: self.name,
            weight: self.weight,
            fixed: self.fixed,
            host: self.host,
            wait: self.wait,
            headers: self.headers,
            timeout: self.timeout,
            make: Box::new(make),
            flow: Flow {
                name: String::new(),
                order: Order::Choose(None),
                entries: Vec::new(),
                wait: None,
                tags: BTreeSet::new(),
                on_start: None,
                on_stop: None,
            },
            arrivals: self.arrivals,
            problem,
        }
    }
}

impl<S: 'static> User<S> {
    /// Its share of all users; 1 unless it is said. Only the ratio matters.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight.into();
        self
    }

    /// Exactly so many users of this kind, before all others.
    #[must_use]
    pub fn fixed(mut self, count: u32) -> Self {
        self.fixed = count;
        self
    }

    /// Where its requests go, unless `--host` or the page says otherwise: `https://shop.example`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// How long it waits between two tasks; not at all unless it is said.
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// A header that goes with every request of these users.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => {
                self.problem = Some(format!("{name:?}: {value:?} is no header that can be sent"));
            }
        }
        self
    }

    /// How long a request may take until its answer is complete; 60 seconds unless it is said.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What a user does first. If it fails, that is counted, and it is tried again after the wait.
    #[must_use]
    pub fn on_start<F>(mut self, run: F) -> Self
    where
        F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync + 'static,
    {
        self.flow.on_start = Some(Box::new(run) as Box<dyn Step<S>>);
        self
    }

    /// What a user does last, also when it is stopped in the middle of something.
    #[must_use]
    pub fn on_stop<F>(mut self, run: F) -> Self
    where
        F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync + 'static,
    {
        self.flow.on_stop = Some(Box::new(run) as Box<dyn Step<S>>);
        self
    }

    /// Something these users do, and how often in relation to their other tasks.
    #[must_use]
    pub fn task<K>(mut self, weight: u32, task: impl IntoTask<S, K>) -> Self {
        self.flow.entries.push(Entry::of(weight, task.into_task()));
        self
    }

    /// A flow of tasks, and how often it is begun in relation to their other tasks.
    #[must_use]
    pub fn flow(mut self, weight: u32, flow: Flow<S>) -> Self {
        self.flow.entries.push(Entry::inner(weight, flow));
        self
    }

    /// Has their tasks begin at a rate, whether or not those before them are done: an open model.
    ///
    /// The rate is written as `--rate` takes it: `200/s`, `30/m`, `0-500/s over 1m, 500/s`. There are then as many
    /// users of this kind as it takes, up to [`User::most_users`].
    #[must_use]
    pub fn rate(mut self, rate: &str) -> Self {
        match rate.parse() {
            Ok(schedule) => self.arrivals = Some(self.arrivals_at(schedule)),
            Err(error) => self.problem = Some(format!("{}: {error}", self.name)),
        }
        self
    }

    /// The same with a schedule that was made elsewhere, as Poisson arrivals are.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.arrivals = Some(self.arrivals_at(schedule));
        self
    }

    fn arrivals_at(&self, schedule: Schedule) -> Arrivals {
        let most_users = self
            .arrivals
            .as_ref()
            .map_or(MOST_USERS, |arrivals| arrivals.most_users);
        Arrivals {
            schedule,
            most_users,
        }
    }

    /// How many users there may be where tasks begin at a rate; 1000 unless it is said, after [`User::rate`].
    #[must_use]
    pub fn most_users(mut self, most: u32) -> Self {
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.most_users = most.max(1);
        }
        self
    }

    pub(crate) fn share(self) -> Arc<Self> {
        Arc::new(self)
    }
}
