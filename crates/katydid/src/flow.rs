//! What users do: tasks, and the order they come in.

use std::collections::BTreeSet;
use std::pin::Pin;

use crate::outcome::TaskResult;
use crate::session::HttpUser;
use crate::wait::Wait;

pub(crate) type Running<'a> = Pin<Box<dyn Future<Output = TaskResult> + 'a>>;

/// A task as the engine runs it.
pub(crate) trait Step<S>: Send + Sync {
    fn run<'a>(&'a self, user: &'a mut HttpUser<S>) -> Running<'a>;
}

impl<S, F> Step<S> for F
where
    F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync,
{
    fn run<'a>(&'a self, user: &'a mut HttpUser<S>) -> Running<'a> {
        Box::pin(self(user))
    }
}

/// Tasks and the order they come in: a part of what a user does, with a beginning and an end.
///
/// [`Flow::choose`] chooses one of its tasks each time, by weight, until one of them
/// [leaves](crate::TaskError::leave) or it has run [`Flow::times`] of them. [`Flow::sequence`] runs them one after
/// the other, once. A flow may contain flows.
///
/// ```
/// use katydid::prelude::*;
///
/// async fn basket(u: &mut HttpUser) -> TaskResult { u.get("/basket").await?; Ok(()) }
/// async fn pay(u: &mut HttpUser) -> TaskResult { u.post("/pay").await?; Ok(()) }
/// async fn browse(u: &mut HttpUser) -> TaskResult { u.get("/items").await?; Ok(()) }
///
/// let checkout = Flow::sequence("checkout").then("basket", basket).then("pay", pay);
/// let user = User::http("Shopper").task(9, browse).flow(1, checkout);
/// # let _ = user;
/// ```
pub struct Flow<S = ()> {
    pub(crate) name: String,
    pub(crate) order: Order,
    pub(crate) entries: Vec<Entry<S>>,
    /// How long to wait between its tasks, if not as the user does.
    pub(crate) wait: Option<Wait>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) on_start: Option<Box<dyn Step<S>>>,
    pub(crate) on_stop: Option<Box<dyn Step<S>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// By weight, so many times, or until one leaves.
    Choose(Option<u32>),
    /// One after the other, so often.
    Sequence(u32),
}

pub(crate) struct Entry<S> {
    pub(crate) name: String,
    pub(crate) weight: u32,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) what: What<S>,
}

pub(crate) enum What<S> {
    Task(Box<dyn Step<S>>),
    Flow(Flow<S>),
}

/// Something users do, with what is to be known of it; made by [`task`].
pub struct Task<S = ()> {
    pub(crate) name: String,
    tags: BTreeSet<String>,
    step: Box<dyn Step<S>>,
}

/// A task with a name of its own, and tags.
///
/// Plain functions need none of it: their name is that of the function.
///
/// ```
/// use katydid::prelude::*;
///
/// let user = User::http("Shopper")
///     .task(3, task("search", async |u: &mut HttpUser| {
///         u.get("/search").await?;
///         Ok(())
///     }).tag("read"));
/// # let _ = user;
/// ```
pub fn task<S, F>(name: impl Into<String>, run: F) -> Task<S>
where
    F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync + 'static,
{
    Task {
        name: name.into(),
        tags: BTreeSet::new(),
        step: Box::new(run),
    }
}

impl<S> Task<S> {
    /// Gives it a tag, by which `--tags` and `--exclude-tags` choose.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }
}

/// What can be a task: a [`Task`], or an async function of a user.
pub trait IntoTask<S, Kind> {
    /// The task.
    fn into_task(self) -> Task<S>;
}

/// Marks tasks that are functions.
pub enum Function {}
/// Marks tasks that are tasks.
pub enum Itself {}

impl<S> IntoTask<S, Itself> for Task<S> {
    fn into_task(self) -> Self {
        self
    }
}

impl<S, F> IntoTask<S, Function> for F
where
    F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync + 'static,
{
    fn into_task(self) -> Task<S> {
        task(name_of::<F>(), self)
    }
}

/// The last part of a function's path; closures are called by the function they are in.
fn name_of<F>() -> String {
    let path = std::any::type_name::<F>();
    let mut parts = path.rsplit("::").filter(|part| !part.starts_with('{'));
    parts.next().unwrap_or(path).to_owned()
}

