//! The dispatcher against sequences that Locust 2.47.0's gave, and its sums.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

use std::time::Duration;

use katydid_core::dispatch::{Class, Dispatcher, Distribution, Error};
use proptest::collection::vec;
use proptest::prelude::*;

/// Classes written as `name:weight` or `name:weight:fixed_count`.
fn classes(text: &str) -> Vec<Class> {
    let class = |text: &str| {
        let mut parts = text.split(':');
        Class {
            name: parts.next().unwrap().to_owned(),
            weight: parts.next().unwrap().parse().unwrap(),
            fixed_count: parts.next().map_or(0, |count| count.parse().unwrap()),
        }
    };
    text.split(' ').map(class).collect()
}

fn workers(text: &str) -> impl Iterator<Item = String> {
    text.split(' ').map(str::to_owned)
}

fn local(text: &str) -> Dispatcher {
    Dispatcher::new(workers("local"), &classes(text))
}

/// What is not zero, written as `worker/class=count`.
fn shown(users: &Distribution) -> String {
    let counts = users.iter().flat_map(|(worker, users)| {
        let present = users.iter().filter(|&(_, &count)| count > 0);
        present.map(move |(class, count)| format!("{worker}/{class}={count}"))
    });
    counts.collect::<Vec<_>>().join(" ")
}

/// All steps to a number of users.
fn steps(dispatcher: &mut Dispatcher, target: u32, rate: f64) -> Vec<String> {
    dispatcher.start(target, rate, None).unwrap();
    std::iter::from_fn(|| dispatcher.step())
        .map(|step| shown(&step.users))
        .collect()
}

/// The classes in which users come (`A`) and go (`-A`), one by one; `.` is a step without.
fn changes(dispatcher: &mut Dispatcher, target: u32, chosen: Option<&[Class]>) -> String {
    dispatcher.start(target, 1.0, chosen).unwrap();
    let mut before = dispatcher.distribution()["local"].clone();
    let mut text = String::new();
    while let Some(step) = dispatcher.step() {
        let after = step.users["local"].clone();
        let length = text.len();
        for (class, &count) in &after {
            match count.cmp(&before.get(class).copied().unwrap_or(0)) {
                std::cmp::Ordering::Less => text.extend(["-", class]),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => text += class,
            }
        }
        if text.len() == length {
            text.push('.');
        }
        before = after;
    }
    text
}

#[test]
fn classes_take_turns_as_in_locust() {
    let table = [
        ("A:5 B:1", "AABAAAAABAAAAAB"),
        ("A:50 B:10", "AABAAAAABAAAAAB"),
        ("A:0.5 B:0.1", "AABAAAAABAAAAAB"),
        ("A:0.05 B:0.01", "ABAAAAAABAAAAAB"),
        ("A:1 B:1 C:1", "ABCABCABCABCABC"),
        ("A:3 B:1", "ABAAABAAABAAABA"),
        ("A:1 B:2 C:3", "CBACBCCBACBCCBA"),
        ("C:300 B:200 A:100", "CBACBCCBACBCCBA"),
        ("A:3 B:1 C:1:3 D:1:1", "CDCCABAAABAAABA"),
        ("A:0:2 B:1 C:0", "AABBBBBBBBBBBBB"),
    ];
    for (spec, expected) in table {
        assert_eq!(changes(&mut local(spec), 15, None), expected, "{spec}");
    }
}

#[test]
fn only_fixed_classes_end_the_ramp_below_the_target() {
    let mut dispatcher = local("C:1:3 D:1:1");
    assert_eq!(changes(&mut dispatcher, 10, None), "CDCC.");
    assert_eq!(dispatcher.user_count(), 4);
    assert_eq!(changes(&mut dispatcher, 2, None), "-C-C");
    assert_eq!(changes(&mut dispatcher, 10, None), "CC.");
}

#[test]
fn the_last_to_come_go_first_and_the_turns_go_on() {
    let mut dispatcher = local("A:3 B:1");
    assert_eq!(changes(&mut dispatcher, 5, None), "ABAAA");
    assert_eq!(changes(&mut dispatcher, 2, None), "-A-A-A");
    assert_eq!(changes(&mut dispatcher, 8, None), "BAAABA");
    assert_eq!(changes(&mut dispatcher, 8, None), ".");
}

