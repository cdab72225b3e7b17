//! Whole runs, played to a node event by event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::sample::{Sample, Times};
use katydid_core::snapshot::{Snapshot, State};
use katydid_core::stats::Stats;
use katydid_core::units::{Micros, Nanos};
use katydid_node::local::Local;
use katydid_node::{Action, ClassSpec, Event, Now};

/// A Unix time that is a whole second.
const EPOCH: u64 = 1_700_000_000;

/// A node and the registry it shares.
struct Play {
    local: Local,
    registry: Arc<Registry>,
}

fn at(millis: u64) -> Now {
    let since = Duration::from_millis(millis);
    Now {
        monotonic: since,
        epoch: Duration::from_secs(EPOCH) + since,
    }
}

fn users<const N: usize>(counts: [(&str, u32); N]) -> BTreeMap<String, u32> {
    counts
        .into_iter()
        .map(|(class, count)| (class.to_owned(), count))
        .collect()
}

fn class(name: &str, weight: f64) -> ClassSpec {
    ClassSpec {
        name: name.to_owned(),
        weight,
        fixed_count: 0,
    }
}

fn start(users: u32, spawn_rate: f64) -> Event {
    Event::Start {
        users,
        spawn_rate,
        classes: vec![class("A", 3.0), class("B", 1.0)],
        run_time: None,
        host: Some("http://shop".to_owned()),
    }
}

impl Play {
    fn new() -> Self {
        let registry = Arc::new(Registry::new());
        Self {
            local: Local::new(Arc::clone(&registry), at(0)),
            registry,
        }
    }

    /// What follows from an event at a time, but for what is only shown.
    fn orders(&mut self, millis: u64, event: Event) -> Vec<Action> {
        let mut actions = self.local.handle(event, at(millis));
        actions.retain(|action| *action != Action::Publish);
        actions
    }

    /// The host says what it has.
    fn spawned<const N: usize>(&mut self, millis: u64, counts: [(&str, u32); N]) -> Vec<Action> {
        self.orders(
            millis,
            Event::Spawned {
                counts: users(counts),
            },
        )
    }

    fn state(&self) -> State {
        self.local.run().state
    }

    /// One user of class A is running.
    fn running() -> Self {
        let mut play = Self::new();
        play.orders(0, start(1, 1.0));
        play.spawned(0, [("A", 1)]);
        assert_eq!(play.state(), State::Running);
        play
    }

    /// Requests, given by the millisecond they finished at and how long they took.
    fn counted(&mut self, requests: &[(u64, u64)]) -> Stats {
        let mut recorder = Recorder::new();
        for &(finished, took) in requests {
            let service = Nanos::from_millis(took);
            recorder.record(&Sample {
                key: self.registry.key("GET", "/"),
                error: None,
                times: Some(Times {
                    service,
                    ..Times::default()
                }),
                bytes_in: 1,
                bytes_out: 1,
                at: at(finished).nanos(),
                counts_request: true,
            });
        }
        recorder.take()
    }

    fn count(&mut self, millis: u64, requests: &[(u64, u64)]) {
        let delta = self.counted(requests);
        assert_eq!(self.orders(millis, Event::Samples(delta)), []);
    }

    fn snapshot(&self, millis: u64) -> Snapshot {
        self.local.snapshot(at(millis))
    }
}

#[test]
fn users_are_spawned_at_once_and_then_at_the_rate() {
    let mut play = Play::new();
    assert_eq!(
        play.orders(0, start(5, 2.4)),
        [Action::Spawn(users([("A", 1), ("B", 1)]))]
    );
    assert_eq!(play.state(), State::Spawning);
    assert_eq!(play.spawned(10, [("A", 1), ("B", 1)]), []);

    assert_eq!(play.orders(800, Event::Tick), []);
    assert_eq!(
        play.orders(834, Event::Tick),
        [Action::Spawn(users([("A", 2)]))]
    );
    assert_eq!(play.spawned(840, [("A", 3), ("B", 1)]), []);

    assert_eq!(
        play.orders(1_668, Event::Tick),
        [Action::Spawn(users([("A", 1)]))]
    );
    assert_eq!(play.state(), State::Spawning);
    let all = [Action::SpawningComplete { users: 5 }];
    assert_eq!(play.spawned(1_700, [("A", 4), ("B", 1)]), all);
    assert_eq!(play.state(), State::Running);
    assert_eq!(play.local.run().users, 5);
}

#[test]
fn the_next_step_does_not_wait_for_an_answer() {
    let mut play = Play::new();
    play.orders(0, start(3, 1.0));
    assert_eq!(
        play.orders(1_000, Event::Tick),
        [Action::Spawn(users([("B", 1)]))]
    );
    assert_eq!(
        play.orders(2_000, Event::Tick),
        [Action::Spawn(users([("A", 1)]))]
    );
    assert_eq!(play.spawned(2_100, [("A", 1)]), []);
    assert_eq!(play.spawned(2_200, [("A", 1), ("B", 1)]), []);
    let all = [Action::SpawningComplete { users: 3 }];
    assert_eq!(play.spawned(2_300, [("A", 2), ("B", 1)]), all);
}