impl<S: 'static> Flow<S> {
    fn new(name: impl Into<String>, order: Order) -> Self {
        Self {
            name: name.into(),
            order,
            entries: Vec::new(),
            wait: None,
            tags: BTreeSet::new(),
            on_start: None,
            on_stop: None,
        }
    }

    /// Chooses one of its tasks each time, by weight, until one leaves.
    pub fn choose(name: impl Into<String>) -> Self {
        Self::new(name, Order::Choose(None))
    }

    /// Runs its tasks one after the other, once.
    pub fn sequence(name: impl Into<String>) -> Self {
        Self::new(name, Order::Sequence(1))
    }

    /// Runs so many tasks of a choice, or a sequence so often, before it ends by itself.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.order = match self.order {
            Order::Choose(_) => Order::Choose(Some(times)),
            Order::Sequence(_) => Order::Sequence(times),
        };
        self
    }

    /// A task of a choice, and how often it is chosen in relation to others.
    #[must_use]
    pub fn task<K>(mut self, weight: u32, task: impl IntoTask<S, K>) -> Self {
        self.entries.push(Entry::of(weight, task.into_task()));
        self
    }

    /// The next task of a sequence, by a name.
    #[must_use]
    pub fn then<F>(self, name: impl Into<String>, run: F) -> Self
    where
        F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync + 'static,
    {
        self.task(1, task(name, run))
    }

    /// A flow inside this one.
    #[must_use]
    pub fn flow(mut self, weight: u32, flow: Self) -> Self {
        self.entries.push(Entry::inner(weight, flow));
        self
    }

    /// Gives all its tasks a tag, by which `--tags` and `--exclude-tags` choose.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }

    /// How long to wait between its tasks, if not as the user does elsewhere.
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = Some(wait);
        self
    }

    /// What a user does first each time it begins with this flow.
    #[must_use]
    pub fn on_start<F>(mut self, run: F) -> Self
    where
        F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync + 'static,
    {
        self.on_start = Some(Box::new(run));
        self
    }

    /// What it does last.
    #[must_use]
    pub fn on_stop<F>(mut self, run: F) -> Self
    where
        F: AsyncFn(&mut HttpUser<S>) -> TaskResult + Send + Sync + 'static,
    {
        self.on_stop = Some(Box::new(run));
        self
    }
}

impl<S> Flow<S> {
    /// Leaves only the tasks that have one of the tags, if there are any, and none of the others.
    pub(crate) fn choose_by_tags(&mut self, only: &[String], without: &[String]) {
        self.filter(only, without, &BTreeSet::new());
    }

    fn filter(&mut self, only: &[String], without: &[String], around: &BTreeSet<String>) {
        self.entries.retain_mut(|entry| {
            let tags: BTreeSet<_> = entry.tags.union(around).cloned().collect();
            match &mut entry.what {
                What::Task(_) => {
                    let has = |wanted: &[String]| wanted.iter().any(|tag| tags.contains(tag));
                    (only.is_empty() || has(only)) && !has(without)
                }
                What::Flow(flow) => {
                    // Its own tags are among those of the entry.
                    flow.filter(only, without, &tags);
                    !flow.entries.is_empty()
                }
            }
        });
    }

    /// All tags of its tasks.
    pub(crate) fn collect_tags(&self, into: &mut BTreeSet<String>) {
        for entry in &self.entries {
            into.extend(entry.tags.iter().cloned());
            if let What::Flow(flow) = &entry.what {
                flow.collect_tags(into);
            }
        }
    }

    /// The sum of its weights.
    pub(crate) fn weight(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| u64::from(entry.weight))
            .sum()
    }

    /// The place of the entry that a number below [`Flow::weight`] stands for.
    pub(crate) fn place(&self, mut number: u64) -> usize {
        for (place, entry) in self.entries.iter().enumerate() {
            match number.checked_sub(entry.weight.into()) {
                Some(rest) => number = rest,
                None => return place,
            }
        }
        0
    }

    /// Gives each entry the same weight.
    pub(crate) fn equal_weights(&mut self) {
        for entry in &mut self.entries {
            entry.weight = 1;
            if let What::Flow(flow) = &mut entry.what {
                flow.equal_weights();
            }
        }
    }
}

impl<S> Entry<S> {
    pub(crate) fn of(weight: u32, task: Task<S>) -> Self {
        Self {
            name: task.name,
            weight,
            tags: task.tags,
            what: What::Task(task.step),
        }
    }

    pub(crate) fn inner(weight: u32, flow: Flow<S>) -> Self {
        Self {
            name: flow.name.clone(),
            weight,
            tags: flow.tags.clone(),
            what: What::Flow(flow),
        }
    }
}
