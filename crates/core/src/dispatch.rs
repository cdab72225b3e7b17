//! Decides how many users of each class run on each worker, step by step.
//!
//! A [`Dispatcher`] gives the same classes in the same order to the same workers as Locust's,
//! so that a run means the same on both. It knows no clock: each [`Step`] says how long to
//! pause before the next one.

mod order;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use order::Order;

/// What the dispatcher has to know about a user class.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Name of the class.
    pub name: String,
    /// Its share among all classes; only the ratio matters.
    pub weight: f64,
    /// So many users of this class come before all others; zero to go by weight.
    pub fixed_count: u32,
}

/// How many users of each class.
pub type Users = BTreeMap<String, u32>;

/// How many users of each class on each worker.
pub type Distribution = BTreeMap<String, Users>;

/// One iteration of a dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is to run from now on, everything and not the change.
    pub users: Distribution,
    /// How long to wait before the next step; none if this is the last one.
    pub pause: Option<Duration>,
}

/// Why a dispatch cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Pacing needs a positive, finite rate.
    #[error("the spawn rate must be a positive number, not {0}")]
    SpawnRate(f64),
}

/// Hands out users to workers.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    workers: Workers,
    turns: Turns,
    /// Users in the order they came: name of the worker, position of the class.
    users: Vec<(String, usize)>,
    /// Workers came or went, so all users are to be handed out again.
    rebalance: bool,
    dispatch: Option<Dispatch>,
}

/// The workers, taking turns.
#[derive(Clone, Debug, Default)]
struct Workers {
    names: Vec<String>,
    next: usize,
}

/// The classes, taking turns.
#[derive(Clone, Debug)]
struct Turns {
    /// Names of all classes that ever had a user; their positions are the users' classes.
    names: Vec<String>,
    /// The classes that new users are of, by name.
    chosen: Vec<Class>,
    weighted: Order,
    /// Users of fixed classes that come before any other, and how many of them.
    fixed: Option<(Order, u32)>,
    /// Whether users of fixed classes may be missing.
    check_fixed: bool,
}

/// A number of users on its way to another.
#[derive(Clone, Copy, Debug)]
struct Dispatch {
    target: usize,
    per_step: usize,
    pause: Duration,
}

impl Dispatcher {
    /// A dispatcher without users.
    pub fn new(workers: impl IntoIterator<Item = String>, classes: &[Class]) -> Self {
        Self {
            workers: Workers::new(workers.into_iter().collect()),
            turns: Turns::new(classes),
            users: Vec::new(),
            rebalance: false,
            dispatch: None,
        }
    }

    /// A dispatcher whose workers have users already.
    pub fn with_users(distribution: &Distribution, classes: &[Class]) -> Self {
        let mut dispatcher = Self::new(distribution.keys().cloned(), classes);
        let mut left = distribution.clone();
        // In turn over the workers, so that a ramp-down takes from all of them.
        loop {
            let before = dispatcher.users.len();
            for at in 0..dispatcher.workers.names.len() {
                let worker = dispatcher.workers.names[at].clone();
                let users = left.entry(worker.clone()).or_default();
                let Some((class, count)) = users.iter_mut().find(|(_, count)| **count > 0) else {
                    continue;
                };
                *count -= 1;
                let class = dispatcher.turns.known(class);
                dispatcher.users.push((worker, class));
                dispatcher.workers.next();
                if !dispatcher.turns.is_fixed(class) {
                    dispatcher.turns.weighted.next();
                }
            }
            if dispatcher.users.len() == before {
                return dispatcher;
            }
        }
    }

    /// Begins to move towards a number of users, from where it is now.
    ///
    /// With `classes`, users are from now on of these only; those of others stay until their
    /// turn comes in a ramp-down.
    pub fn start(
        &mut self,
        target: u32,
        spawn_rate: f64,
        classes: Option<&[Class]>,
    ) -> Result<(), Error> {
        if !(spawn_rate.is_finite() && spawn_rate > 0.0) {
            return Err(Error::SpawnRate(spawn_rate));
        }
        if let Some(classes) = classes {
            self.turns.choose(classes);
        }
        let per_step = whole(spawn_rate).max(1);
        let pause = Duration::try_from_secs_f64(f64::from(per_step) / spawn_rate);
        self.dispatch = Some(Dispatch {
            target: target as usize,
            per_step: per_step as usize,
            pause: pause.unwrap_or(Duration::MAX),
        });
        Ok(())
    }

