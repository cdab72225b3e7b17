//! Everything about one name, for those who look closer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use katydid_core::heat::{self, Heat};
use katydid_core::histogram::Histogram;
use katydid_core::registry::KeyId;
use katydid_core::snapshot::Snapshot;
use katydid_core::stats::Entry;
use katydid_core::track::{self, Track};
use katydid_core::trip::PHASES;
use katydid_core::units::{Micros, Nanos};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Asked, Refusal};
use crate::rows::TOTAL;
use crate::site::Shared;

/// Points of the percentile spectrum for each halving of the distance to 100 %.
const TICKS: u32 = 5;

/// One name, or all of them together.
#[derive(Debug, Serialize)]
struct Endpoint {
    id: i64,
    method: Arc<str>,
    name: Arc<str>,
    requests: u64,
    failures: u64,
    bytes_in: u64,
    bytes_out: u64,
    last: Option<u64>,
    statuses: Vec<(u16, u64)>,
    phases: Vec<Phase>,
    percentiles: Vec<(f64, f64)>,
    histogram: Vec<(f64, u64, u64)>,
    series: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Phase {
    name: &'static str,
    count: u64,
    sum_ms: f64,
    max_ms: f64,
}

/// Answers with everything about the name of this number.
pub(crate) async fn endpoint(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let snapshot = shared.snapshot();
    let found = id.parse().ok().and_then(|id| find(&snapshot, id));
    let endpoint = found.ok_or_else(|| {
        Refusal::whole(
            StatusCode::NOT_FOUND,
            "no request was counted under this number",
        )
    })?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(endpoint)).into_response())
}

/// Which part of a course is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Since {
    /// The first second that is wanted.
    #[serde(default)]
    pub(crate) since: u64,
}

/// Answers with how many requests took how long in each step of the run.
pub(crate) async fn heat(
    State(shared): State<Arc<Shared>>,
    Asked(Since { since }): Asked<Since>,
) -> Response {
    let Heat { step, points } = shared.snapshot().tracks.heat.since(since);
    let columns = points.into_iter().map(|column| (column.t, column.cells));
    let body = json!({
        "step": step,
        "bars_per_doubling": heat::BARS,
        "columns": columns.collect::<Vec<_>>(),
    });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn find(snapshot: &Snapshot, id: i64) -> Option<Endpoint> {
    if id == TOTAL {
        let total = snapshot.stats.total();
        return Some(Endpoint::new(id, None, total, snapshot));
    }
    let index = usize::try_from(id).ok()?;
    let (key, entry) = snapshot
        .stats
        .entries()
        .find(|(key, _)| key.index() == index)?;
    Some(Endpoint::new(id, Some(key), entry, snapshot))
}

impl Endpoint {
    fn new(id: i64, key: Option<KeyId>, entry: &Entry, snapshot: &Snapshot) -> Self {
        let name = key.map(|key| snapshot.registry.name(key));
        let (method, name) = name.map_or_else(
            || ("".into(), "Aggregated".into()),
            |name| (name.method, name.name),
        );
        let phases = PHASES.iter().zip(entry.trips.phases());
        let service = entry.histograms.service();
        Self {
            id,
            method,
            name,
            requests: entry.requests,
            failures: entry.failures,
            bytes_in: entry.bytes_in,
            bytes_out: entry.bytes_out,
            last: entry.last.map(Nanos::as_millis),
            statuses: entry.trips.statuses().to_vec(),
            phases: phases
                .map(|(&name, phase)| Phase {
                    name,
                    count: phase.count,
                    sum_ms: phase.sum.as_millis_f64(),
                    max_ms: phase.max.as_millis_f64(),
                })
                .collect(),
            percentiles: spectrum(&service, entry.max_time.to_micros()),
            histogram: bars(
                &entry.histograms.service_ok,
                &entry.histograms.service_failed,
            ),
            series: snapshot.tracks.get(key).map(|track| series(&track)),
        }
    }
}

/// Parts of all requests and the milliseconds they stayed within, up to all of them: as many for
/// each halving of what is left, as far as there are requests to tell them apart.
pub(crate) fn spectrum(service: &Histogram, longest: Micros) -> Vec<(f64, f64)> {
    if service.is_empty() {
        return Vec::new();
    }
    let count = service.count() as f64;
    let mut points = Vec::new();
    for halving in 0.. {
        let left = 0.5_f64.powi(halving);
        if left * count < 1.0 {
            break;
        }
        for tick in 0..TICKS {
            let part = 1.0 - left * (1.0 - f64::from(tick) / f64::from(TICKS) / 2.0);
            let time = service.value_at_quantile(part).min(longest);
            points.push((part, time.as_millis_f64()));
        }
    }
    points.push((1.0, longest.as_millis_f64()));
    points
}

/// How many requests took how long, in steps that grow with the time.
pub(crate) fn bars(ok: &Histogram, failed: &Histogram) -> Vec<(f64, u64, u64)> {
    let mut bars = std::collections::BTreeMap::<i32, (u64, u64)>::new();
    for bin in ok.bins() {
        bars.entry(heat::bar(bin.upper)).or_default().0 += bin.count;
    }
    for bin in failed.bins() {
        bars.entry(heat::bar(bin.upper)).or_default().1 += bin.count;
    }
    let ends = bars
        .into_iter()
        .map(|(bar, (ok, failed))| (heat::upper_ms(bar), ok, failed));
    ends.collect()
}

fn series(track: &Track) -> Value {
    let points = track.points.iter().map(|point| {
        let track::Point {
            t,
            ok,
            failed,
            times,
            bytes_in,
            bytes_out,
            statuses,
            phases,
        } = point;
        let [p50, p95, p99] = match times {
            Some(times) => times.map(|time| Some(time.as_millis_f64())),
            None => [None; 3],
        };
        let phases = phases.map(Micros::as_millis_f64);
        json!([
            t, ok, failed, p50, p95, p99, bytes_in, bytes_out, statuses, phases
        ])
    });
    json!({ "step": track.step, "points": points.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(micros: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for time in micros {
            histogram.record(Micros::from_micros(time));
        }
        histogram
    }

    #[test]
    fn the_spectrum_reaches_as_far_as_there_are_requests() {
        let points = spectrum(&histogram(1..=1000), Micros::from_micros(1000));
        let parts: Vec<_> = points.iter().map(|point| point.0).collect();
        assert!(parts.is_sorted());
        assert!(parts.contains(&0.5) && parts.contains(&0.75));
        assert_eq!(points.last(), Some(&(1.0, 1.0)));
        let before_last = parts[parts.len() - 2];
        assert!((0.998..0.999_5).contains(&before_last), "{before_last}");
        let half = points.iter().find(|point| point.0 >= 0.5).unwrap();
        assert!((half.1 - 0.5).abs() < 0.001, "{half:?}");
        assert_eq!(spectrum(&Histogram::default(), Micros::ZERO), []);
    }

    #[test]
    fn bars_hold_all_requests_below_their_upper_ends() {
        let bars = bars(&histogram([1, 900, 1000, 1024]), &histogram([30_000_000]));
        assert_eq!(bars[0], (0.001, 1, 0));
        assert_eq!(bars.iter().map(|bar| bar.1).sum::<u64>(), 4);
        assert_eq!(bars.last().map(|bar| (bar.1, bar.2)), Some((0, 1)));
        assert!(bars.last().unwrap().0 >= 30_000.0);
        assert!(bars.is_sorted_by(|one, other| one.0 < other.0));
    }
}