#[test]
fn fixed_users_that_were_stopped_come_back_first() {
    let mut dispatcher = local("A:3 B:1 C:1:3");
    assert_eq!(changes(&mut dispatcher, 5, None), "CCCAB");
    assert_eq!(changes(&mut dispatcher, 1, None), "-B-A-C-C");
    assert_eq!(changes(&mut dispatcher, 8, None), "CCAAABA");
}

#[test]
fn chosen_classes_change_who_comes_but_not_who_is_there() {
    let all = classes("A:3 B:1 C:2");
    let only = |names: &str| {
        let chosen = all
            .iter()
            .filter(|class| names.contains(&class.name))
            .cloned();
        Some(chosen.collect::<Vec<_>>())
    };
    let mut dispatcher = local("A:3 B:1 C:2");
    assert_eq!(changes(&mut dispatcher, 5, None), "ACBAC");
    assert_eq!(changes(&mut dispatcher, 9, only("AB").as_deref()), "ABAA");
    assert_eq!(changes(&mut dispatcher, 4, None), "-A-A-B-A-C");
    assert_eq!(changes(&mut dispatcher, 9, only("C").as_deref()), "CCCCC");
    assert_eq!(changes(&mut dispatcher, 12, only("CA").as_deref()), "ACA");
}

#[test]
fn a_class_that_is_chosen_later_gets_users() {
    let mut dispatcher = local("A:1");
    assert_eq!(changes(&mut dispatcher, 2, None), "AA");
    assert_eq!(changes(&mut dispatcher, 4, Some(&classes("B:1"))), "BB");
}

#[test]
fn workers_of_different_hosts_come_before_those_of_one() {
    let mut dispatcher = Dispatcher::new(workers("b_2 a_1 c_9 a_3 a_2"), &classes("A:1"));
    let one_by_one = steps(&mut dispatcher, 5, 1.0);
    assert_eq!(
        one_by_one,
        [
            "a_1/A=1",
            "a_1/A=1 b_2/A=1",
            "a_1/A=1 b_2/A=1 c_9/A=1",
            "a_1/A=1 a_2/A=1 b_2/A=1 c_9/A=1",
            "a_1/A=1 a_2/A=1 a_3/A=1 b_2/A=1 c_9/A=1",
        ]
    );
}

#[test]
fn several_users_a_step_go_up_and_down_on_several_workers() {
    let all = classes("A:3 B:1 C:1:2");
    let mut dispatcher = Dispatcher::new(workers("a_1 a_2 b_1"), &all);
    let up = [
        "a_1/C=1 b_1/C=1",
        "a_1/B=1 a_1/C=1 a_2/A=1 b_1/C=1",
        "a_1/B=1 a_1/C=1 a_2/A=2 b_1/A=1 b_1/C=1",
        "a_1/A=1 a_1/B=1 a_1/C=1 a_2/A=2 b_1/A=1 b_1/C=1",
    ];
    assert_eq!(steps(&mut dispatcher, 7, 2.4), up);
    let down = ["a_1/B=1 a_1/C=1 a_2/A=1 b_1/C=1", "a_1/C=1 b_1/C=1"];
    assert_eq!(steps(&mut dispatcher, 2, 3.0), down);
}

#[test]
fn workers_that_come_and_go_share_all_users_anew() {
    let mut dispatcher = Dispatcher::new(workers("a_1 a_2 b_1"), &classes("A:2 B:1"));
    let up = ["a_1/A=1 a_2/A=1 b_1/B=1", "a_1/A=2 a_2/A=2 b_1/B=2"];
    assert_eq!(steps(&mut dispatcher, 6, 3.0), up);

    dispatcher.remove_worker("a_1");
    assert_eq!(
        steps(&mut dispatcher, 6, 3.0),
        ["a_2/A=2 a_2/B=1 b_1/A=2 b_1/B=1"]
    );

    dispatcher.add_worker("z_1".to_owned());
    dispatcher.start(9, 2.0, None).unwrap();
    let first = dispatcher.step().unwrap();
    assert_eq!(shown(&first.users), "a_2/A=2 b_1/B=2 z_1/A=2");
    assert_eq!(first.pause, Some(Duration::ZERO));
}

