//! What a master does about what its workers say, and about those that come and go.

use katydid_core::dispatch::Users;
use katydid_core::mark::Kind;
use katydid_core::snapshot::State;
use katydid_wire::protocol::{Order, Stamps, Version, Word};

use super::{Master, Seen, WorkerNode};
use crate::clock::Clock;
use crate::event::{Action, Notice, Now};
use crate::numbers::Numbers;

impl Master {
    pub(super) fn heard(
        &mut self,
        worker: String,
        word: Word,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        if let Some(node) = self.workers.get_mut(&worker) {
            node.left_ms = None;
        }
        self.remind(&worker, actions);
        match word {
            Word::Ready(version) => {
                self.welcome(worker.clone(), now, actions);
                if let (Some(node), Version::Of(version)) = (self.workers.get_mut(&worker), version)
                {
                    node.seen.version = Some(version);
                }
            }
            Word::Quit | Word::Stopped => {
                let is_end = matches!(word, Word::Quit);
                self.leave(&worker, is_end, now, actions);
            }
            Word::Report {
                mut stats,
                users,
                is_exact,
                number,
                stamps,
                has_more,
            } => {
                stats.shift(self.set_right(&worker, stamps, now, actions));
                let seen = self.seen.get_mut(&worker);
                if seen.is_none_or(|seen| seen.takes(number)) {
                    self.book.count_of(&worker, &stats, now);
                    if let Some(node) = self.workers.get_mut(&worker) {
                        node.seen.is_exact = is_exact;
                        let is_rounded = !is_exact && stats.total().requests > 0;
                        if is_rounded && !std::mem::replace(&mut node.is_told_rounded, is_rounded) {
                            actions.push(Action::Notice(Notice::Rounded(worker.clone())));
                        }
                        node.reports(stats.total().requests, has_more, now);
                        let lateness = &stats.total().histograms.lateness;
                        let [p99] = lateness.values_at([0.99]);
                        node.lateness_p99 = (!lateness.is_empty()).then_some(p99);
                    }
                    let has_gap = |seen: &Seen| seen.reported.has_gap();
                    let is_whole = !self.seen.get(&worker).is_some_and(has_gap);
                    if is_whole && self.book.losses.strike(&worker) {
                        let text = format!("all that worker {worker} counted is here");
                        self.book.mark(Kind::Worker, text, now);
                        actions.push(Action::Notice(Notice::NothingLost(worker.clone())));
                    }
                }
                self.set_users(&worker, users, now, actions);
                if let Some(number) = number {
                    if self.journal.is_kept {
                        self.journal.next.push((worker, number));
                    } else {
                        self.receipt(worker, number, now, actions);
                    }
                }
            }
            Word::Heartbeat {
                state,
                cpu_percent,
                memory_bytes,
                vitals,
            } => {
                let Some(node) = self.workers.get_mut(&worker) else {
                    // Away for so long that it was forgotten. A stock worker says by itself that it
                    // is ready, but only when it is started.
                    if self
                        .seen
                        .get(&worker)
                        .is_some_and(|seen| !seen.reported.is_empty())
                    {
                        self.welcome(worker, now, actions);
                    }
                    return;
                };
                let was_missing = !node.is_heard_of();
                node.silent = 0;
                node.seen.state = state;
                node.seen.cpu_percent = cpu_percent;
                node.seen.vitals = vitals;
                node.seen.heard_ms = now.millis();
                node.seen.memory_bytes = memory_bytes.unwrap_or(node.seen.memory_bytes);
                actions.push(Action::Order(worker.clone(), Order::Heartbeat));
                if was_missing {
                    self.come_back(worker, now, actions);
                }
            }
            Word::Spawning | Word::SpawningComplete(_) if !self.knows(&worker) => {
                // It still has users of a run that this master knows nothing of.
                actions.push(Action::Order(worker, Order::Quit));
            }
            Word::Exception { msg, traceback } => {
                self.book.exceptions.add(worker, msg, traceback);
            }
            Word::Examples(examples) => self.book.add_examples(&worker, examples),
            // These are between the host and its scripts.
            Word::Logs(_) | Word::Locustfile | Word::Custom(..) => {}
            Word::Spawning => self.set_state(worker, State::Spawning, now, actions),
            Word::SpawningComplete(users) => {
                self.set_state(worker.clone(), State::Running, now, actions);
                self.set_users(&worker, users, now, actions);
            }
        }
    }

    pub(super) fn receipt(
        &mut self,
        worker: String,
        number: u64,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        if let Some(seen) = self.seen.get_mut(&worker) {
            seen.clock.sends(number, now);
        }
        actions.push(Action::Order(worker, Order::Receipt(number)));
    }

    /// Learns what a report tells of a worker's clock; the seconds that bring its times to ours.
    pub(super) fn set_right(
        &mut self,
        worker: &str,
        stamps: Option<Stamps>,
        now: Now,
        actions: &mut Vec<Action>,
    ) -> i64 {
        let Some(seen) = self.seen.get_mut(worker) else {
            return 0;
        };
        if let Some(stamps) = stamps {
            seen.clock.hears(&stamps, now);
        }
        if let Some(node) = self.workers.get_mut(worker) {
            node.seen.clock_ahead_ms = seen.clock.ahead_ms();
        }
        if let Some(ahead_ms) = seen.clock.news() {
            let seconds = ahead_ms as f64 / 1e3;
            let text =
                format!("the clock of worker {worker} is {seconds:+.1} s from this machine's");
            self.book.mark(Kind::Worker, text, now);
            actions.push(Action::Notice(Notice::ClockOff(
                worker.to_owned(),
                ahead_ms,
            )));
        }
        seen.clock.correction()
    }

