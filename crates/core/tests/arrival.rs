//! Schedules of arrivals: exact counts, exact times, Poisson gaps, and what is said of wrong texts.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

use std::time::Duration;

use katydid_core::arrival::{Schedule, Spacing, Stage};
use katydid_core::units::Nanos;
use proptest::prelude::*;

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap()
}

fn due(text: &str) -> Vec<u64> {
    let arrivals = schedule(text).arrivals(1);
    arrivals.map(Nanos::as_nanos).collect()
}

fn refused(text: &str) -> String {
    text.parse::<Schedule>().unwrap_err().to_string()
}

/// How far apart an ordered sample and the exponential distribution of mean one are, times the
/// root of its size; above 1.63 the chance is below one in a hundred.
fn kolmogorov(mut gaps: Vec<f64>) -> f64 {
    gaps.sort_by(f64::total_cmp);
    let size = gaps.len() as f64;
    let apart = gaps.iter().enumerate().map(|(n, gap)| {
        let at = 1.0 - (-gap).exp();
        (at - n as f64 / size).max((n + 1) as f64 / size - at)
    });
    apart.fold(0.0, f64::max) * size.sqrt()
}

#[test]
fn a_constant_rate_is_evenly_spaced_and_begins_at_once() {
    assert_eq!(
        due("4/s for 1s"),
        [0, 250_000_000, 500_000_000, 750_000_000]
    );
    assert_eq!(due("30/m for 4s"), [0, 2_000_000_000]);
    assert_eq!(due("2 for 1"), due("7200/h for 1s"));
}

#[test]
fn a_ramp_follows_its_integral() {
    // 0 to 2 a second over 4 s: the integral is t²/4.
    let times = due("0-2/s over 4s");
    assert_eq!(times[0], 0);
    assert_eq!(times[1], 2_000_000_000);
    assert_eq!(times.len(), 4);
    let down = due("2-0/s over 4s");
    // Mirrored: 4 - (4 - t)²/4.
    assert_eq!(down[3], 2_000_000_000);
}

#[test]
fn nothing_is_due_while_the_rate_is_zero() {
    assert_eq!(
        due("0/s for 10s, 1/s for 2s"),
        [10_000_000_000, 11_000_000_000]
    );
    assert_eq!(
        due("1/s for 1s, 0/s for 5s, 1/s for 1s"),
        [0, 6_000_000_000]
    );
}

#[test]
fn ten_million_arrivals_do_not_drift() {
    let last = schedule("1000/s").arrivals(1).nth(10_000_000).unwrap();
    assert_eq!(last, Nanos::from_secs(10_000));
    let third = schedule("3/s").arrivals(1).nth(3_000_000).unwrap();
    assert_eq!(third, Nanos::from_secs(1_000_000));
    let poisson = schedule("1000/s poisson")
        .arrivals(7)
        .nth(10_000_000)
        .unwrap();
    // Five standard deviations of a sum of ten million gaps.
    assert!(
        (poisson.as_secs_f64() - 10_000.0).abs() < 16.0,
        "{poisson:?}"
    );
}

#[test]
fn poisson_gaps_are_exponential_also_on_a_ramp() {
    for text in [
        "1000/s for 60s poisson",
        "0-2000/s over 60s poisson",
        "1500-500/s over 60s, poisson",
    ] {
        for seed in 0..5 {
            let schedule = schedule(text);
            let passed = schedule
                .arrivals(seed)
                .map(|due| schedule.expected(due.into()));
            let passed = passed.collect::<Vec<_>>();
            let gaps = passed.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let apart = kolmogorov(gaps);
            assert!(apart < 1.63, "{text}, seed {seed}: {apart}");
        }
    }
}

#[test]
fn a_seed_gives_the_same_times_again() {
    let schedule = schedule("100/s for 10s poisson");
    assert!(schedule.arrivals(1).eq(schedule.arrivals(1)));
    assert!(schedule.arrivals(1).ne(schedule.arrivals(2)));
}

#[test]
fn workers_take_each_their_share() {
    let schedule = schedule("100/s for 10s poisson");
    let shares = (0..3).flat_map(|worker| schedule.arrivals(1).skip(worker).step_by(3));
    let mut all = shares.collect::<Vec<_>>();
    all.sort();
    assert!(schedule.arrivals(1).eq(all));
}

