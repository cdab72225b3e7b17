//! One worker that is played.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use katydid_core::dispatch::Users;
use katydid_wire::dealer::Event;
use katydid_wire::protocol::{Order, VERSION, users_value};
use katydid_wire::{Dealer, Message, Trust, Value};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::Tally;
use crate::reports::{ID, Reports};

const HEARTBEAT: Duration = Duration::from_secs(1);
const REPORT: Duration = Duration::from_secs(3);
/// Workers on one machine, as far as their ids tell.
const PER_HOST: u32 = 64;

pub(crate) struct Worker {
    id: String,
    dealer: Dealer,
    tally: Rc<RefCell<Tally>>,
    reports: Rc<RefCell<Reports>>,
    state: &'static str,
    users: Users,
    number: u32,
    is_welcome: bool,
}

impl Worker {
    pub(crate) fn new(
        index: u32,
        port: u16,
        tally: Rc<RefCell<Tally>>,
        reports: Rc<RefCell<Reports>>,
    ) -> Self {
        let id = format!("host{:06}_{:09}", index / PER_HOST, index);
        assert_eq!(id.len(), ID, "reports leave room for exactly this");
        Self {
            dealer: Dealer::connect("127.0.0.1", port, id.as_bytes(), Trust::Anyone),
            id,
            tally,
            reports,
            state: "ready",
            users: Users::new(),
            number: 0,
            is_welcome: false,
        }
    }

    pub(crate) async fn run(mut self) {
        let (mut heartbeats, mut reports) = (every(HEARTBEAT), every(REPORT));
        loop {
            tokio::select! {
                event = self.dealer.event() => match event {
                    Some(Event::Connected) => {
                        self.tally.borrow_mut().connected += 1;
                        self.say("client_ready", VERSION);
                    }
                    Some(Event::Message(payload)) => {
                        if self.obey(&payload) {
                            break;
                        }
                    }
                    Some(Event::Disconnected(_)) => self.tally.borrow_mut().lost += 1,
                    None => break,
                },
                _ = heartbeats.tick(), if self.is_welcome => {
                    self.tally.borrow_mut().heartbeats += 1;
                    self.say("heartbeat", map([
                        ("state", self.state.into()),
                        ("current_cpu_usage", 42.0.into()),
                        ("current_memory_usage", 80_000_000.into()),
                    ]));
                }
                _ = reports.tick(), if self.is_welcome => self.report(),
            }
        }
        self.tally.borrow_mut().ended += 1;
        self.dealer.close(Duration::from_secs(1)).await;
    }

    /// Does what the master says; true if that is to end.
    fn obey(&mut self, payload: &[u8]) -> bool {
        let order = Message::decode(payload).ok().map(Order::of);
        match order {
            Some(Ok(Order::Welcome { .. })) => {
                self.is_welcome = true;
                self.tally.borrow_mut().welcome += 1;
            }
            Some(Ok(Order::Assign(assignment))) => {
                self.users = assignment.users;
                self.state = "running";
                self.say("spawning", Value::Nil);
                let count: u32 = self.users.values().sum();
                let counts = map([
                    ("user_classes_count", users_value(&self.users)),
                    ("user_count", count.into()),
                ]);
                self.say("spawning_complete", counts);
            }
            Some(Ok(Order::Heartbeat)) => self.tally.borrow_mut().answered += 1,
            Some(Ok(Order::Receipt(_))) => self.tally.borrow_mut().receipts += 1,
            Some(Ok(order @ (Order::Stop | Order::Quit))) => {
                for count in self.users.values_mut() {
                    *count = 0;
                }
                self.report();
                self.state = "ready";
                if matches!(order, Order::Quit) {
                    self.say("quit", Value::Nil);
                    return true;
                }
                self.say("client_stopped", Value::Nil);
                self.say("client_ready", VERSION);
            }
            _ => {}
        }
        false
    }

    fn report(&mut self) {
        if self.state != "running" {
            return;
        }
        self.number += 1;
        let mut reports = self.reports.borrow_mut();
        let report = reports.report(&self.id, &self.users, self.number);
        if self.dealer.send(&report) {
            let mut tally = self.tally.borrow_mut();
            tally.reports += 1;
            tally.requests += reports.requests();
        }
    }

    fn say(&self, kind: &str, data: impl Into<Value>) {
        let message = Message::new(kind, data, self.id.as_str());
        self.dealer.send(&message.encode());
    }
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Map(pairs.map(|(key, value)| (key.into(), value)).into())
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
