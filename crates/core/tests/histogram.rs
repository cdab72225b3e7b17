//! Our histogram against `HdrHistogram`'s, and the laws of merging.

#![expect(clippy::unwrap_used, reason = "in a test it is the assertion")]

use hdrhistogram::Histogram as Hdr;
use katydid_core::histogram::{HIGHEST, Histogram};
use katydid_core::units::Micros;
use proptest::collection::vec;
use proptest::prelude::*;

const HOUR: u64 = HIGHEST.as_micros();
const QUANTILES: [f64; 12] = [
    0.0, 1e-9, 0.1, 0.5, 0.66, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0, 2.0,
];

fn reference() -> Hdr<u64> {
    Hdr::new_with_bounds(1, HOUR, 3).unwrap()
}

fn histogram(times: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    for &time in times {
        histogram.record(Micros::from_micros(time));
    }
    histogram
}

fn bins(histogram: &Histogram) -> Vec<(u64, u64)> {
    histogram
        .bins()
        .map(|bin| (bin.upper.as_micros(), bin.count))
        .collect()
}

/// Times of every size, spread over the doublings and not over the hour.
fn time() -> impl Strategy<Value = u64> {
    (0_u32..33, any::<u64>()).prop_map(|(bits, any)| any & ((1 << bits) - 1))
}

fn merged<'a>(parts: impl IntoIterator<Item = &'a Histogram>) -> Histogram {
    let mut all = Histogram::default();
    for part in parts {
        all.merge(part);
    }
    all
}

proptest! {
    #[test]
    fn bins_and_quantiles_are_those_of_hdr_histogram(times in vec(time(), 1..300)) {
        let ours = histogram(&times);
        let mut theirs = reference();
        for &time in &times {
            theirs.record(time.min(HOUR)).unwrap();
        }
        let recorded = theirs.iter_recorded();
        let expected: Vec<_> = recorded
            .map(|bin| (theirs.highest_equivalent(bin.value_iterated_to()), bin.count_at_value()))
            .collect();
        prop_assert_eq!(bins(&ours), expected);
        for quantile in QUANTILES {
            let expected = theirs.value_at_quantile(quantile);
            prop_assert_eq!(ours.value_at_quantile(quantile).as_micros(), expected, "{}", quantile);
        }
        let together = ours.values_at(QUANTILES);
        prop_assert_eq!(together, QUANTILES.map(|quantile| ours.value_at_quantile(quantile)));
    }

    #[test]
    fn what_came_since_is_what_was_recorded_since(before in vec(time(), 0..200), after in vec(time(), 0..200)) {
        let (then, news) = (histogram(&before), histogram(&after));
        let now = merged([&then, &news]);
        let since = now.since(&then).unwrap();
        prop_assert_eq!(bins(&since), bins(&news));
        prop_assert_eq!((since.count(), since.sum()), (news.count(), news.sum()));
        prop_assert_eq!(since.values_at(QUANTILES), news.values_at(QUANTILES));
        if !after.is_empty() {
            prop_assert_eq!(then.since(&now), None);
        }
    }

    #[test]
    fn count_min_max_and_mean_are_exact(times in vec(0..=HOUR, 1..300)) {
        let ours = histogram(&times);
        prop_assert_eq!(ours.count(), times.len() as u64);
        prop_assert_eq!(ours.min().map(Micros::as_micros), times.iter().min().copied());
        prop_assert_eq!(ours.max().map(Micros::as_micros), times.iter().max().copied());
        let mean = times.iter().sum::<u64>() as f64 / times.len() as f64;
        prop_assert_eq!(ours.mean(), Some(mean));
    }

    #[test]
    fn merging_in_any_order_equals_recording_everything(
        parts in vec(vec(time(), 0..50), 1..6),
        rotation in 0_usize..6,
    ) {
        let histograms: Vec<_> = parts.iter().map(|times| histogram(times)).collect();
        let everything = histogram(&parts.concat());
        prop_assert_eq!(&merged(&histograms), &everything);
        let mut turned = histograms.clone();
        turned.rotate_left(rotation % parts.len());
        turned.reverse();
        prop_assert_eq!(&merged(&turned), &everything);
        let (left, right) = histograms.split_at(rotation.min(parts.len()));
        prop_assert_eq!(&merged(&[merged(left), merged(right)]), &everything);
    }

    #[test]
    fn counts_are_exact_beyond_any_width(
        entries in vec((0..5_000_u64, 1..200_000_u64), 1..20),
        doublings in 0_u32..40,
    ) {
        let mut ours = Histogram::default();
        let mut expected = std::collections::BTreeMap::<u64, u64>::new();
        let reference = reference();
        for &(time, times) in &entries {
            ours.record_n(Micros::from_micros(time), times);
            *expected.entry(reference.highest_equivalent(time)).or_default() += times;
        }
        for _ in 0..doublings {
            let again = ours.clone();
            ours.merge(&again);
        }
        let expected: Vec<_> = expected.into_iter().map(|(bin, n)| (bin, n << doublings)).collect();
        prop_assert_eq!(bins(&ours), expected);
        prop_assert_eq!(ours.count(), ours.bins().map(|bin| bin.count).sum::<u64>());
    }
}

#[test]
fn nothing_recorded_has_no_bins_and_quantile_zero() {
    let empty = Histogram::default();
    assert_eq!(bins(&empty), []);
    assert_eq!(empty.value_at_quantile(0.5), Micros::ZERO);
    assert_eq!((empty.min(), empty.max(), empty.mean()), (None, None, None));
    assert!(std::mem::size_of::<Histogram>() < 1024);
}

#[test]
fn longer_times_count_as_an_hour() {
    let ours = histogram(&[HOUR + 1, u64::MAX, HOUR]);
    assert_eq!(ours.max(), Some(HIGHEST));
    assert_eq!(ours.bins().map(|bin| bin.count).collect::<Vec<_>>(), [3]);
}

proptest! {
    #[test]
    fn a_histogram_comes_back_from_its_bytes(times in vec((time(), 1_u64..1_000_000), 0..200)) {
        let mut histogram = Histogram::default();
        for (time, count) in times {
            histogram.record_n(Micros::from_micros(time), count);
        }
        let bytes = histogram.to_bytes();
        prop_assert_eq!(Histogram::from_bytes(&bytes).unwrap(), histogram);
        for length in 0..bytes.len() {
            prop_assert!(Histogram::from_bytes(&bytes[..length]).is_err(), "cut at {}", length);
        }
    }

    #[test]
    fn any_bytes_are_a_histogram_or_an_error(bytes in vec(any::<u8>(), 0..60)) {
        if let Ok(histogram) = Histogram::from_bytes(&bytes) {
            prop_assert_eq!(Histogram::from_bytes(&histogram.to_bytes()).unwrap(), histogram);
        }
    }
}

#[test]
fn the_spectrum_reaches_as_far_as_there_are_times() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.spectrum(), []);
    for time in 1..=1000 {
        histogram.record(Micros::from_micros(time));
    }
    let points = histogram.spectrum();
    let parts: Vec<_> = points.iter().map(|point| point.0).collect();
    assert!(parts.is_sorted());
    assert!(parts.contains(&0.5) && parts.contains(&0.75));
    assert_eq!(points.last(), Some(&(1.0, Micros::from_micros(1000))));
    let before_last = parts[parts.len() - 2];
    assert!((0.998..0.999_5).contains(&before_last), "{before_last}");
    let half = points.iter().find(|point| point.0 >= 0.5).unwrap();
    assert_eq!(half.1, Micros::from_micros(500));
}
