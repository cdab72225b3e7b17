//! The run where iterations begin at a rate: which part of it is whose, and when it is over.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use katydid_core::arrival::Schedule;
use katydid_core::pace::Share;
use katydid_core::snapshot::State;
use katydid_http::timing::Stamp;
use katydid_node::Event;
use katydid_node::fleet::Outgoing;
use katydid_node::run::Role;
use katydid_wire::Value;
use katydid_wire::protocol::Order;

use super::run::Run;
use super::settings::Part;
use super::spawn;
use crate::engine::{PATIENCE, Progress};
use crate::user::{Arrivals, MOST_USERS};

/// The option and the message between our own nodes that tell of a rate, and of a worker's part of it.
const RATE: &str = "katydid_rate";
/// The option that names the kinds whose users run in a test of a rate.
const RATE_CLASSES: &str = "katydid_rate_classes";
/// The message between our own nodes that says how long users get to finish what they do.
const STOP_TIMEOUT: &str = "katydid_stop_timeout";
/// How often it is looked whether a schedule is over.
const LOOK: Duration = Duration::from_millis(100);

/// How far the schedules of a run are.
#[derive(Default)]
pub(super) struct Course {
    /// A moment, and how much was over then.
    since: Cell<Option<(Stamp, Duration)>>,
    paused: Cell<Option<Stamp>>,
}

impl Course {
    /// How much is over, without pauses; none before it has begun.
    fn passed(&self) -> Option<Duration> {
        let until = self.paused.get().unwrap_or_else(Stamp::now);
        let (since, before) = self.since.get()?;
        Some(before + Duration::from_nanos(until.since(since)))
    }

    fn has_begun(&self) -> bool {
        self.since.get().is_some()
    }

    /// So much is over now.
    fn begin(&self, passed: Duration) {
        let now = Stamp::now();
        self.since.set(Some((now, passed)));
        if self.is_paused() {
            self.paused.set(Some(now));
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.get().is_some()
    }

    /// The test ends, paused or not.
    pub(super) fn end(&self) {
        self.since.set(None);
        self.paused.set(None);
    }

    pub(super) fn pause(&self) {
        if self.paused.get().is_none() {
            self.paused.set(Some(Stamp::now()));
        }
    }

    pub(super) fn resume(&self) {
        let passed = self.passed();
        self.paused.set(None);
        if let Some(passed) = passed {
            self.begin(passed);
        }
    }
}

impl Run {
    /// Has the users of this test wait for what is due, where a rate says when that is; before the first one starts.
    pub(super) fn set_rates(&self) -> bool {
        self.course.end();
        let classes = self.chosen.borrow().classes.clone();
        let is_any = self.crew.set_rates(self.rate.borrow().as_ref(), &classes);
        self.has_rates.set(is_any);
        is_any
    }

    /// Goes on with the schedules of a test that another process began so long ago.
    pub(super) fn go_on_with_rates(self: &Rc<Self>, passed: Duration) {
        if self.set_rates() {
            self.course.begin(passed);
            self.share_rates();
            spawn(Rc::clone(self).end_with_rates(self.load.get()));
        }
    }

    /// Goes on at a rate with a test that another process began.
    pub(super) fn take_up_rate(&self, rate: Arrivals) {
        let is_paused = self.course.is_paused();
        self.rate.replace(Some(rate.clone()));
        self.set_rates();
        if is_paused {
            self.course.pause();
        }
        self.course.begin(Duration::ZERO);
        self.change_rates(rate);
    }

    /// Begins the schedules of this test.
    pub(super) fn begin_rates(self: &Rc<Self>) {
        if !self.has_rates.get() || self.course.has_begun() {
            return;
        }
        self.course.begin(Duration::ZERO);
        self.show_rates();
        if self.settings.part == Part::Master {
            // All of it, also what is due at once.
            self.share_rates_from(Duration::ZERO);
            spawn(Rc::clone(self).end_with_rates(self.load.get()));
        } else {
            self.schedules.set(self.crew.rates());
            self.crew.follow_rates(Progress::default());
        }
    }