    /// Whether there are steps to come.
    pub fn in_progress(&self) -> bool {
        self.dispatch.is_some()
    }

    /// How many users there are by now.
    pub fn user_count(&self) -> u32 {
        u32::try_from(self.users.len()).unwrap_or(u32::MAX)
    }

    /// What is to run by now; every worker and every class is in it.
    pub fn distribution(&self) -> Distribution {
        let classes = self.turns.names.iter().map(|name| (name.clone(), 0));
        let nobody: Users = classes.collect();
        let workers = self
            .workers
            .names
            .iter()
            .map(|name| (name.clone(), nobody.clone()));
        let mut distribution: Distribution = workers.collect();
        let mut counts = BTreeMap::<(&str, usize), u32>::new();
        for (worker, class) in &self.users {
            *counts.entry((worker, *class)).or_default() += 1;
        }
        for ((worker, class), count) in counts {
            let users = distribution.entry(worker.to_owned()).or_default();
            users.insert(self.turns.names[class].clone(), count);
        }
        distribution
    }

    /// What is to run by now on one worker, if it is one of ours; every class is in it.
    pub fn users_of(&self, worker: &str) -> Option<Users> {
        if !self.workers.names.iter().any(|name| name == worker) {
            return None;
        }
        let classes = self.turns.names.iter().map(|name| (name.clone(), 0));
        let mut users: Users = classes.collect();
        for (_, class) in self.users.iter().filter(|(at, _)| at == worker) {
            *users.entry(self.turns.names[*class].clone()).or_default() += 1;
        }
        Some(users)
    }

    /// Takes in a worker that gets its share of all users with the next step.
    pub fn add_worker(&mut self, worker: String) {
        let mut names = std::mem::take(&mut self.workers.names);
        names.push(worker);
        self.workers = Workers::new(names);
        self.rebalance = true;
    }

    /// Takes out a worker whose users the others get with the next step.
    pub fn remove_worker(&mut self, worker: &str) {
        // Those that stay keep their order, even where it no longer spreads them over hosts best.
        self.workers.names.retain(|name| name != worker);
        self.workers.next = 0;
        self.rebalance = true;
    }

    /// Takes out a worker that is gone, and its users with it: the next dispatch replaces them on
    /// the other workers, at its rate.
    pub fn lose_worker(&mut self, worker: &str) {
        self.workers.names.retain(|name| name != worker);
        self.workers.next = 0;
        self.users.retain(|(at, _)| at != worker);
        self.turns.check_fixed = true;
    }

    /// Has the next step hand out all users again, so that those there are take the shares that
    /// the classes have by then.
    pub fn rebalance(&mut self) {
        self.rebalance = true;
    }

    /// The next step towards the target; none once the last one was given.
    pub fn step(&mut self) -> Option<Step> {
        let dispatch = self.dispatch.take()?;
        let rebalanced = std::mem::take(&mut self.rebalance);
        let arrived = if rebalanced {
            self.hand_out_again();
            self.users.len() == dispatch.target
        } else {
            self.advance(dispatch)
        };
        if !arrived {
            self.dispatch = Some(dispatch);
        }
        let pause = if rebalanced {
            Duration::ZERO
        } else {
            dispatch.pause
        };
        Some(Step {
            users: self.distribution(),
            pause: (!arrived).then_some(pause),
        })
    }

    /// Moves on by one step; true if there is nothing left to do.
    fn advance(&mut self, dispatch: Dispatch) -> bool {
        for _ in 0..dispatch.per_step {
            match self.users.len().cmp(&dispatch.target) {
                Ordering::Less if !self.add_user() => return true,
                Ordering::Less => {}
                Ordering::Equal => return true,
                Ordering::Greater => {
                    self.users.pop();
                    self.turns.check_fixed = true;
                }
            }
        }
        self.users.len() == dispatch.target
    }

    /// Gives as many users as there were to the workers there are now.
    fn hand_out_again(&mut self) {
        let count = self.users.len();
        self.users.clear();
        self.turns.restart();
        for _ in 0..count {
            if !self.add_user() {
                break;
            }
        }
    }

