//! Statistics add up the same in any order, and to what was recorded.

use katydid_core::per_second::{KEPT, PerSecond};
use katydid_core::recorder::Recorder;
use katydid_core::registry::{ErrorId, KeyId, Registry};
use katydid_core::sample::{Sample, Times};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use proptest::collection::vec;
use proptest::prelude::*;

/// A few names, and one error of each.
fn names() -> Vec<(KeyId, ErrorId)> {
    let registry = Registry::new();
    let name = |i| registry.key("GET", &format!("/{i}"));
    (0..5)
        .map(name)
        .map(|key| (key, registry.error(key, "broken")))
        .collect()
}

fn times() -> impl Strategy<Value = Times> {
    let time = || (0_u64..20_000_000_000).prop_map(Nanos::from_nanos);
    (time(), time(), proptest::option::of(time())).prop_map(|(lateness, service, first_byte)| {
        Times {
            lateness,
            service,
            first_byte,
        }
    })
}

fn sample() -> impl Strategy<Value = Sample> {
    let what = (
        0_usize..5,
        any::<bool>(),
        proptest::option::of(times()),
        any::<bool>(),
    );
    // Within a minute, so that some seconds are older than what is kept.
    let sizes = (0_u64..5_000, 0_u64..500, 0_u64..60_000);
    (what, sizes).prop_map(
        |((name, fails, times, counts_request), (bytes_in, bytes_out, at))| {
            let (key, error) = names()[name];
            Sample {
                key,
                error: (fails || !counts_request).then_some(error),
                times,
                bytes_in,
                bytes_out,
                at: Nanos::from_millis(1_700_000_000_000 + at),
                counts_request,
            }
        },
    )
}

fn recorded(samples: &[Sample]) -> Stats {
    let mut recorder = Recorder::new();
    for sample in samples {
        recorder.record(sample);
    }
    recorder.take()
}

fn merged<'a>(parts: impl IntoIterator<Item = &'a Stats>) -> Stats {
    let mut all = Stats::default();
    for part in parts {
        all.merge(part);
    }
    all
}

proptest! {
    #[test]
    fn merging_in_any_order_equals_recording_everything(
        parts in vec(vec(sample(), 0..20), 1..5),
        split in 0_usize..5,
    ) {
        let everything = merged([&recorded(&parts.concat())]);
        let stats: Vec<_> = parts.iter().map(|samples| recorded(samples)).collect();
        prop_assert_eq!(&merged(&stats), &everything);
        prop_assert_eq!(&merged(stats.iter().rev()), &everything);
        let (left, right) = stats.split_at(split.min(stats.len()));
        prop_assert_eq!(&merged(&[merged(right), merged(left)]), &everything);
    }

    #[test]
    fn the_total_is_the_sum_of_the_entries(samples in vec(sample(), 1..60)) {
        let stats = recorded(&samples);
        let total = stats.total();
        let entries = || stats.entries().map(|(_, entry)| entry);
        let requests = samples.iter().filter(|sample| sample.counts_request).count() as u64;
        let failures = samples.iter().filter(|sample| sample.error.is_some()).count() as u64;
        prop_assert_eq!((total.requests, total.failures), (requests, failures));
        prop_assert_eq!(entries().map(|entry| entry.requests).sum::<u64>(), requests);
        prop_assert_eq!(entries().map(|entry| entry.failures).sum::<u64>(), failures);
        prop_assert_eq!(stats.errors().map(|(_, error)| error.occurrences).sum::<u64>(), failures);
        let timed = total.requests - total.none_requests;
        prop_assert_eq!(total.buckets.count(), timed);
        prop_assert_eq!(total.histograms.service().count(), timed);
        prop_assert_eq!(total.histograms.response().count(), timed);
        prop_assert_eq!(total.histograms.lateness.count(), timed);
    }

    #[test]
    fn milliseconds_come_back_as_they_were_given(nanos in 0_u64..1 << 50) {
        let given = nanos as f64 / 1e6;
        prop_assert_eq!(Nanos::from_millis_f64(given).as_millis_f64().to_bits(), given.to_bits());
    }

    #[test]
    fn the_last_seconds_are_kept_whatever_order_they_come_in(
        adds in vec((0_u64..100, 1_u32..5), 1..50),
    ) {
        let mut ours = PerSecond::default();
        for &(second, times) in &adds {
            ours.add(second, times);
        }
        let newest = adds.iter().map(|add| add.0).max().expect("at least one");
        for second in 0..100 {
            let count: u32 = adds.iter().filter(|add| add.0 == second).map(|add| add.1).sum();
            let kept = second <= newest && second + KEPT > newest;
            prop_assert_eq!(ours.get(second), if kept { count } else { 0 });
        }
    }
}

fn one(key: KeyId, error: Option<ErrorId>) -> Sample {
    Sample {
        key,
        error,
        times: Some(Times {
            service: Nanos::from_millis(7),
            ..Times::default()
        }),
        bytes_in: 3,
        bytes_out: 2,
        at: Nanos::from_secs(1_000),
        counts_request: true,
    }
}

#[test]
fn taking_starts_the_recorder_again() {
    let mut recorder = Recorder::new();
    recorder.record(&one(KeyId::OTHER, None));
    assert!(!recorder.is_empty());
    assert_eq!(recorder.take().total().requests, 1);
    assert!(recorder.is_empty());
    assert!(recorder.take().is_empty());
}

#[test]
fn resetting_keeps_the_names_and_clearing_does_not() {
    let (key, error) = names()[2];
    let mut stats = recorded(&[one(key, Some(error))]);
    let now = Nanos::from_secs(2_000);
    stats.reset_all(now);
    let entry = stats.entry(key).expect("the name is kept");
    assert_eq!(
        (entry.requests, entry.start, entry.last),
        (0, Some(now), None)
    );
    assert_eq!(stats.errors().count(), 0);
    stats.clear_all(now);
    assert_eq!(stats.entries().count(), 0);
    assert_eq!(stats.total().start, Some(now));
}

#[test]
fn a_snapshot_does_not_change_when_more_is_merged() {
    let delta = recorded(&[one(KeyId::OTHER, None)]);
    let mut stats = merged([&delta]);
    let shown = stats.clone();
    stats.merge(&delta);
    assert_eq!(shown.total().requests, 1);
    assert_eq!(stats.total().requests, 2);
}
