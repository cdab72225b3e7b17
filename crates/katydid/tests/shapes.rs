//! Load shapes that ask for iterations at a rate, in tests that are run whole.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use katydid::prelude::*;

/// What is wanted in each second, until the first that has nothing.
struct Seconds(fn(u64) -> Option<Load>);

impl Shape for Seconds {
    fn tick(&mut self, time: Duration) -> Option<Load> {
        self.0(time.as_secs())
    }
}

/// Runs a test of this shape: its exit code, and how many iterations there were.
fn run(shape: Seconds) -> (i32, u64) {
    let counted = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&counted);
    let words = ["test", "--headless", "--no-store", "--only-summary"].map(str::to_owned);
    let code = katydid::run_with(&words, move || {
        let once = async move |_: &mut HttpUser| {
            counts.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let user = User::new("Counter").task(1, once);
        Test::new().user(user).shape(shape)
    });
    (code, counted.load(Ordering::Relaxed))
}

#[test]
fn a_shape_changes_the_rate_and_ends_the_test() {
    let (code, counted) = run(Seconds(|second| match second {
        0..2 => Some(Load::rate(40.0)),
        2..4 => Some(Load::rate(80.0).most_users(20)),
        _ => None,
    }));
    assert_eq!(code, 0);
    // A shape is asked about once a second.
    assert!((200..=280).contains(&counted), "{counted}");
}

#[test]
fn users_that_are_still_starting_are_not_started_again() {
    let counted = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&counted);
    let words = ["test", "--headless", "--no-store", "--only-summary"].map(str::to_owned);
    let code = katydid::run_with(&words, move || {
        let slow = async move |u: &mut HttpUser| {
            counts.fetch_add(1, Ordering::Relaxed);
            u.sleep(500.millis()).await;
            Ok(())
        };
        let user = User::new("Slow")
            .on_start(slow)
            .task(1, async |_: &mut HttpUser| Ok(()));
        Test::new()
            .user(user)
            .shape(Seconds(|second| (second < 2).then(|| Load::rate(100.0))))
    });
    assert_eq!(code, 0);
    // As many as there are arrivals until the first is ready; and not as many again for each of them.
    let counted = counted.load(Ordering::Relaxed);
    assert!((20..=200).contains(&counted), "{counted}");
}

#[test]
fn a_shape_cannot_go_on_with_a_rate_after_users() {
    let (code, _) = run(Seconds(|second| match second {
        0 => Some(Load::users(1)),
        _ => Some(Load::rate(10.0).poisson()),
    }));
    assert_eq!(code, 1);
}

#[test]
fn a_spawn_rate_is_above_zero_where_users_are_to_come() {
    let (code, _) = run(Seconds(|_| Some(Load::users(2).spawn_rate(0.0))));
    assert_eq!(code, 1);
    // Where nobody is to come it does not matter.
    let (code, _) = run(Seconds(|second| match second {
        0 => Some(Load::users(2)),
        1 => Some(Load::users(2).spawn_rate(0.0)),
        _ => None,
    }));
    assert_eq!(code, 0);
}

#[test]
fn a_rate_that_is_none_and_a_shape_that_panics_end_the_test() {
    assert_eq!(run(Seconds(|_| Some(Load::rate(-1.0)))).0, 1);
    assert_eq!(run(Seconds(|_| panic!("a fault of the script's"))).0, 1);
}