    /// Adds the user whose turn it is; false if there is no worker or no class for one.
    fn add_user(&mut self) -> bool {
        if self.workers.names.is_empty() {
            return false;
        }
        let Some(class) = self.turns.next(&self.users) else {
            return false;
        };
        self.users.push((self.workers.next(), class));
        true
    }
}

impl Workers {
    /// Workers in the order that spreads users over hosts first.
    ///
    /// The host is the part of a worker's name before the first `_`.
    fn new(mut names: Vec<String>) -> Self {
        names.sort();
        let mut on_host = BTreeMap::<String, usize>::new();
        let mut placed: Vec<_> = names
            .into_iter()
            .map(|name| {
                let host = name.split('_').next().unwrap_or_default().to_owned();
                let place = on_host.entry(host).or_default();
                *place += 1;
                (*place, name)
            })
            .collect();
        placed.sort();
        Self {
            names: placed.into_iter().map(|(_, name)| name).collect(),
            next: 0,
        }
    }

    fn next(&mut self) -> String {
        let name = self.names[self.next].clone();
        self.next = (self.next + 1) % self.names.len();
        name
    }
}

impl Turns {
    fn new(classes: &[Class]) -> Self {
        let mut turns = Self {
            names: Vec::new(),
            chosen: Vec::new(),
            weighted: Order::default(),
            fixed: None,
            check_fixed: true,
        };
        turns.choose(classes);
        turns
    }

    /// Gives turns to these classes only; nothing changes if they are the same as before.
    fn choose(&mut self, classes: &[Class]) {
        let mut chosen = classes.to_vec();
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        if chosen == self.chosen {
            return;
        }
        for class in &chosen {
            if !self.names.contains(&class.name) {
                self.names.push(class.name.clone());
            }
        }
        self.chosen = chosen;
        self.weighted = self.order(|class| {
            if class.fixed_count == 0 {
                class.weight
            } else {
                0.0
            }
        });
        self.fixed = None;
    }

    /// The place of a class, which may be one that gets no turns any more.
    fn known(&mut self, class: &str) -> usize {
        let known = self.names.iter().position(|name| name == class);
        known.unwrap_or_else(|| {
            self.names.push(class.to_owned());
            self.names.len() - 1
        })
    }

    fn is_fixed(&self, place: usize) -> bool {
        let mut chosen = self.chosen.iter();
        let class = chosen.find(|class| class.name == self.names[place]);
        class.is_none_or(|class| class.fixed_count > 0)
    }

    /// As if there had never been a user.
    fn restart(&mut self) {
        let chosen = std::mem::take(&mut self.chosen);
        self.choose(&chosen);
        self.check_fixed = true;
    }

    /// The class of the next user, given all there are.
    fn next(&mut self, users: &[(String, usize)]) -> Option<usize> {
        if self.fixed.is_none() && std::mem::take(&mut self.check_fixed) {
            self.fixed = self.missing_fixed(users);
        }
        let Some((mut order, left)) = self.fixed.take() else {
            return self.weighted.next();
        };
        let class = order.next();
        self.fixed = (left > 1).then_some((order, left - 1));
        class
    }

    /// The users of fixed classes that are not there, and how many they are.
    fn missing_fixed(&self, users: &[(String, usize)]) -> Option<(Order, u32)> {
        let mut present = vec![0_u32; self.names.len()];
        for &(_, class) in users {
            present[class] += 1;
        }
        let missing = |class: &Class| class.fixed_count.saturating_sub(present[self.place(class)]);
        let count = self.chosen.iter().map(missing).sum();
        (count > 0).then(|| (self.order(|class| missing(class).into()), count))
    }

    fn order(&self, weight: impl Fn(&Class) -> f64) -> Order {
        let mut order = Order::default();
        for class in &self.chosen {
            order.add(self.place(class), &class.name, weight(class));
        }
        order
    }

    fn place(&self, class: &Class) -> usize {
        let place = self.names.iter().position(|name| *name == class.name);
        place.expect("every chosen class was given a place")
    }
}

/// A positive number without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and nobody has as many users"
)]
fn whole(rate: f64) -> u32 {
    rate as u32
}