    /// Has iterations begin at another rate from now on.
    pub(super) fn change_rates(&self, rate: Arrivals) {
        self.crew.change_rates(&rate, &self.chosen.borrow().classes);
        self.rate.replace(Some(rate));
        // For workers that join.
        self.brief();
        if !self.course.has_begun() {
            // They have not begun at the last one yet.
            return;
        }
        self.course.begin(Duration::ZERO);
        self.show_rates();
        if self.settings.part == Part::Master {
            // All of it, also what is due at once.
            self.share_rates_from(Duration::ZERO);
        } else {
            self.schedules.set(self.crew.rates());
            self.crew.follow_rates(Progress::default());
        }
    }

    /// Tells of the rate at which iterations begin.
    fn show_rates(&self) {
        let rate = self.crew.rate();
        let text = rate.as_ref().map(|(schedule, _)| schedule.to_string());
        let text = text
            .as_deref()
            .unwrap_or("a rate of their own for each kind");
        self.node.send(Event::Rate(
            rate.map(|(schedule, most)| (schedule, Some(most))),
        ));
        self.console.info(format_args!(
            "Iterations begin at {text}, on as many users as that takes"
        ));
    }

    /// Tells each worker which part of the rate is its own, and how much of it is over.
    pub(super) fn share_rates(&self) {
        if let Some(passed) = self.course.passed() {
            self.share_rates_from(passed);
        }
    }

    /// The same for one that may have missed it.
    pub(super) fn remind_of_rates(&self, worker: &str) {
        if let Some(passed) = self.course.passed() {
            self.share_rates_with(|other| other == worker, passed);
        }
    }

    fn share_rates_from(&self, passed: Duration) {
        self.share_rates_with(|_| true, passed);
    }

    fn share_rates_with(&self, is_told: impl Fn(&str) -> bool, passed: Duration) {
        let workers: Vec<_> = self.node.read(|role| match role {
            Role::Master(master) => {
                let there = master.workers().filter(|worker| is_there(worker));
                there.map(|worker| worker.id.clone()).collect()
            }
            Role::Local(_) => Vec::new(),
        });
        let of = workers.len() as u64;
        let rate = self.rate.borrow();
        let rate = rate.as_ref();
        let told = (0_u64..).zip(workers);
        for (place, worker) in told.filter(|(_, worker)| is_told(worker)) {
            let data = Value::Map(vec![
                ("rate".into(), text(rate)),
                (
                    "users".into(),
                    rate.map_or(Value::Nil, |rate| rate.most_users.into()),
                ),
                ("share".into(), Value::Array(vec![place.into(), of.into()])),
                ("passed".into(), passed.as_secs_f64().into()),
            ]);
            let order = Order::Custom(RATE.to_owned(), data);
            if let Some(orders) = self.orders.get() {
                orders.send(Outgoing::Order(worker, order)).ok();
            }
        }
    }

    /// What workers are told of the rate along with their users.
    pub(super) fn rate_options(&self) -> Value {
        let rate = self.rate.borrow();
        let Some(rate) = rate.as_ref() else {
            return Value::Map(Vec::new());
        };
        let chosen = self.chosen.borrow();
        let names = chosen
            .classes
            .iter()
            .map(|class| class.name.as_str().into());
        Value::Map(vec![
            (RATE.into(), text(Some(rate))),
            (RATE_CLASSES.into(), Value::Array(names.collect())),
        ])
    }

    /// Ends a master's test when its schedules are over.
    async fn end_with_rates(self: Rc<Self>, load: u64) {
        let Some(length) = self.crew.rates_length() else {
            return;
        };
        while self.course.passed().is_none_or(|passed| passed < length) {
            tokio::time::sleep(LOOK).await;
            if self.load.get() != load {
                return;
            }
        }
        self.console
            .info("The schedule is over, users finish their iterations");
        let patience = PATIENCE.max(self.settings.stop_timeout);
        if let Some(orders) = self.orders.get() {
            let order = Order::Custom(STOP_TIMEOUT.to_owned(), patience.as_secs_f64().into());
            orders.send(Outgoing::Everyone(order)).ok();
        }
        self.end_test(patience).await;
    }

