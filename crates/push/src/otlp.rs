//! OTLP metrics: protobuf messages, cumulative, with exponential histograms made from ours.

use katydid_core::calendar::run_id;
use katydid_core::exponential::{BUCKETS, Exponential};
use katydid_core::histogram::Histogram;
use katydid_core::metrics::{self, Data, Labels};
use katydid_core::snapshot::Snapshot;
use katydid_core::units::{Micros, Nanos};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data as Kind;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

const INSTANCE: &str = "service.instance.id";

/// What the run is described by, and since when is counted.
#[derive(Debug)]
pub(crate) struct Teller {
    resource: Vec<(String, String)>,
    /// Which run is counted, and since when.
    counted: Option<(Option<u64>, Nanos)>,
}

/// The times of a point.
#[derive(Clone, Copy)]
struct Span {
    start: u64,
    now: u64,
}

impl Teller {
    pub(crate) fn new(resource: Vec<(String, String)>) -> Self {
        Self {
            resource,
            counted: None,
        }
    }

    /// A report.
    pub(crate) fn write(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let span = Span {
            start: self.start(snapshot).as_nanos(),
            now: Nanos::from_millis(snapshot.at_ms).as_nanos(),
        };
        if !self.resource.iter().any(|(key, _)| key == INSTANCE) {
            // Which process it is: two that send at a time must not be taken for one.
            let instance = format!("{}-{}", std::process::id(), snapshot.at_ms);
            self.resource.push((INSTANCE.into(), instance));
        }
        let mut attributes: Vec<_> = self
            .resource
            .iter()
            .map(|(key, value)| attribute(key, value))
            .collect();
        if let Some(started_ms) = snapshot.run.started_ms {
            attributes.push(attribute("katydid.run", &run_id(started_ms)));
        }
        let metrics = metrics::of(snapshot).into_iter();
        let metrics = metrics.filter_map(|metric| encode(metric, span));
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(Resource {
                    attributes,
                    ..Resource::default()
                }),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(InstrumentationScope {
                        name: "katydid".into(),
                        version: env!("CARGO_PKG_VERSION").into(),
                        ..InstrumentationScope::default()
                    }),
                    metrics: metrics.collect(),
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        request.encode_to_vec()
    }

    /// Since when is counted: since the run began, or since the statistics were set to zero.
    fn start(&mut self, snapshot: &Snapshot) -> Nanos {
        let run = snapshot.run.started_ms;
        let counted = snapshot.stats.total().start;
        let began = counted.or(run.map(Nanos::from_millis));
        let began = began.unwrap_or(Nanos::from_millis(snapshot.at_ms));
        let start = match self.counted {
            // A sample from before the reset may have moved it back; it never moves back for others.
            Some((known, start)) if known == run && began <= start => start,
            _ => began,
        };
        self.counted = Some((run, start));
        start
    }
}

/// What is wrong with an answer to a report, by what the collector says in it.
pub(crate) fn complaint(is_protobuf: bool, body: &[u8]) -> Option<String> {
    if !is_protobuf {
        return None;
    }
    let Ok(answer) = ExportMetricsServiceResponse::decode(body) else {
        return Some("its answer is not OTLP's".into());
    };
    let partial = answer.partial_success?;
    (partial.rejected_data_points > 0).then(|| {
        format!(
            "it rejects {} points: {}",
            partial.rejected_data_points, partial.error_message
        )
    })
}

fn encode(metric: metrics::Metric, span: Span) -> Option<Metric> {
    let temporality = AggregationTemporality::Cumulative.into();
    let (data, is_empty) = match metric.data {
        Data::Gauge(points) => {
            let points: Vec<_> = points
                .iter()
                .map(|point| {
                    let value = number_data_point::Value::AsDouble(point.value);
                    // A gauge is of no time but now.
                    number(&point.labels, value, Span { start: 0, ..span })
                })
                .collect();
            let is_empty = points.is_empty();
            (
                Kind::Gauge(Gauge {
                    data_points: points,
                }),
                is_empty,
            )
        }
        Data::Counter(points) => {
            let points: Vec<_> = points
                .iter()
                .map(|point| {
                    let value = i64::try_from(point.value).unwrap_or(i64::MAX);
                    let value = number_data_point::Value::AsInt(value);
                    number(&point.labels, value, span)
                })
                .collect();
            let is_empty = points.is_empty();
            let sum = Sum {
                data_points: points,
                aggregation_temporality: temporality,
                is_monotonic: true,
            };
            (Kind::Sum(sum), is_empty)
        }
        Data::Histogram(points) => {
            let points: Vec<_> = points
                .iter()
                .map(|point| histogram(&point.labels, &point.value, span))
                .collect();
            let is_empty = points.is_empty();
            let histogram = ExponentialHistogram {
                data_points: points,
                aggregation_temporality: temporality,
            };
            (Kind::ExponentialHistogram(histogram), is_empty)
        }
    };
    (!is_empty).then(|| Metric {
        name: metric.name.into(),
        description: metric.help.into(),
        unit: metric.unit.code().into(),
        data: Some(data),
        ..Metric::default()
    })
}

fn number(labels: &Labels, value: number_data_point::Value, span: Span) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: span.start,
        time_unix_nano: span.now,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn histogram(labels: &Labels, times: &Histogram, span: Span) -> ExponentialHistogramDataPoint {
    let exponential = Exponential::of(times, BUCKETS);
    let seconds = |time: Micros| time.as_micros() as f64 / 1e6;
    ExponentialHistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: span.start,
        time_unix_nano: span.now,
        count: times.count(),
        sum: Some(seconds(times.sum())),
        scale: exponential.scale,
        zero_count: exponential.zero,
        positive: Some(Buckets {
            offset: exponential.first,
            bucket_counts: exponential.counts,
        }),
        min: times.min().map(seconds),
        max: times.max().map(seconds),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    labels
        .iter()
        .map(|(name, value)| attribute(name, value))
        .collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.into())),
        }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_that_takes_all_is_no_complaint() {
        assert_eq!(complaint(true, b""), None);
        assert_eq!(complaint(false, b"{}"), None);
        assert!(complaint(true, b"<html>").is_some());
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_harm(body in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = complaint(true, &body);
        }
    }
}
