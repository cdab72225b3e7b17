//! Locust's numbers, compared with what Locust 2.47.0 answered for the same requests.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

use katydid_core::locust::{Buckets, Recent, View};
use katydid_core::recorder::Recorder;
use katydid_core::registry::KeyId;
use katydid_core::sample::{Sample, Times};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;

const START: Nanos = Nanos::from_secs(1_700_000_000);

fn sample(at_ms: u64, time_ms: Option<f64>) -> Sample {
    Sample {
        key: KeyId::OTHER,
        error: None,
        times: time_ms.map(|ms| Times {
            service: Nanos::from_millis_f64(ms),
            ..Times::default()
        }),
        bytes_in: 10,
        bytes_out: 0,
        at: after(at_ms),
        counts_request: true,
    }
}

fn after(ms: u64) -> Nanos {
    START.saturating_add(Nanos::from_millis(ms))
}

fn stats(times: &[f64], without_time: usize) -> Stats {
    let mut recorder = Recorder::new();
    let nones = std::iter::repeat_n(None, without_time);
    for time in times.iter().copied().map(Some).chain(nones) {
        recorder.record(&sample(0, time));
    }
    recorder.take()
}

fn bucket(ms: f64) -> u64 {
    let mut buckets = Buckets::default();
    buckets.record(Nanos::from_millis_f64(ms));
    buckets.iter().next().unwrap().0
}

#[test]
fn response_times_are_rounded_as_python_rounds() {
    let table = [
        (0.4, 0),
        (0.5, 0),
        (1.5, 2),
        (2.5, 2),
        (99.4, 99),
        (99.5, 100),
        (99.6, 100),
        (100.0, 100),
        (104.0, 100),
        (104.999_999, 100),
        (105.0, 100),
        (105.000_001, 110),
        (115.0, 120),
        (147.0, 150),
        (994.999_999, 990),
        (995.0, 1000),
        (999.9, 1000),
        (1049.9, 1000),
        (1050.0, 1000),
        (1150.0, 1200),
        (3432.0, 3400),
        (9_949.999_999, 9900),
        (9950.0, 10_000),
        (10_000.0, 10_000),
        (10_499.999_999, 10_000),
        (10_500.0, 10_000),
        (11_500.0, 12_000),
        (58_760.0, 59_000),
        (3_600_500.0, 3_600_000),
        (86_399_500.0, 86_400_000),
    ];
    for (ms, expected) in table {
        assert_eq!(bucket(ms), expected, "{ms} ms");
    }
}

/// Times in ms, requests without one; percentiles, median and mean.
type Case<'a> = (&'a [f64], usize, [u64; 9], f64, f64);

#[test]
fn percentiles_median_and_mean_are_locusts() {
    const PARTS: [f64; 9] = [0.0, 0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.99, 1.0];
    let thousand: Vec<f64> = (1..=1000).map(f64::from).collect();
    let mixed = [12_345.678, 99.5, 100.4, 104.6, 9_949.9, 9_950.1];
    let mixed_parts = [
        100, 9900, 9900, 10_000, 10_000, 12_000, 12_000, 12_000, 12_000,
    ];
    let cases: [Case<'_>; 7] = [
        (
            &[1.0, 2.0, 3.0, 4.0],
            0,
            [1, 3, 3, 4, 4, 4, 4, 4, 4],
            3.0,
            2.5,
        ),
        (
            &[1.0, 2.0, 3.0, 4.0],
            40,
            [1, 3, 3, 4, 4, 4, 4, 4, 4],
            3.0,
            2.5,
        ),
        (&[1.6, 1.7], 0, [2; 9], 1.7, 1.65),
        (&[], 3, [0; 9], 0.0, 0.0),
        (&[149.9, 151.0], 0, [150; 9], 150.0, 150.45),
        (
            &thousand,
            7,
            [1, 500, 660, 750, 800, 900, 950, 990, 1000],
            500.0,
            500.5,
        ),
        (&mixed, 2, mixed_parts, 9900.0, 5_425.029_666_666_666),
    ];
    for (times, without_time, percentiles, median, mean) in cases {
        let stats = stats(times, without_time);
        let view = stats.view(stats.total());
        assert_eq!(PARTS.map(|part| view.percentile(part)), percentiles);
        assert_eq!(view.median_response_time().to_bits(), f64::to_bits(median));
        assert!((view.avg_response_time() - mean).abs() < 1e-9);
    }
}

#[test]
fn failures_without_requests_are_a_ratio_of_one() {
    let mut recorder = Recorder::new();
    let ratio = |stats: &Stats| View::new(stats.total(), stats.total()).fail_ratio();
    assert!(ratio(&recorder.take()) < f64::EPSILON);
    let error = Some(katydid_core::registry::ErrorId::OTHER);
    recorder.record(&Sample {
        error,
        counts_request: false,
        ..sample(0, None)
    });
    let alone = recorder.take();
    assert!((ratio(&alone) - 1.0).abs() < f64::EPSILON);
    assert_eq!((alone.total().requests, alone.total().last), (0, None));
}

/// Counts requests, given by completion and time in ms, and looks at each full second.
fn watch<T>(requests: &[(u64, Option<f64>)], look: impl Fn(&Stats, &Recent, Nanos) -> T) -> Vec<T> {
    let mut stats = Stats::starting(after(250));
    let mut recent = Recent::default();
    let mut recorder = Recorder::new();
    let mut requests = requests.iter().peekable();
    let seconds = (1..=40).map(|second| {
        while let Some(&(at, time)) = requests.next_if(|(at, _)| *at < second * 1000) {
            recent.keep(stats.total(), after(at));
            recorder.record(&sample(at, time));
            stats.merge(&recorder.take());
        }
        look(&stats, &recent, after(second * 1000))
    });
    seconds.collect()
}

#[test]
fn current_percentiles_after_a_pause_are_locusts() {
    let requests = [
        (500, Some(10.0)),
        (1500, Some(20.0)),
        (1700, None),
        (2500, Some(30.0)),
        (2600, None),
        (2700, None),
        (2800, None),
        (3500, None),
        (20_500, Some(40.0)),
        (20_600, None),
        (21_200, Some(50.0)),
    ];
    let medians = watch(&requests, |stats, recent, now| {
        recent.percentile(stats.total(), now, 0.5)
    });
    let mut expected = vec![None, Some(20)];
    expected.extend([Some(30); 9]);
    expected.extend([Some(0); 9]);
    expected.push(Some(40));
    expected.extend([Some(50); 17]);
    expected.extend([None; 2]);
    assert_eq!(medians, expected);
}

#[test]
fn current_percentiles_and_rates_second_by_second_are_locusts() {
    let requests: Vec<_> = include_str!("seconds/requests.txt")
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(at, time)| (at.parse().unwrap(), Some(time.parse().unwrap())))
        .collect();
    let seen = watch(&requests, |stats, recent, now| {
        let part = |part| match recent.percentile(stats.total(), now, part) {
            Some(time) => time.to_string(),
            None => "-".to_owned(),
        };
        let view = stats.view(stats.total());
        let (current, total) = (view.current_rps(), view.total_rps());
        format!("{} {} {current:.4} {total:.4}", part(0.5), part(0.95))
    });
    let expected: Vec<_> = include_str!("seconds/expected.txt").lines().collect();
    assert_eq!(seen, expected);
}
