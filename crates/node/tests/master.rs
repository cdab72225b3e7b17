//! A master and its workers, played event by event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::arrival::Schedule;
use katydid_core::mark::Kind;
use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::sample::{Sample, Times};
use katydid_core::snapshot::State;
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use katydid_node::checkpoint::Checkpoint;
use katydid_node::master::{Master, Timings};
use katydid_node::{Action, ClassSpec, Event, Notice, Now};
use katydid_wire::protocol::{Order, Stamps, Version, Word};

type Users = BTreeMap<String, u32>;

struct Play {
    master: Master,
    registry: Arc<Registry>,
    at: u64,
    /// What each worker was last told to run.
    assigned: BTreeMap<String, Users>,
    notices: Vec<Notice>,
    orders: Vec<(String, Order)>,
    complete: Vec<u32>,
    /// Whether reports are followed by others.
    has_more: bool,
}

impl Play {
    fn new() -> Self {
        let registry = Arc::new(Registry::new());
        Self {
            master: Master::new(Arc::clone(&registry), Timings::default(), now(0)),
            registry,
            at: 0,
            assigned: BTreeMap::new(),
            notices: vec![],
            orders: vec![],
            complete: vec![],
            has_more: false,
        }
    }

    fn with(workers: &[&str]) -> Self {
        let mut play = Self::new();
        for worker in workers {
            play.says(worker, Word::Ready(Version::Any));
        }
        play
    }

    fn happens(&mut self, event: Event) {
        for action in self.master.handle(event, now(self.at)) {
            match action {
                Action::Assign(worker, users) => {
                    self.assigned.insert(worker, users);
                }
                Action::Order(worker, order) => self.orders.push((worker, order)),
                Action::Notice(notice) => self.notices.push(notice),
                Action::SpawningComplete { users } => self.complete.push(users),
                Action::Publish | Action::RunTimeReached => {}
                Action::Spawn(_) | Action::StopUsers(_) => panic!("a master has no users"),
            }
        }
    }

    fn says(&mut self, worker: &str, word: Word) {
        self.happens(Event::Worker(worker.to_owned(), word));
    }

    fn start(&mut self, users: u32, spawn_rate: f64) {
        self.happens(Event::Start {
            users,
            spawn_rate,
            classes: vec![ClassSpec {
                name: "A".to_owned(),
                weight: 1.0,
                fixed_count: 0,
            }],
            run_time: None,
            host: None,
        });
    }

    /// Lets time pass; the workers in `alive` do as they are told and say that they live.
    fn passes(&mut self, seconds: u64, alive: &[&str]) {
        for _ in 0..seconds {
            self.at += 1_000;
            self.happens(Event::Tick);
            self.obey(alive);
        }
    }

    fn obey(&mut self, alive: &[&str]) {
        for worker in alive {
            if let Some(users) = self.assigned.get(*worker).cloned() {
                self.says(worker, Word::SpawningComplete(users));
            }
            let state = if self.assigned.contains_key(*worker) {
                State::Running
            } else {
                State::Ready
            };
            self.says(
                worker,
                Word::Heartbeat {
                    state,
                    cpu_percent: 1.0,
                    memory_bytes: None,
                    vitals: None,
                },
            );
        }
    }

    fn told(&self, worker: &str) -> u32 {
        self.assigned.get(worker).map_or(0, |users| users["A"])
    }

    fn report(&mut self, worker: &str, requests: u64, number: Option<u64>) {
        self.report_at(
            worker,
            requests,
            number,
            Nanos::from_secs(1_700_000_001),
            None,
        );
    }

    fn report_at(
        &mut self,
        worker: &str,
        requests: u64,
        number: Option<u64>,
        at: Nanos,
        stamps: Option<Stamps>,
    ) {
        let mut recorder = Recorder::new();
        for _ in 0..requests {
            recorder.record(&Sample {
                key: self.registry.key("GET", "/"),
                error: None,
                times: Some(Times::default()),
                bytes_in: 1,
                bytes_out: 1,
                at,
                counts_request: true,
            });
        }
        let stats: Stats = recorder.take();
        let word = Word::Report {
            has_more: self.has_more,
            stats,
            users: self.assigned.get(worker).cloned().unwrap_or_default(),
            is_exact: true,
            number,
            stamps,
        };
        self.says(worker, word);
    }

    fn requests(&self) -> u64 {
        self.master.snapshot(now(self.at)).stats.total().requests
    }
}

