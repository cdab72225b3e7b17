//! A user at work: its requests, and what it knows of itself.

use std::cell::{Cell, RefCell};
use std::ops::RangeBounds;
use std::rc::Rc;
use std::time::Duration;

use http::Method;
use katydid_core::sample::{Sample, Times};
use katydid_core::units::Nanos;
use katydid_http::Client;
use katydid_http::timing::Stamp;

use crate::engine::{Base, Control, Lane};
use crate::outcome::TaskResult;
use crate::request::RequestBuilder;

/// A user at work, as its tasks get it.
///
/// It has a client of its own: connections that are kept, and cookies. [`HttpUser::state`] is what
/// [`User::state`](crate::User::state) has made for it.
pub struct HttpUser<S = ()> {
    /// What this user carries with it.
    pub state: S,
    pub(crate) me: Context,
}

/// What is not of a user's own type.
pub struct Context {
    pub(crate) lane: Rc<Lane>,
    pub(crate) control: Rc<Control>,
    pub(crate) base: Rc<Base>,
    client: RefCell<Option<Rc<Client>>>,
    iteration: Cell<u64>,
    /// When the iteration was due, until its first request is made.
    pub(crate) due: Cell<Stamp>,
}

impl Context {
    pub(crate) fn new(lane: Rc<Lane>, control: Rc<Control>, base: Rc<Base>) -> Self {
        Self {
            lane,
            control,
            base,
            client: RefCell::new(None),
            iteration: Cell::new(0),
            due: Cell::default(),
        }
    }

    /// The client, made when it is first needed.
    pub(crate) fn client(&self) -> Rc<Client> {
        let mut client = self.client.borrow_mut();
        Rc::clone(client.get_or_insert_with(|| self.lane.client()))
    }

    pub(crate) fn begin_iteration(&self) {
        self.iteration.set(self.iteration.get() + 1);
    }

    /// When the next request is due: now, or when the iteration was that it is the first one of.
    pub(crate) fn due_now(&self) -> Stamp {
        let due = self.due.take();
        if due.is_set() { due } else { Stamp::now() }
    }

    /// A number that no other user of this process has, from 0 on.
    pub fn id(&self) -> u64 {
        self.control.id
    }

    /// How many tasks this user has begun, the present one included.
    pub fn iteration(&self) -> u64 {
        self.iteration.get()
    }

    /// Where requests to paths go, if that is known.
    pub fn host(&self) -> Option<&str> {
        self.base.host()
    }

    /// A number of a range by chance: `user.number(1..=100)`.
    ///
    /// # Panics
    ///
    /// If the range is empty.
    pub fn number(&self, range: impl RangeBounds<u64>) -> u64 {
        self.lane.rng.borrow_mut().u64(range)
    }

    /// A number from 0 up to 1 by chance.
    pub fn fraction(&self) -> f64 {
        self.lane.rng.borrow_mut().f64()
    }

    /// True so often, out of 1.
    pub fn chance(&self, part: f64) -> bool {
        self.fraction() < part
    }