#[test]
fn a_second_start_only_changes_the_number_of_users() {
    let mut play = Play::running();
    play.count(100, &[(100, 7)]);
    assert_eq!(
        play.orders(200, start(3, 10.0)),
        [Action::Spawn(users([("A", 1), ("B", 1)]))]
    );
    play.spawned(210, [("A", 2), ("B", 1)]);

    assert_eq!(
        play.orders(300, start(1, 10.0)),
        [Action::StopUsers(users([("A", 1), ("B", 1)]))]
    );
    assert_eq!(play.state(), State::Spawning);
    assert_eq!(
        play.spawned(310, [("A", 1)]),
        [Action::SpawningComplete { users: 1 }]
    );
    assert_eq!(play.local.stats().total().requests, 1);
    assert_eq!(play.local.run().started_ms, Some(EPOCH * 1_000));
}

#[test]
fn a_start_to_what_is_there_is_complete_at_once() {
    let mut play = Play::running();
    assert_eq!(
        play.orders(100, start(1, 1.0)),
        [Action::SpawningComplete { users: 1 }]
    );
    let mut idle = Play::new();
    assert_eq!(
        idle.orders(0, start(0, 1.0)),
        [Action::SpawningComplete { users: 0 }]
    );
    assert_eq!(idle.state(), State::Running);
}

#[test]
fn users_that_ended_by_themselves_are_replaced_with_the_next_step() {
    let mut play = Play::new();
    play.orders(0, start(3, 1.0));
    play.spawned(10, [("A", 0)]);
    let both = [Action::Spawn(users([("A", 1), ("B", 1)]))];
    assert_eq!(play.orders(1_000, Event::Tick), both);
}

#[test]
fn a_rate_that_leads_nowhere_changes_nothing() {
    let mut play = Play::new();
    assert_eq!(play.local.handle(start(5, 0.0), at(0)), []);
    assert_eq!(play.state(), State::Ready);
    let mut play = Play::running();
    assert_eq!(play.local.handle(start(5, f64::NAN), at(0)), []);
    assert_eq!(play.local.run().target_users, 1);
}

#[test]
fn stopping_during_the_ramp_ends_it() {
    let mut play = Play::new();
    play.orders(0, start(100, 1.0));
    play.spawned(10, [("A", 1)]);
    assert_eq!(play.orders(500, Event::Stopping), []);
    assert_eq!(play.state(), State::Stopping);
    assert_eq!(play.orders(1_000, Event::Tick), []);
    assert_eq!(play.orders(1_500, Event::Stopped), []);
    let run = play.local.run();
    assert_eq!((run.state, run.users), (State::Stopped, 0));
    assert_eq!(run.ended_ms, Some(EPOCH * 1_000 + 1_500));
}

#[test]
fn the_end_of_the_run_time_is_told_once() {
    let mut play = Play::running();
    play.orders(100, Event::RunTime(Some(Duration::from_millis(700))));
    play.orders(250, Event::Tick);
    assert_eq!(play.local.deadline(), Some(Duration::from_millis(800)));
    assert_eq!(play.orders(799, Event::Tick), []);
    assert_eq!(play.orders(800, Event::Tick), [Action::RunTimeReached]);
    assert_eq!(play.orders(900, Event::Tick), []);
}

#[test]
fn a_stopped_run_has_no_run_time_any_more() {
    let mut play = Play::running();
    play.orders(100, Event::RunTime(Some(Duration::from_secs(2))));
    play.orders(200, Event::Stopped);
    assert_eq!(play.orders(5_000, Event::Tick), []);
}

#[test]
fn a_new_run_begins_with_nothing() {
    let mut play = Play::running();
    play.count(100, &[(100, 7)]);
    play.orders(
        100,
        Event::Exception {
            node: "local".to_owned(),
            msg: "boom".to_owned(),
            traceback: "line 1".to_owned(),
        },
    );
    play.orders(1_300, Event::Tick);
    play.orders(1_400, Event::Stopped);
    assert_eq!(play.snapshot(1_500).series.len(), 1);
    assert_eq!(
        play.snapshot(1_500).stats.total().requests,
        1,
        "kept until the next start"
    );

    play.orders(8_000, Event::ClearStats);
    play.count(8_900, &[(8_800, 3)]);
    play.orders(9_000, start(1, 1.0));
    let snapshot = play.snapshot(9_000);
    assert_eq!(
        snapshot.stats.total().requests,
        1,
        "listeners of the start may send requests"
    );
    assert!(snapshot.series.is_empty() && snapshot.exceptions.is_empty());
    assert_eq!(
        (snapshot.run.started_ms, snapshot.run.ended_ms),
        (Some(at(9_000).millis()), None)
    );
}