fn now(millis: u64) -> Now {
    let since = Duration::from_millis(millis);
    Now {
        monotonic: since,
        epoch: Duration::from_secs(1_700_000_000) + since,
    }
}

#[test]
fn workers_are_welcomed_by_index_and_keep_it() {
    let mut play = Play::with(&["a_1", "b_1", "a_1"]);
    let welcomes: Vec<_> = play.orders.drain(..).collect();
    let indexes: Vec<_> = welcomes
        .iter()
        .map(|(worker, order)| match order {
            Order::Welcome { index, .. } => (worker.as_str(), index.unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(indexes, [("a_1", 0), ("b_1", 1), ("a_1", 0)]);
}

#[test]
fn users_are_placed_step_by_step_and_the_ramp_ends_when_the_workers_have_them() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.start(4, 2.0);
    assert_eq!((play.told("a_1"), play.told("b_1")), (1, 1));
    assert_eq!(play.master.run().state, State::Spawning);
    play.passes(1, &["a_1", "b_1"]);
    assert_eq!((play.told("a_1"), play.told("b_1")), (2, 2));
    assert_eq!(play.complete, [4]);
    assert_eq!(play.master.run().state, State::Running);
    assert_eq!(play.master.run().users, 4);
    assert!(
        play.orders
            .contains(&("a_1".to_owned(), Order::SpawningComplete(4)))
    );
}

#[test]
fn a_ramp_does_not_wait_for_ever_for_counts() {
    let mut play = Play::with(&["a_1"]);
    play.start(1, 1.0);
    assert!(play.complete.is_empty());
    play.passes(2, &[]);
    assert_eq!(play.complete, [1]);
}

#[test]
fn the_users_of_a_silent_worker_start_again_on_the_others_at_the_spawn_rate() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.start(4, 1.0);
    play.passes(5, &["a_1", "b_1"]);
    assert_eq!((play.told("a_1"), play.told("b_1")), (2, 2));
    play.notices.clear();
    play.passes(4, &["a_1"]);
    assert!(
        play.notices
            .contains(&Notice::WorkerMissing("b_1".to_owned(), 2, 0))
    );
    assert_eq!(play.told("a_1"), 3, "one in the first second");
    play.passes(2, &["a_1"]);
    assert_eq!(play.told("a_1"), 4);
    assert_eq!(play.master.run().users, 4);
}

#[test]
fn a_worker_that_comes_back_takes_its_share_again() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.start(4, 4.0);
    play.passes(1, &["a_1", "b_1"]);
    play.passes(6, &["a_1"]);
    assert_eq!(play.told("a_1"), 4);
    play.obey(&["b_1"]);
    assert!(play.notices.contains(&Notice::WorkerBack("b_1".to_owned())));
    play.passes(2, &["a_1", "b_1"]);
    assert_eq!((play.told("a_1"), play.told("b_1")), (2, 2));
    assert_eq!(play.master.run().users, 4);
}

#[test]
fn workers_that_go_together_have_their_users_placed_together() {
    let names: Vec<_> = (0..40).map(|number| format!("host_{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut play = Play::with(&names);
    play.start(80, 80.0);
    play.passes(2, &names);
    play.notices.clear();
    play.passes(5, &names[..10]);
    let placings = play.notices.iter();
    let placings = placings.filter(|notice| matches!(notice, Notice::Placing(..)));
    assert_eq!(placings.count(), 2, "for the first, and for the others");
    let told = names[..10].iter().map(|name| play.told(name));
    assert_eq!(told.sum::<u32>(), 80);
    assert_eq!(play.master.run().users, 80);
}

#[test]
fn a_worker_missing_for_long_is_forgotten() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.passes(62, &["a_1"]);
    assert!(play.master.knows("b_1"));
    play.passes(3, &["a_1"]);
    assert!(!play.master.knows("b_1"));
    play.says("b_1", Word::Spawning);
    assert_eq!(play.orders.last(), Some(&("b_1".to_owned(), Order::Quit)));
}

#[test]
fn the_last_worker_to_go_is_told_and_a_missing_ones_late_farewell_is_not() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.start(2, 2.0);
    play.passes(1, &["a_1", "b_1"]);
    play.passes(5, &["a_1"]);
    play.says("b_1", Word::Quit);
    assert!(!play.notices.contains(&Notice::NoWorkersLeft));
    play.says("a_1", Word::Quit);
    assert_eq!(play.notices.last(), Some(&Notice::NoWorkersLeft));
}