    /// Before a worker's first user: whether the master wants iterations to begin at a rate.
    pub(super) fn take_rate_option(&self, options: &Value) {
        let told = field(options, RATE).and_then(Value::as_str);
        let told = told.and_then(|text| text.parse().ok());
        let all = told.map(|schedule| Arrivals {
            schedule,
            most_users: MOST_USERS,
        });
        let is_paused = self.course.is_paused();
        self.rate.replace(all);
        let named = field(options, RATE_CLASSES).and_then(Value::as_array);
        let kinds = self.settings.kinds.iter().map(|kind| kind.class());
        let kinds = kinds.filter(|class| {
            let is_named = |name: &Value| name.as_str() == Some(&class.name);
            named.is_none_or(|names| names.iter().any(is_named))
        });
        self.chosen.borrow_mut().classes = kinds.collect();
        self.set_rates();
        if is_paused {
            self.course.pause();
        }
        self.follow_told_rate(Stamp::now());
    }

    /// Takes what a master tells its own workers of rates; false if it is of something else.
    pub(super) fn take_rate(&self, kind: &str, data: &Value) -> bool {
        match kind {
            STOP_TIMEOUT => {
                let seconds = data.as_f64().unwrap_or_default();
                self.patience
                    .set(Duration::try_from_secs_f64(seconds).unwrap_or_default());
            }
            RATE => {
                let now = Stamp::now();
                *self.told_rate.borrow_mut() = Some((data.clone(), now));
                self.follow_told_rate(now);
            }
            _ => return false,
        }
        true
    }

    /// Goes on as a master has told to, which may have been before this worker's first user.
    fn follow_told_rate(&self, now: Stamp) {
        let told = self.told_rate.borrow();
        let Some((data, when)) = told.as_ref().filter(|_| self.has_rates.get()) else {
            return;
        };
        let schedule = field(data, "rate").and_then(Value::as_str);
        let schedule: Option<Schedule> = schedule.and_then(|text| text.parse().ok());
        if let Some(schedule) = schedule {
            let most = field(data, "users").and_then(Value::as_u64);
            let most = most.and_then(|most| u32::try_from(most).ok());
            let arrivals = Arrivals {
                schedule,
                most_users: most.unwrap_or(MOST_USERS),
            };
            let classes = &self.chosen.borrow().classes;
            self.crew.change_rates(&arrivals, classes);
        }
        let share = field(data, "share").and_then(Value::as_array);
        let share = share.and_then(|share| match share.as_slice() {
            [index, of] => Some((index.as_u64()?, of.as_u64()?)),
            _ => None,
        });
        let (index, of) = share.unwrap_or((0, 1));
        let passed = field(data, "passed").and_then(Value::as_f64);
        let passed = Duration::try_from_secs_f64(passed.unwrap_or_default());
        let since = if self.course.is_paused() {
            0
        } else {
            now.since(*when)
        };
        self.crew.follow_rates(Progress {
            share: Share {
                index,
                of: of.max(1),
            },
            passed: passed.unwrap_or_default() + Duration::from_nanos(since),
        });
        if self.course.is_paused() {
            self.crew.pause();
        }
    }
}

/// Whether a worker is heard of.
pub(super) fn is_there(worker: &katydid_core::snapshot::Worker) -> bool {
    worker.state != State::Missing
}

/// A rate as nodes tell each other of it.
fn text(rate: Option<&Arrivals>) -> Value {
    rate.map_or(Value::Nil, |rate| rate.schedule.to_string().into())
}

fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let entries = map.as_map()?;
    let found = entries.iter().find(|(key, _)| key.as_str() == Some(name));
    found.map(|(_, value)| value)
}
