//! Prometheus' protobuf messages: what its text cannot carry is native histograms.
//!
//! Field numbers are those of `io/prometheus/client/metrics.proto` in `prometheus/client_model`. A histogram has
//! its classic buckets, too; who reads it takes those it wants.

use katydid_core::exponential::{BUCKETS as MOST, Exponential};
use katydid_core::histogram::Histogram;
use katydid_core::metrics::{Data, Labels, Metric};
use katydid_core::units::Micros;
use prost::Message;

use super::BUCKETS;

/// Times up to this are no time at all; the value of Prometheus' own libraries, 2^-128.
const ZERO: f64 = 2.938_735_877_055_719e-39;
/// So many empty buckets in a row cost less than a new span.
const GAP: usize = 2;

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    /// A [`Kind`].
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Series>,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter = 0,
    Gauge = 1,
    Histogram = 4,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Buckets>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// `Gauge` and `Counter`, which begin alike.
#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(double, tag = "1")]
    value: f64,
}

#[derive(Clone, PartialEq, Message)]
struct Buckets {
    #[prost(uint64, tag = "1")]
    sample_count: u64,
    #[prost(double, tag = "2")]
    sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
    #[prost(sint32, tag = "5")]
    schema: i32,
    #[prost(double, tag = "6")]
    zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    zero_count: u64,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, tag = "1")]
    cumulative_count: u64,
    #[prost(double, tag = "2")]
    upper_bound: f64,
}

/// Buckets in a row.
#[derive(Clone, PartialEq, Eq, Message)]
struct BucketSpan {
    /// The first one's number, or how many empty ones are between it and the last one of the span before.
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// The metrics as messages, each after its length.
pub(super) fn write(metrics: &[Metric]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for metric in metrics {
        let family = family(metric);
        let written = family.encode_length_delimited(&mut bytes);
        written.expect("a vector takes everything");
    }
    bytes
}

fn family(metric: &Metric) -> MetricFamily {
    let mut name = metric.prometheus_name();
    let (kind, series) = match &metric.data {
        Data::Gauge(points) => {
            let series = points.iter().map(|point| Series {
                gauge: Some(Number { value: point.value }),
                ..Series::of(&point.labels)
            });
            (Kind::Gauge, series.collect())
        }
        Data::Counter(points) => {
            name.push_str("_total");
            let series = points.iter().map(|point| {
                let value = point.value as f64;
                Series {
                    counter: Some(Number { value }),
                    ..Series::of(&point.labels)
                }
            });
            (Kind::Counter, series.collect())
        }
        Data::Histogram(points) => {
            let series = points.iter().map(|point| Series {
                histogram: Some(Buckets::of(&point.value)),
                ..Series::of(&point.labels)
            });
            (Kind::Histogram, series.collect())
        }
    };
    MetricFamily {
        name,
        help: metric.help.to_owned(),
        kind: kind as i32,
        metric: series,
    }
}

impl Series {
    fn of(labels: &Labels) -> Self {
        let label = labels.iter().map(|(name, value)| LabelPair {
            name: (*name).to_owned(),
            value: value.to_string(),
        });
        Self {
            label: label.collect(),
            ..Self::default()
        }
    }
}

impl Buckets {
    fn of(times: &Histogram) -> Self {
        let classic = BUCKETS.iter().map(|&(end, _)| Bucket {
            cumulative_count: times.count_up_to(Micros::from_micros(end)),
            upper_bound: end as f64 / 1e6,
        });
        let exponential = Exponential::of(times, MOST);
        let (positive_span, positive_delta) = spans(&exponential);
        Self {
            sample_count: times.count(),
            sample_sum: times.sum().as_micros() as f64 / 1e6,
            bucket: classic.collect(),
            schema: exponential.scale,
            zero_threshold: ZERO,
            zero_count: exponential.zero,
            positive_span,
            positive_delta,
        }
    }
}

/// The buckets that are not empty, and each one's count less that of the one before.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "fewer than 2^31 buckets, and counts that are less than 2^63"
)]
fn spans(exponential: &Exponential) -> (Vec<BucketSpan>, Vec<i64>) {
    let mut spans = Vec::<BucketSpan>::new();
    let mut deltas = Vec::new();
    let mut before = 0;
    let mut empty = 0;
    for &count in &exponential.counts {
        if count == 0 {
            empty += 1;
            continue;
        }
        match spans.last_mut() {
            Some(span) if empty <= GAP => {
                span.length += empty as u32 + 1;
                for _ in 0..empty {
                    deltas.push(-std::mem::take(&mut before));
                }
            }
            // Where OpenTelemetry numbers a bucket by its start, Prometheus does by its end.
            last => {
                let offset = last.map_or(exponential.first + 1, |_| empty as i32);
                spans.push(BucketSpan { offset, length: 1 });
            }
        }
        let count = count as i64;
        deltas.push(count - before);
        before = count;
        empty = 0;
    }
    if spans.is_empty() {
        // Without one nobody could see that this histogram is a native one, too.
        spans.push(BucketSpan::default());
    }
    (spans, deltas)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn spans_lead_back_to_the_buckets(
            first in -5_000_i32..3_000,
            middle in prop::collection::vec(prop_oneof![Just(0_u64), 0_u64..1_000], 0..40),
        ) {
            // Neither the first nor the last one is ever empty.
            let counts: Vec<u64> = [vec![7], middle, vec![9]].concat();
            let (spans, deltas) = spans(&Exponential { scale: 3, zero: 0, first, counts: counts.clone() });
            let mut deltas = deltas.into_iter();
            let (mut number, mut count) = (0, 0);
            let mut found = Vec::new();
            for span in spans {
                number += span.offset;
                for _ in 0..span.length {
                    count += deltas.next().unwrap();
                    found.push((number - 1, u64::try_from(count).unwrap()));
                    number += 1;
                }
            }
            prop_assert_eq!(deltas.next(), None);
            let wanted: Vec<_> = (first..).zip(counts).filter(|(_, count)| *count > 0).collect();
            found.retain(|(_, count)| *count > 0);
            prop_assert_eq!(found, wanted);
        }
    }
}