#[test]
fn workers_that_are_silent_all_at_once_may_come_back() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.start(2, 2.0);
    play.passes(1, &["a_1", "b_1"]);
    play.passes(10, &[]);
    assert!(!play.notices.contains(&Notice::NoWorkersLeft));
    play.assigned.clear();
    play.passes(3, &["a_1", "b_1"]);
    assert_eq!([play.told("a_1"), play.told("b_1")], [1, 1]);
    // One is heard of no more, and the other's process has ended.
    play.happens(Event::Unconnected("a_1".to_owned()));
    play.passes(10, &[]);
    assert!(!play.notices.contains(&Notice::NoWorkersLeft));
    play.passes(60, &[]);
    assert_eq!(play.notices.last(), Some(&Notice::NoWorkersLeft));
}

#[test]
fn a_report_that_comes_twice_counts_once_and_always_gets_its_receipt() {
    let mut play = Play::with(&["a_1"]);
    for (number, total) in [(1, 3), (1, 3), (2, 6), (1, 6)] {
        play.report("a_1", 3, Some(number));
        assert_eq!(play.requests(), total);
        let receipt = ("a_1".to_owned(), Order::Receipt(number));
        assert_eq!(play.orders.last(), Some(&receipt));
    }
    // After a lost connection an earlier one may come behind a later one.
    play.report("a_1", 3, Some(4));
    play.report("a_1", 3, Some(3));
    play.report("a_1", 3, Some(4));
    assert_eq!(play.requests(), 12);
    // Connecting again does not make what was counted new.
    play.says("a_1", Word::Ready(Version::Any));
    play.report("a_1", 3, Some(2));
    assert_eq!(play.requests(), 12);
    // A stock worker numbers nothing.
    play.report("a_1", 3, None);
    play.report("a_1", 3, None);
    assert_eq!(play.requests(), 18);
}

#[test]
fn stopping_tells_all_workers_and_places_no_users_any_more() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.start(4, 4.0);
    play.passes(1, &["a_1", "b_1"]);
    play.happens(Event::Stopping);
    assert_eq!(play.master.run().state, State::Stopping);
    let stops = play
        .orders
        .iter()
        .filter(|(_, order)| *order == Order::Stop);
    assert_eq!(stops.count(), 2);
    play.assigned.clear();
    play.says("a_1", Word::Stopped);
    play.says("a_1", Word::Ready(Version::Any));
    play.says("b_1", Word::Stopped);
    assert!(play.assigned.is_empty());
    assert_eq!(play.master.run().users, 0);
    play.happens(Event::Stopped);
    assert_eq!(play.master.run().state, State::Stopped);
}

#[test]
fn reports_of_several_seconds_make_up_the_rate_of_a_worker() {
    let mut play = Play::with(&["a_1", "b_1"]);
    play.start(2, 2.0);
    play.passes(1, &["a_1", "b_1"]);
    play.passes(3, &["a_1", "b_1"]);
    for has_more in [true, true, false] {
        play.has_more = has_more;
        play.report("b_1", 10, None);
    }
    // Ten a second or more, as its user was not there all the time, and some seconds until it is missed.
    play.passes(4, &["a_1"]);
    let missing = play.notices.iter().find_map(|notice| match notice {
        Notice::WorkerMissing(_, users, requests) => Some((*users, *requests)),
        _ => None,
    });
    let (users, requests) = missing.expect("it is silent");
    assert_eq!(users, 1);
    assert!((30..=75).contains(&requests), "{requests}");
}

impl Play {
    /// Another process takes up what this one has written down, if it has.
    fn killed(mut self, checkpoint: &[u8]) -> Self {
        let registry = Arc::new(Registry::new());
        let from = Checkpoint::decode(checkpoint, &registry).expect("its own checkpoint");
        let timings = Timings::default();
        self.at += 2_000;
        self.master = Master::going_on(Arc::clone(&registry), timings, from, now(self.at));
        self.master.keep_journal();
        self.registry = registry;
        (self.orders, self.notices) = (vec![], vec![]);
        self
    }

    fn written(&mut self) -> Vec<u8> {
        let checkpoint = self.master.take_checkpoint(now(self.at));
        let bytes = checkpoint
            .expect("something changed")
            .encode(&self.registry);
        self.happens(Event::Saved);
        bytes
    }

    fn receipts(&self) -> Vec<(&str, u64)> {
        let orders = self.orders.iter();
        let receipts = orders.filter_map(|(worker, order)| match order {
            Order::Receipt(number) => Some((worker.as_str(), *number)),
            _ => None,
        });
        receipts.collect()
    }
}

