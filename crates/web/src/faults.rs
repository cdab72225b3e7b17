//! The errors of a run, those together that differ only in numbers, ids, addresses and quoted parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use katydid_core::fault::Example;
use katydid_core::fingerprint::KINDS;
use katydid_core::redact;
use katydid_core::registry::FingerprintId;
use katydid_core::snapshot::Snapshot;
use katydid_core::steps::Steps;
use serde::Serialize;
use serde_json::json;

use crate::site::Shared;

/// How many messages of one fingerprint are told.
const TEXTS: usize = 20;

#[derive(Debug, Serialize)]
struct Faults {
    t: u64,
    errors: Vec<Fault>,
    others: u64,
}

/// Errors with one fingerprint.
#[derive(Debug, Serialize)]
struct Fault {
    id: usize,
    method: Arc<str>,
    name: Arc<str>,
    kind: &'static str,
    pattern: Arc<str>,
    /// The most frequent messages, and how often each occurred.
    texts: Vec<(String, u64)>,
    variants: usize,
    count: u64,
    first_seen: u64,
    last_seen: u64,
    workers: BTreeMap<String, u64>,
    samples: Vec<Sample>,
}

/// One failed request.
#[derive(Debug, Serialize)]
pub(crate) struct Sample {
    t: u64,
    worker: String,
    method: String,
    url: String,
    status: Option<u16>,
    error: String,
    duration_ms: f64,
    request_headers: Vec<(String, String)>,
    response_headers: Vec<(String, String)>,
    body: String,
    body_bytes: u64,
}

/// What is known of one fingerprint while errors are gone through.
#[derive(Default)]
struct Group {
    count: u64,
    first_seen: u64,
    last_seen: u64,
    texts: Vec<(u64, Arc<str>)>,
}

/// Answers with how many requests failed in which way over the time of the run.
pub(crate) async fn over_time(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.snapshot();
    let Steps { step, points } = snapshot.tracks.failures.all();
    let points = points.iter().map(|point| json!([point.t, point.counts]));
    let body = json!({
        "kinds": KINDS,
        "step": step,
        "until": snapshot.series.last().map(|point| point.t),
        "points": points.collect::<Vec<_>>(),
    });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Answers with all errors, the most frequent first.
pub(crate) async fn errors(State(shared): State<Arc<Shared>>) -> Response {
    let faults = faults(&shared.snapshot());
    ([(CACHE_CONTROL, "no-store")], Json(faults)).into_response()
}

fn faults(snapshot: &Snapshot) -> Faults {
    let registry = &snapshot.registry;
    let mut groups = BTreeMap::<FingerprintId, Group>::new();
    for (error, seen) in snapshot.stats.errors() {
        let group = groups.entry(registry.fingerprint_of(error)).or_default();
        let (first, last) = (seen.first_seen.as_millis(), seen.last_seen.as_millis());
        if group.texts.is_empty() || first < group.first_seen {
            group.first_seen = first;
        }
        group.last_seen = group.last_seen.max(last);
        group.count += seen.occurrences;
        let text = registry.error_name(error).text;
        group.texts.push((seen.occurrences, text));
    }
    let others = groups.remove(&FingerprintId::OTHER);
    let errors = groups.into_iter().map(|(id, mut group)| {
        let fingerprint = registry.fingerprint(id);
        let name = registry.name(fingerprint.key);
        group
            .texts
            .sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let most = group.texts.iter().take(TEXTS);
        Fault {
            id: id.index(),
            method: name.method,
            name: name.name,
            kind: fingerprint.kind,
            pattern: fingerprint.pattern,
            texts: most
                .map(|(count, text)| (redact::text(text), *count))
                .collect(),
            variants: group.texts.len(),
            count: group.count,
            first_seen: group.first_seen,
            last_seen: group.last_seen,
            workers: registry.faults().workers(id),
            samples: registry
                .faults()
                .examples(id)
                .iter()
                .map(|example| Sample::from(&**example))
                .collect(),
        }
    });
    let mut errors: Vec<_> = errors.collect();
    errors.sort_by_key(|fault| (std::cmp::Reverse(fault.count), fault.id));
    Faults {
        t: snapshot.at_ms,
        errors,
        others: others.map_or(0, |group| group.count),
    }
}

impl From<&Example> for Sample {
    fn from(example: &Example) -> Self {
        Self {
            t: example.at_ms,
            worker: example.worker.clone(),
            method: example.method.clone(),
            url: example.url.clone(),
            status: example.status,
            error: example.error.clone(),
            duration_ms: example.duration.as_millis_f64(),
            request_headers: example.request_headers.clone(),
            response_headers: example.response_headers.clone(),
            body: example.body.clone(),
            body_bytes: example.body_bytes,
        }
    }
}
