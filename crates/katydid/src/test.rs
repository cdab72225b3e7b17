//! A load test: its users, and what they share.

use std::sync::Arc;

use crate::engine::Kind;
use crate::shape::Shape;
use crate::user::User;

/// A load test: the kinds of users there are, and how a run of them is judged.
///
/// It is what a function with [`#[katydid::main]`](macro@crate::main) returns.
#[derive(Default)]
pub struct Test {
    pub(crate) name: Option<String>,
    pub(crate) kinds: Vec<Box<dyn Build>>,
    pub(crate) host: Option<String>,
    pub(crate) thresholds: Vec<String>,
    pub(crate) shape: Option<Box<dyn Shape>>,
}

/// A kind of users that is not shared with the threads yet.
pub(crate) trait Build {
    fn choose_by_tags(&mut self, only: &[String], without: &[String]);
    fn equal_weights(&mut self);
    fn name(&self) -> &str;
    fn build(self: Box<Self>) -> Arc<dyn Kind>;
    fn collect_tags(&self, into: &mut std::collections::BTreeSet<String>);
}

impl<S: 'static> Build for User<S> {
    fn choose_by_tags(&mut self, only: &[String], without: &[String]) {
        self.flow.choose_by_tags(only, without);
    }

    fn equal_weights(&mut self) {
        self.weight = 1.0;
        self.flow.equal_weights();
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn build(self: Box<Self>) -> Arc<dyn Kind> {
        (*self).share()
    }

    fn collect_tags(&self, into: &mut std::collections::BTreeSet<String>) {
        self.flow.collect_tags(into);
    }
}

impl Test {
    /// A test without users.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it is called on the page and in the list of runs; the program's name unless it is said.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds a kind of users.
    #[must_use]
    pub fn user<S: 'static>(mut self, user: User<S>) -> Self {
        self.kinds.push(Box::new(user));
        self
    }

    /// Where requests go unless `--host`, the page or the kind of users says otherwise.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// A condition under which a run has failed, as `--fail-if` takes it: `p95>300ms`, `GET /item fail>1%`.
    #[must_use]
    pub fn fail_if(mut self, condition: impl Into<String>) -> Self {
        self.thresholds.push(condition.into());
        self
    }

    /// Has a shape decide how many users there are.
    #[must_use]
    pub fn shape(mut self, shape: impl Shape + 'static) -> Self {
        self.shape = Some(Box::new(shape));
        self
    }
}