#[test]
fn a_report_gets_its_receipt_once_it_is_written_down() {
    let mut play = Play::with(&["a"]);
    play.master.keep_journal();
    play.start(2, 2.0);
    play.report("a", 5, Some(1));
    assert_eq!(play.receipts(), []);
    let checkpoint = play.master.take_checkpoint(now(play.at));
    assert!(checkpoint.is_some());
    play.report("a", 5, Some(2));
    assert!(
        play.master.take_checkpoint(now(play.at)).is_none(),
        "the last one is not written"
    );
    play.happens(Event::Saved);
    assert_eq!(play.receipts(), [("a", 1)]);
    play.written();
    assert_eq!(play.receipts(), [("a", 1), ("a", 2)]);
    assert!(
        play.master.take_checkpoint(now(play.at)).is_none(),
        "nothing changed"
    );
}

#[test]
fn another_process_goes_on_with_the_same_users_and_counts() {
    let mut play = Play::with(&["a", "b"]);
    play.master.keep_journal();
    play.start(4, 4.0);
    play.passes(2, &["a", "b"]);
    play.report("a", 5, Some(1));
    let checkpoint = play.written();
    // This one was counted, but nobody else knows.
    play.report("b", 7, Some(1));

    let mut play = play.killed(&checkpoint);
    assert_eq!(play.master.run().users, 4);
    play.says("a", heartbeat());
    assert_eq!(
        play.orders
            .iter()
            .filter(|(_, order)| *order != Order::Heartbeat)
            .count(),
        0
    );
    play.assigned.clear();
    play.happens(Event::GoOn);
    play.passes(1, &["a", "b"]);
    assert_eq!([play.told("a"), play.told("b")], [2, 2]);
    play.report("a", 5, Some(1));
    play.report("b", 7, Some(1));
    play.report("b", 1, Some(2));
    let snapshot = play.master.snapshot(now(play.at));
    assert_eq!(snapshot.stats.total().requests, 13, "each report once");
    play.written();
    assert_eq!(play.receipts(), [("a", 1), ("b", 1), ("b", 2)]);
    assert_eq!(play.master.run().state, State::Running);
}

#[test]
fn another_process_knows_how_far_a_rate_is() {
    let mut play = Play::with(&["a"]);
    play.master.keep_journal();
    play.start(1, 1.0);
    play.passes(1, &["a"]);
    let schedule: Schedule = "0-500/s over 1m, 500/s for 10m poisson".parse().unwrap();
    play.happens(Event::Rate(Some((schedule.clone(), Some(70)))));
    let began = now(play.at).millis();
    play.passes(3, &["a"]);
    play.happens(Event::Mark {
        kind: Kind::Pause,
        text: String::new(),
        by: None,
    });
    let paused = now(play.at).millis();
    play.passes(5, &["a"]);
    assert!(
        play.master
            .run()
            .rate
            .as_ref()
            .unwrap()
            .at(now(play.at).millis())
            < 1e-9
    );
    play.happens(Event::Mark {
        kind: Kind::Resume,
        text: String::new(),
        by: None,
    });
    let since = began + now(play.at).millis() - paused;
    assert!(!play.master.run().is_paused);
    let checkpoint = play.written();
    let play = play.killed(&checkpoint);
    let rate = play.master.run().rate.as_ref().expect("it goes on");
    assert_eq!((rate.since_ms, rate.most_users), (since, Some(70)));
    assert_eq!(rate.schedule, schedule);
}

#[test]
fn another_process_goes_on_with_a_pause() {
    let mut play = Play::with(&["a"]);
    play.master.keep_journal();
    play.start(1, 1.0);
    play.passes(1, &["a"]);
    play.happens(Event::Rate(Some(("500/s".parse().unwrap(), None))));
    play.passes(3, &["a"]);
    play.happens(Event::Mark {
        kind: Kind::Pause,
        text: String::new(),
        by: None,
    });
    let checkpoint = play.written();
    let mut play = play.killed(&checkpoint);
    assert!(play.master.run().is_paused);
    let rate = play.master.run().rate.as_ref().unwrap();
    let passed = rate.passed(now(play.at).millis());
    assert_eq!(passed, Duration::from_secs(3), "the pause is none of it");
    play.happens(Event::GoOn);
    play.says("a", heartbeat());
    assert!(play.notices.contains(&Notice::WorkerHeard("a".to_owned())));
    play.says("a", heartbeat());
    let heard = play.notices.iter();
    let heard = heard.filter(|notice| matches!(notice, Notice::WorkerHeard(_)));
    assert_eq!(heard.count(), 1);
}