    pub(super) fn welcome(&mut self, worker: String, now: Now, actions: &mut Vec<Action>) {
        let next = u32::try_from(self.seen.len()).unwrap_or(u32::MAX);
        let new = Seen {
            index: next,
            reported: Numbers::default(),
            clock: Clock::default(),
        };
        let index = self.seen.entry(worker.clone()).or_insert(new).index;
        let was_known = self.workers.contains_key(&worker);
        let node = WorkerNode::new(worker.clone(), index, now);
        if let Some(before) = self.workers.insert(worker.clone(), node) {
            self.crowd.leave(&before.seen.users_by_class);
            self.count_users(now);
        }
        let welcome = Order::Welcome {
            index: Some(index),
            sends_receipts: true,
        };
        actions.push(Action::Order(worker.clone(), welcome));
        actions.push(Action::Notice(Notice::WorkerReady {
            worker: worker.clone(),
            index,
            workers: u32::try_from(self.workers.len()).unwrap_or(u32::MAX),
        }));
        // After each run a worker leaves and is ready again, which is nothing to tell of.
        if self.marked.insert(worker.clone()) {
            let text = format!("worker {worker} joined");
            self.book.mark(Kind::Worker, text, now);
        }
        self.book.touch(now);
        if was_known && let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.lose_worker(&worker);
        }
        self.join(worker, now, actions);
    }

    /// A worker takes its share of the users there are, if there is a test.
    pub(super) fn join(&mut self, worker: String, now: Now, actions: &mut Vec<Action>) {
        if !self.book.run.state.is_active() {
            return;
        }
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.add_worker(worker);
        }
        self.place_anew(now, actions);
    }

    /// A worker is gone for good, or until it is ready again.
    pub(super) fn leave(
        &mut self,
        worker: &str,
        is_end: bool,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let Some(node) = self.workers.remove(worker) else {
            return;
        };
        if is_end {
            self.marked.remove(worker);
            let text = format!("worker {worker} left, with {} users", node.seen.users);
            self.book.mark(Kind::Worker, text, now);
            let left = u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
            actions.push(Action::Notice(Notice::WorkerQuit(worker.to_owned(), left)));
        }
        self.crowd.leave(&node.seen.users_by_class);
        self.count_users(now);
        self.replace(worker, node.is_heard_of(), now, actions);
    }

    /// Has the users of a worker that is gone started on the others.
    pub(super) fn replace(
        &mut self,
        worker: &str,
        had_users: bool,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        if let Some(dispatcher) = &mut self.dispatcher
            && had_users
        {
            dispatcher.lose_worker(worker);
            if self.workers.values().any(WorkerNode::is_heard_of) {
                self.place_anew(now, actions);
            }
        }
        self.look_for_workers(actions);
    }

    /// Says if there is no worker left for the test, nor one that may come back: where all are
    /// silent at once, it may be this process's own link that is cut.
    pub(super) fn look_for_workers(&self, actions: &mut Vec<Action>) {
        let may_come = |node: &WorkerNode| node.is_heard_of() || node.left_ms.is_none();
        if self.book.run.state.is_active() && !self.workers.values().any(may_come) {
            actions.push(Action::Notice(Notice::NoWorkersLeft));
        }
    }

    pub(super) fn set_state(
        &mut self,
        worker: String,
        state: State,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let Some(node) = self.workers.get_mut(&worker) else {
            return;
        };
        let was_missing = !node.is_heard_of();
        node.seen.state = state;
        self.book.touch(now);
        if was_missing {
            self.come_back(worker, now, actions);
        }
    }

    /// A worker that was missing is heard of again.
    pub(super) fn come_back(&mut self, worker: String, now: Now, actions: &mut Vec<Action>) {
        self.marked.insert(worker.clone());
        let text = format!("worker {worker} is heard of again");
        self.book.mark(Kind::Worker, text, now);
        actions.push(Action::Notice(Notice::WorkerBack(worker.clone())));
        self.join(worker, now, actions);
    }

    pub(super) fn set_users(
        &mut self,
        worker: &str,
        users: Users,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let known = self.workers.get_mut(worker);
        // What a missing worker runs is not counted until it is placed again.
        let Some(node) = known.filter(|node| node.is_heard_of()) else {
            return;
        };
        if node.seen.users_by_class != users {
            node.seen.users = users.values().fold(0, |sum, &n| sum.saturating_add(n));
            self.crowd.join(&users);
            let before = std::mem::replace(&mut node.seen.users_by_class, users);
            self.crowd.leave(&before);
            self.count_users(now);
        }
        self.end_ramp(now, actions);
    }

    /// Notes the users of all workers that are heard of.
    pub(super) fn count_users(&mut self, now: Now) {
        self.book.run.users_by_class = self.crowd.users();
        self.book.run.users = self.crowd.count();
        if self.book.run.rate.is_some() {
            // The workers have as many as it takes.
            self.book.run.target_users = self.book.run.users;
        }
        self.book.touch(now);
    }

    /// A worker of a run that another process has begun is heard of: what it may have missed.
    pub(super) fn remind(&mut self, worker: &str, actions: &mut Vec<Action>) {
        if self.waits.is_some() {
            return;
        }
        let known = self.workers.get_mut(worker);
        if !known.is_some_and(|node| std::mem::take(&mut node.was_away)) {
            return;
        }
        if let Some(order) = &self.ending {
            actions.push(Action::Order(worker.to_owned(), order.clone()));
        } else if let Some(dispatcher) = &self.dispatcher
            && let Some(users) = dispatcher.users_of(worker)
        {
            actions.push(Action::Assign(worker.to_owned(), users));
            actions.push(Action::Notice(Notice::WorkerHeard(worker.to_owned())));
        }
    }
}