    /// One of some things by chance; none if there are none.
    pub fn pick<'a, T>(&self, things: &'a [T]) -> Option<&'a T> {
        let count = things.len() as u64;
        (count > 0).then(|| &things[usize::try_from(self.number(0..count)).unwrap_or(0)])
    }

    /// Waits; ends early if the user is told to end meanwhile, unless it does its last things already.
    pub async fn sleep(&self, time: Duration) {
        if self.control.is_parting() {
            return tokio::time::sleep(time).await;
        }
        self.control.wait(time).await;
        if self.control.is_leaving() {
            // Who sleeps again and again must not keep its thread from everything else.
            tokio::task::yield_now().await;
        }
        self.control.yield_if_ended().await;
    }

    /// Counts something that was measured elsewhere, under a method and a name.
    ///
    /// Without a response time it is counted all the same, and is in no percentile.
    pub fn count(
        &self,
        method: &str,
        name: &str,
        took: Option<Duration>,
        bytes: u64,
        error: Option<&str>,
    ) {
        let lane = &self.lane;
        let key = lane.key(method, name);
        let sample = Sample {
            key,
            error: error.map(|text| lane.registry.error(key, text)),
            times: took.map(|took| Times {
                service: Nanos::from(took),
                ..Times::default()
            }),
            bytes_in: bytes,
            bytes_out: 0,
            at: Nanos::from_nanos(Stamp::now().epoch_nanos()),
            counts_request: true,
        };
        lane.record(&sample, None);
    }

    /// Does something in another protocol, and counts it as a request: how long it took, and whether it failed.
    ///
    /// ```
    /// use katydid::prelude::*;
    ///
    /// async fn query() -> std::io::Result<u32> { Ok(7) }
    ///
    /// async fn orders(u: &mut HttpUser) -> TaskResult {
    ///     let found = u.record("SQL", "open orders", query()).await?;
    ///     assert_eq!(found, 7);
    ///     Ok(())
    /// }
    /// # let _ = User::new("Clerk").task(1, orders);
    /// ```
    ///
    /// # Errors
    ///
    /// That of the work, which is counted.
    pub async fn record<T, E: std::fmt::Display>(
        &self,
        method: &str,
        name: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Recorded<E>> {
        let began = Stamp::now();
        let flight = self.lane.take_off(began, &self.control, Duration::MAX);
        let result = work.await;
        flight.land();
        let took = Duration::from_nanos(Stamp::now().since(began));
        let text = result.as_ref().err().map(ToString::to_string);
        self.count(method, name, Some(took), 0, text.as_deref());
        self.control.yield_if_ended().await;
        result.map_err(Recorded)
    }
}

/// An error of [`Context::record`], which is counted.
#[derive(Debug)]
pub struct Recorded<E>(pub E);

impl<E> From<Recorded<E>> for crate::TaskError
where
    E: std::fmt::Display,
{
    fn from(error: Recorded<E>) -> Self {
        Self(crate::outcome::Reason::Counted(error.0.to_string()))
    }
}

impl<S> std::ops::Deref for HttpUser<S> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.me
    }
}

impl<S> HttpUser<S> {
    /// What it carries with it, and everything else, so that both can be used at the same time.
    pub const fn parts(&mut self) -> (&mut S, &Context) {
        (&mut self.state, &self.me)
    }

    /// A GET request, sent when it is awaited.
    pub fn get(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::GET, url)
    }

    /// A POST request.
    pub fn post(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::POST, url)
    }

    /// A PUT request.
    pub fn put(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::DELETE, url)
    }

    /// A HEAD request.
    pub fn head(&self, url: impl AsRef<str>) -> RequestBuilder<'_> {
        self.request(Method::HEAD, url)
    }

    /// A request of any method. A path follows the user's host; a URL goes where it says.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> RequestBuilder<'_> {
        RequestBuilder::new(&self.me, method, url.as_ref())
    }

    /// Runs some requests as one transaction: it gets a row of its own, of the kind `GROUP`, with the time that all of
    /// it took, waits included, and fails if any of it does.
    ///
    /// ```
    /// use katydid::prelude::*;
    ///
    /// async fn checkout(u: &mut HttpUser) -> TaskResult {
    ///     u.group("checkout", async |u| {
    ///         u.post("/basket").await?;
    ///         u.post("/pay").await?;
    ///         Ok(())
    ///     }).await
    /// }
    /// # let _ = User::http("Shopper").task(1, checkout);
    /// ```
    ///
    /// # Errors
    ///
    /// That of what it runs.
    pub async fn group<T>(
        &mut self,
        name: &str,
        run: impl AsyncFnOnce(&mut Self) -> TaskResult<T>,
    ) -> TaskResult<T> {
        let began = Stamp::now();
        let result = run(self).await;
        let took = Duration::from_nanos(Stamp::now().since(began));
        let text = result.as_ref().err().map(ToString::to_string);
        self.count("GROUP", name, Some(took), 0, text.as_deref());
        result
    }
}