#[test]
fn texts_are_read_and_written() {
    for (text, shown) in [
        ("200/s", "200/s"),
        ("200", "200/s"),
        ("30/m", "0.5/s"),
        ("1000/s poisson", "1000/s poisson"),
        ("0-500/s over 1m", "0-500/s over 60s"),
        (
            "0-60/m over 1m30s, 1/s for 2m,2/s",
            "0-1/s over 90s, 1/s for 120s, 2/s",
        ),
    ] {
        let read = schedule(text);
        assert_eq!(read.to_string(), shown);
        assert_eq!(schedule(shown), read);
    }
    assert_eq!(schedule("5/s").spacing(), Spacing::Even);
    assert_eq!(schedule("5/s").length(), None);
    assert_eq!(
        schedule("5/s for 1m, 9/s for 1s").length(),
        Some(Duration::from_secs(61))
    );
    assert!((schedule("0-500/s over 1m").rate(Duration::from_secs(30)) - 250.0).abs() < 1e-9);
}

#[test]
fn wrong_texts_are_refused_in_words() {
    assert!(refused("").starts_with("no rate is given"));
    assert!(refused("poisson").starts_with("'poisson' is no rate"));
    for text in [
        "fast",
        "200/d",
        "-5/s",
        "1e3/s",
        "NaN",
        "5/s quickly",
        "5/s for 1m 2m",
        "1-2-3/s",
        "1..2",
        "9999999999/s",
    ] {
        assert!(refused(text).contains("is no rate"), "{text}");
    }
    for text in [
        "5/s for",
        "5/s for ever",
        "0-5/s over 0s",
        "5/s for 1m1h",
        "5/s for m",
    ] {
        assert!(refused(text).contains("is no length of time"), "{text}");
    }
    assert_eq!(
        refused("0-5/s"),
        "'0-5/s' goes from one rate to another, so it needs to say over which time, as in '0-5/s over 1m'"
    );
    assert_eq!(
        refused("5/s, 6/s"),
        "'5/s' has no end, so no stage can follow it; say how long it lasts, as in '5/s for 5m'"
    );
    assert!(refused("0/s").contains("starts nothing"));
    assert!(Schedule::constant(-1.0).is_err());
    assert!(Schedule::constant(f64::NAN).is_err());
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let rate = || prop_oneof![1 => Just(0.0), 4 => 0.1..500.0];
    let stage =
        (rate(), rate(), any::<bool>(), 1u64..5_000).prop_map(|(from, to, flat, millis)| Stage {
            from,
            to: if flat { from } else { to },
            length: Some(Duration::from_millis(millis)),
        });
    proptest::collection::vec(stage, 1..5)
}

proptest! {
    #[test]
    fn as_many_are_due_in_any_window_as_the_integral_says(stages in stages(), a in 0.0..1.0, b in 0.0..1.0) {
        let Ok(schedule) = Schedule::of(stages) else { return Ok(()) };
        let length = schedule.length().unwrap();
        let (a, b) = if a < b { (a, b) } else { (b, a) };
        let (a, b) = (length.mul_f64(a), length.mul_f64(b));
        let times = schedule.arrivals(0).map(Duration::from).collect::<Vec<_>>();
        prop_assert!(times.is_sorted());
        let counted = times.iter().filter(|&&due| a <= due && due < b).count() as f64;
        let asked = schedule.expected(b) - schedule.expected(a);
        prop_assert!((counted - asked).abs() <= 1.0 + 1e-5, "{} for {}", counted, asked);
    }

    #[test]
    fn each_is_due_where_the_integral_passes_its_number(stages in stages()) {
        let Ok(schedule) = Schedule::of(stages) else { return Ok(()) };
        for (number, due) in schedule.arrivals(0).enumerate() {
            let passed = schedule.expected(due.into());
            prop_assert!((passed - number as f64).abs() < 1e-5, "{} at {:?}", passed, due);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9./smh, poisnverf-]{0,40}") {
        if let Ok(schedule) = text.parse::<Schedule>() {
            prop_assert!(schedule.arrivals(3).take(100).is_sorted());
        }
    }
}