#[test]
fn each_second_of_a_run_becomes_a_point_when_its_requests_are_in() {
    let mut play = Play::running();
    play.count(300, &[(200, 10), (250, 20)]);
    play.count(1_010, &[(900, 40)]);
    play.count(2_010, &[(1_500, 3)]);
    play.orders(1_249, Event::Tick);
    assert_eq!(
        play.snapshot(1_249).series.len(),
        0,
        "the second has not settled"
    );
    play.orders(2_250, Event::Tick);
    play.orders(3_250, Event::Tick);

    let series = play.snapshot(3_250).series;
    let points: Vec<_> = series.iter().collect();
    let times: Vec<_> = points.iter().map(|point| point.t - EPOCH).collect();
    assert_eq!(times, [0, 1, 2]);
    assert_eq!(
        points.iter().map(|point| point.ok).collect::<Vec<_>>(),
        [3, 1, 0]
    );
    // The bin of 20 ms ends at 20.015 ms.
    assert_eq!(points[0].p50, Some(Micros::from_micros(20_015)));
    assert_eq!(points[1].p99, Some(Micros::from_micros(3_001)));
    assert_eq!(points[2].p50, None);
    assert_eq!((points[2].users, points[2].target), (1, 1));
}

#[test]
fn requests_that_come_after_their_point_are_in_the_next_one() {
    let mut play = Play::running();
    play.orders(1_250, Event::Tick);
    play.count(1_300, &[(900, 5), (1_100, 5)]);
    play.orders(2_250, Event::Tick);
    let series = play.snapshot(2_250).series;
    assert_eq!(
        series.iter().map(|point| point.ok).collect::<Vec<_>>(),
        [0, 2]
    );
}

#[test]
fn the_last_second_of_a_run_is_the_last_point() {
    let mut play = Play::running();
    play.count(1_400, &[(900, 5), (1_300, 5)]);
    play.orders(1_500, Event::Stopped);
    for second in 1..6 {
        play.orders(1_000 * second + 250, Event::Tick);
    }
    let series = play.snapshot(6_000).series;
    assert_eq!(
        series.iter().map(|point| point.ok).collect::<Vec<_>>(),
        [1, 1]
    );
}

#[test]
fn there_is_a_picture_every_second_and_with_every_change() {
    let mut play = Play::new();
    assert_eq!(play.local.deadline(), Some(Duration::from_millis(250)));
    assert_eq!(play.local.handle(Event::Tick, at(250)), [Action::Publish]);
    assert_eq!(play.local.deadline(), Some(Duration::from_millis(1_250)));
    assert_eq!(play.local.handle(Event::Tick, at(300)), []);
    for event in [
        Event::Stopping,
        Event::ClearStats,
        Event::State(State::Cleanup),
    ] {
        assert_eq!(play.local.handle(event, at(400)), [Action::Publish]);
    }
    assert_eq!(play.snapshot(500).seq, 4, "one for each publication");
}

#[test]
fn the_same_exception_is_counted_with_all_its_nodes() {
    let mut play = Play::running();
    for (node, traceback) in [("n1", "line 1"), ("n2", "line 1"), ("n1", "line 2")] {
        play.orders(
            0,
            Event::Exception {
                node: node.to_owned(),
                msg: "boom".to_owned(),
                traceback: traceback.to_owned(),
            },
        );
    }
    let seen: Vec<_> = play
        .local
        .exceptions()
        .iter()
        .map(|e| (e.count, e.nodes.len()))
        .collect();
    assert_eq!(seen, [(2, 2), (1, 1)]);
}

#[test]
fn different_exceptions_are_bounded_and_all_counted() {
    let mut play = Play::running();
    for i in 0..1_500 {
        play.orders(
            0,
            Event::Exception {
                node: "local".to_owned(),
                msg: "boom".to_owned(),
                traceback: format!("line {i}"),
            },
        );
    }
    let exceptions = play.local.exceptions();
    assert_eq!(exceptions.len(), 1_001);
    assert_eq!(exceptions.iter().map(|e| e.count).sum::<u64>(), 1_500);
}

#[test]
fn resetting_keeps_the_points_and_the_names() {
    let mut play = Play::running();
    play.count(900, &[(900, 5)]);
    play.orders(1_250, Event::Tick);
    play.orders(1_300, Event::ResetStats);
    let snapshot = play.snapshot(1_300);
    assert_eq!(snapshot.series.len(), 1);
    assert_eq!(snapshot.stats.entries().count(), 1);
    assert_eq!(snapshot.stats.total().requests, 0);
}
