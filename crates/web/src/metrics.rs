//! The run as metrics, for Prometheus and whatever reads its formats.
//!
//! They are its text format 0.0.4, `OpenMetrics` 1.0, and its protobuf messages, which are the only
//! ones that carry native histograms; whoever asks says which. Everything is made from one snapshot
//! when it is asked for; nothing is computed while nobody looks.

mod protobuf;
mod text;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use katydid_core::metrics::{self, Data, Metric, Point, Unit};
use katydid_core::snapshot::Snapshot;

use crate::about::Answers;
use crate::gate;
use crate::site::Shared;

/// Upper ends of the classic buckets in microseconds, and as the text formats write them in seconds.
const BUCKETS: [(u64, &str); 16] = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_500_000, "2.5"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
    (30_000_000, "30.0"),
    (60_000_000, "60.0"),
    (120_000_000, "120.0"),
];

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    OpenMetrics,
    Protobuf,
}

/// Answers with the metrics; a script that has some of its own at this path answers itself.
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let accepts = request.headers().get_all(ACCEPT).iter();
    let accepts: Vec<_> = accepts.filter_map(|value| value.to_str().ok()).collect();
    let format = Format::wanted(&accepts.join(","));
    if shared.about.read().pages.answers != Answers::Nothing {
        let theirs = gate::unknown(State(Arc::clone(&shared)), request).await;
        if theirs.status() != StatusCode::NOT_FOUND {
            return theirs;
        }
    }
    let version = shared.about.read().version.clone();
    let metrics = all(&shared.snapshot(), &version);
    let body = match format {
        Format::Text => text::write(&metrics, false).into_bytes(),
        Format::OpenMetrics => text::write(&metrics, true).into_bytes(),
        Format::Protobuf => protobuf::write(&metrics),
    };
    let head = [(CONTENT_TYPE, format.kind()), (CACHE_CONTROL, "no-store")];
    (head, body).into_response()
}

/// What this version is, and the run.
fn all(snapshot: &Snapshot, version: &str) -> Vec<Metric> {
    let build = Metric {
        name: "katydid.build_info",
        help: "Which Katydid this is.",
        unit: Unit::None,
        data: Data::Gauge(vec![Point {
            labels: vec![("version", version.into())],
            value: 1.0,
        }]),
    };
    let mut all = vec![build];
    all.extend(metrics::of(snapshot));
    all
}

impl Format {
    /// What a client would have most of all, by its `Accept` (RFC 9110, 12.5.1); text, if it does not say.
    fn wanted(accept: &str) -> Self {
        let mut wanted = (Self::Text, 0.0);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
            let parameter = |name: &str| {
                let mut named = parameters.iter();
                let found = named.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim().trim_matches('"'))
            };
            let format = match kind.as_str() {
                "application/openmetrics-text" => Self::OpenMetrics,
                "application/vnd.google.protobuf"
                    if parameter("proto") == Some("io.prometheus.client.MetricFamily")
                        && parameter("encoding") == Some("delimited") =>
                {
                    Self::Protobuf
                }
                "text/plain" | "text/*" | "*/*" => Self::Text,
                _ => continue,
            };
            let weight = parameter("q").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if weight > wanted.1 {
                wanted = (format, weight);
            }
        }
        wanted.0
    }

    /// The media type.
    const fn kind(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_client_says_which_format_it_gets() {
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        // As Prometheus 2.42 asks with native histograms, without them, and as Prometheus 3 does.
        for (accept, format) in [
            (
                format!("{protobuf},application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1"),
                Format::Protobuf,
            ),
            (
                "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1".into(),
                Format::OpenMetrics,
            ),
            (
                format!(
                    "application/openmetrics-text;version=1.0.0;q=0.5,{protobuf};q=0.4,text/plain;q=0.3"
                ),
                Format::OpenMetrics,
            ),
            ("*/*".into(), Format::Text),
            (String::new(), Format::Text),
            ("text/html,*/*;q=0.8".into(), Format::Text),
            // Messages in another shape are not what we have.
            (protobuf.replace("delimited", "text"), Format::Text),
            (format!("{protobuf};q=0"), Format::Text),
            ("image/png".into(), Format::Text),
        ] {
            assert_eq!(Format::wanted(&accept), format, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn any_wish_is_answered(accept in "[ -~]{0,80}") {
            let _ = Format::wanted(&accept);
        }
    }
}
