//! A histogram in buckets that grow by a fixed factor, as `OpenTelemetry` and Prometheus exchange them.
//!
//! At scale `s` the factor is `2^(2^-s)`, and bucket `i` counts what is longer than `factor^i` seconds and
//! at most `factor^(i+1)`. Where a bin of ours lies across the end of a bucket, the bin's longest time
//! decides, so the bucket in which a part of all requests is reached is the one that holds the
//! percentile the histogram itself tells. The scale is the finest that needs no more buckets than may
//! be, as the SDKs of `OpenTelemetry` choose it: a percentile read from the middle of a bucket is off by
//! at most `(factor - 1) / (factor + 1)`, 2.2 % where the longest time is nine hundred times the shortest.

use crate::histogram::Histogram;

/// So many buckets are used at most, the default of `OpenTelemetry`'s SDKs.
pub const BUCKETS: usize = 160;
/// The finest scale: 256 buckets for each doubling. Prometheus has none finer, and our own bins are
/// little finer.
const FINEST: i32 = 8;

/// Counts of lengths of time in growing buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exponential {
    /// How fine the buckets are.
    pub scale: i32,
    /// Times that are no time at all.
    pub zero: u64,
    /// The number of the first bucket.
    pub first: i32,
    /// What is in it and those that follow, as far as anything is.
    pub counts: Vec<u64>,
}

impl Exponential {
    /// The times of a histogram in at most so many buckets, which must be two or more.
    pub fn of(histogram: &Histogram, most: usize) -> Self {
        let most = i32::try_from(most).unwrap_or(i32::MAX).max(2);
        let mut zero = 0;
        let mut found = Vec::<(i32, u64)>::new();
        for bin in histogram.bins() {
            match bin.upper.as_micros() {
                0 => zero += bin.count,
                micros => found.push((bucket_of(micros), bin.count)),
            }
        }
        let (Some(&(first, _)), Some(&(last, _))) = (found.first(), found.last()) else {
            return Self {
                scale: FINEST,
                zero,
                ..Self::default()
            };
        };
        let mut coarser = 0;
        while (last >> coarser) - (first >> coarser) >= most {
            coarser += 1;
        }
        let first = first >> coarser;
        let place = |bucket: i32| usize::try_from((bucket >> coarser) - first).unwrap_or(0);
        let mut counts = vec![0; place(last) + 1];
        for (bucket, count) in found {
            counts[place(bucket)] += count;
        }
        Self {
            scale: FINEST - coarser,
            zero,
            first,
            counts,
        }
    }

    /// How many times are counted.
    pub fn count(&self) -> u64 {
        self.zero + self.counts.iter().sum::<u64>()
    }
}

/// The bucket of the finest scale that holds this length.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an hour is in bucket 3024, a microsecond in -5103"
)]
fn bucket_of(micros: u64) -> i32 {
    let seconds = micros as f64 / 1e6;
    (seconds.log2() * f64::from(1 << FINEST)).ceil() as i32 - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Micros;

    fn of(times: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for &time in times {
            histogram.record(Micros::from_micros(time));
        }
        histogram
    }

    /// The ends of a bucket in seconds.
    fn ends(scale: i32, bucket: i32) -> (f64, f64) {
        let end = |bucket: i32| 2_f64.powf(f64::from(bucket) * 2_f64.powi(-scale));
        (end(bucket), end(bucket + 1))
    }

    #[test]
    fn a_power_of_two_is_near_the_end_of_its_bucket() {
        let exponential = Exponential::of(&of(&[500_000]), BUCKETS);
        let (_, end) = ends(exponential.scale, exponential.first);
        // The end of our own bin is in it, too, which is up to a thousandth longer.
        assert!((0.5..0.5 * 1.004).contains(&end), "{end}");
    }

    #[test]
    fn nothing_is_no_bucket() {
        let exponential = Exponential::of(&Histogram::default(), BUCKETS);
        assert_eq!(exponential.count(), 0);
        assert!(exponential.counts.is_empty());
        let zero = Exponential::of(&of(&[0, 0]), BUCKETS);
        assert_eq!((zero.zero, zero.count()), (2, 2));
    }

    #[test]
    fn a_range_of_nine_hundred_is_told_to_two_percent() {
        let times: Vec<u64> = (1..=900).map(|at| at * 1_000).collect();
        assert_eq!(Exponential::of(&of(&times), BUCKETS).scale, 4);
    }

    proptest! {
        #[test]
        fn every_percentile_is_in_the_bucket_where_it_is_reached(
            times in prop::collection::vec(0_u64..=3_600_000_000, 1..300),
            narrow in prop::collection::vec(200_u64..900, 0..300),
            most in 2_usize..200,
        ) {
            let histogram = of(&[times, narrow].concat());
            let exponential = Exponential::of(&histogram, most);
            prop_assert_eq!(exponential.count(), histogram.count());
            prop_assert!(exponential.counts.len() <= most);
            for quantile in [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a part of a count"
                )]
                let rank = (quantile * histogram.count() as f64).ceil() as u64;
                let value = histogram.value_at_quantile(quantile).as_micros() as f64 / 1e6;
                let mut seen = exponential.zero;
                if seen >= rank {
                    prop_assert!(value.abs() < f64::EPSILON);
                    continue;
                }
                let place = exponential.counts.iter().position(|count| {
                    seen += count;
                    seen >= rank
                });
                let bucket = exponential.first + i32::try_from(place.unwrap()).unwrap();
                let (start, end) = ends(exponential.scale, bucket);
                prop_assert!(start * (1.0 - 1e-9) < value && value <= end * (1.0 + 1e-9));
            }
        }
    }
}