#[test]
fn pauses_are_users_a_step_over_the_rate() {
    let pauses = |target: u32, rate: f64| {
        let mut dispatcher = local("A:1");
        dispatcher.start(target, rate, None).unwrap();
        std::iter::from_fn(|| dispatcher.step())
            .map(|step| step.pause)
            .collect::<Vec<_>>()
    };
    let seconds = |seconds: f64| Some(Duration::from_secs_f64(seconds));
    assert_eq!(pauses(4, 2.4), [seconds(2.0 / 2.4), None]);
    assert_eq!(pauses(3, 0.5), [seconds(2.0), seconds(2.0), None]);
    assert_eq!(pauses(50, 100.0), [None]);
    assert_eq!(pauses(0, 1.0), [None]);
}

#[test]
fn a_rate_that_leads_nowhere_is_refused() {
    let mut dispatcher = local("A:1");
    assert_eq!(dispatcher.start(1, 0.0, None), Err(Error::SpawnRate(0.0)));
    assert!(dispatcher.start(1, f64::NAN, None).is_err());
    assert!(dispatcher.start(1, f64::INFINITY, None).is_err());
    assert!(!dispatcher.in_progress());
    assert_eq!(dispatcher.step(), None);
}

fn total(users: &Distribution) -> u32 {
    users.values().flat_map(|users| users.values()).sum()
}

proptest! {
    #[test]
    fn every_target_is_reached_in_steps_of_the_rate_and_ramping_up_shares_evenly(
        weights in vec(1_u32..20, 1..6),
        nodes in 1_usize..6,
        targets in vec((0_u32..200, 0.3_f64..60.0), 1..5),
    ) {
        let classes: Vec<_> = weights
            .iter()
            .enumerate()
            .map(|(i, &weight)| Class {
                name: format!("Class{i}"),
                weight: weight.into(),
                fixed_count: 0,
            })
            .collect();
        let nodes = (0..nodes).map(|i| format!("host_{i}"));
        let mut dispatcher = Dispatcher::new(nodes, &classes);
        let mut before = 0_u32;
        let mut came_down = false;
        for (target, rate) in targets {
            dispatcher.start(target, rate, None).unwrap();
            // Turns go on after a ramp-down, so from then on workers may differ, as in Locust.
            came_down |= target < before;
            let mut last = None;
            while let Some(step) = dispatcher.step() {
                let now = total(&step.users);
                prop_assert!(f64::from(now.abs_diff(before)) <= rate.max(1.0));
                prop_assert_eq!(now == target, step.pause.is_none());
                before = now;
                last = Some(step.users);
            }
            let last = last.expect("there is always a step");
            let on_worker = last.values().map(|users| users.values().sum::<u32>());
            let (least, most) = (on_worker.clone().min().unwrap(), on_worker.max().unwrap());
            prop_assert!(came_down || most - least <= 1, "{last:?}");
        }
    }

    #[test]
    fn classes_come_in_proportion_to_their_weights(
        weights in vec(1_u32..20, 1..6),
        target in 1_u32..500,
    ) {
        let spec = weights.iter().enumerate().map(|(i, weight)| format!("Class{i}:{weight}"));
        let mut dispatcher = local(&spec.collect::<Vec<_>>().join(" "));
        dispatcher.start(target, f64::from(target), None).unwrap();
        let users = dispatcher.step().unwrap().users;
        let sum: u32 = weights.iter().sum();
        for (i, &weight) in weights.iter().enumerate() {
            let share = f64::from(target) * f64::from(weight) / f64::from(sum);
            let count = f64::from(users["local"][&format!("Class{i}")]);
            prop_assert!((count - share).abs() < 2.0, "{count} instead of {share}");
        }
    }
}