#[test]
fn a_worker_that_does_not_come_back_is_replaced_after_a_while() {
    let mut play = Play::with(&["a", "b"]);
    play.master.keep_journal();
    play.start(4, 4.0);
    play.passes(2, &["a", "b"]);
    let checkpoint = play.written();
    let mut play = play.killed(&checkpoint);
    play.happens(Event::GoOn);
    play.passes(8, &["a"]);
    assert_eq!(play.told("a"), 2, "the other may still come");
    play.passes(12, &["a"]);
    assert_eq!(play.told("a"), 4);
}

#[test]
fn a_run_that_was_being_stopped_is_stopped() {
    let mut play = Play::with(&["a"]);
    play.master.keep_journal();
    play.start(1, 1.0);
    play.passes(1, &["a"]);
    play.happens(Event::Stopping);
    let checkpoint = play.written();
    let mut play = play.killed(&checkpoint);
    play.happens(Event::GoOn);
    play.says("a", heartbeat());
    assert!(play.orders.contains(&("a".to_owned(), Order::Stop)));
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let mut play = Play::with(&["a"]);
    play.master.keep_journal();
    play.start(1, 1.0);
    let bytes = play.written();
    for length in 0..bytes.len() {
        assert!(Checkpoint::decode(&bytes[..length], &Registry::new()).is_err());
    }
}

fn heartbeat() -> Word {
    Word::Heartbeat {
        state: State::Running,
        cpu_percent: 1.0,
        memory_bytes: None,
        vitals: None,
    }
}

#[test]
fn what_a_worker_counts_whose_clock_is_wrong_is_in_the_second_it_was_made_in() {
    for ahead in [90, -90, 0] {
        let mut play = Play::with(&["a_1", "b_1"]);
        let theirs = |at: u64| {
            let millis = i64::try_from(now(at).millis()).unwrap() + ahead * 1_000;
            Nanos::from_millis(millis.try_into().unwrap())
        };
        play.start(2, 2.0);
        play.passes(1, &["a_1", "b_1"]);
        play.report_at("a_1", 0, Some(1), theirs(play.at), None);
        let receipted_at = play.at;
        play.passes(3, &["a_1", "b_1"]);
        let counted_at = play.at;
        // A tenth of a second each way, which the exchange cancels out.
        play.at += 100;
        let stamps = Stamps {
            receipt: 1,
            heard: theirs(receipted_at + 100),
            sent: theirs(counted_at),
        };
        play.report_at("a_1", 7, Some(2), theirs(counted_at), Some(stamps));
        play.report_at("b_1", 2, Some(1), now(counted_at).nanos(), None);
        let told = ahead * 1_000;
        let notice = Notice::ClockOff("a_1".to_owned(), told);
        assert_eq!(play.notices.contains(&notice), ahead != 0);
        play.at += 900;
        play.passes(9, &["a_1", "b_1"]);
        let snapshot = play.master.snapshot(now(play.at));
        let workers = snapshot.workers.unwrap();
        let clocks: Vec<_> = workers.iter().map(|it| it.clock_ahead_ms).collect();
        assert_eq!(clocks, [Some(told), None]);
        let second = now(counted_at).epoch.as_secs();
        let points = snapshot.series.iter().filter(|point| point.ok > 0);
        let points: Vec<_> = points.map(|point| (point.t, point.ok)).collect();
        assert_eq!(points, [(second, 9)]);
        let total = snapshot.stats.total();
        assert_eq!(total.last.map(Nanos::as_secs), Some(second));
        assert_eq!(total.requests_by_second.get(second), 9);
    }
}

#[test]
fn workers_are_sent_home_from_a_test_that_is_over_and_it_stays_so() {
    let mut play = Play::with(&["a", "b"]);
    play.happens(Event::Quitting);
    assert_eq!(play.master.run().state, State::Ready);
    play.start(4, 4.0);
    play.passes(2, &["a", "b"]);
    play.happens(Event::Stopping);
    play.happens(Event::Stopped);
    play.orders.clear();
    play.happens(Event::Quitting);
    assert_eq!(play.master.run().state, State::Stopped);
    let quit = |worker: &str| (worker.to_owned(), Order::Quit);
    assert_eq!(play.orders, [quit("a"), quit("b")]);
}
