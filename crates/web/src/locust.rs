//! The routes that Locust's clients call, with the bytes they expect.
//!
//! Names, types and roundings are Locust's, and so are its oddities: a number is an integer while
//! nothing was counted and a float afterwards. `/stop` and `/stats/reset` answer to GET as they
//! did until Locust 2.46 and to POST as they do since.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use katydid_core::locust::View;
use katydid_core::snapshot::Snapshot;
use katydid_core::units::Nanos;
use serde_json::{Map, Value, json};

use crate::about::About;
use crate::csv;
use crate::flask;
use crate::form::Fields;
use crate::script::Answer;
use crate::site::Shared;

/// How many entries, and how many errors, Locust lists at most.
const LISTED: usize = 500;

/// Starts a run or changes the number of users; says in the body whether that worked.
pub(crate) async fn swarm(State(shared): State<Arc<Shared>>, fields: Fields) -> Response {
    reply(&shared.call("swarm", fields.into()).await)
}

/// Stops the run and answers once it has stopped.
pub(crate) async fn stop(State(shared): State<Arc<Shared>>) -> Response {
    reply(&shared.call("stop", json!({})).await)
}

/// Sets all statistics to zero.
pub(crate) async fn reset(State(shared): State<Arc<Shared>>) -> Response {
    let answer = shared.call("reset_stats", json!({})).await;
    if answer.status >= 400 {
        return reply(&answer);
    }
    Html("ok").into_response()
}

/// How often each task is chosen.
pub(crate) async fn tasks(State(shared): State<Arc<Shared>>) -> Response {
    reply(&shared.call("tasks", json!({})).await)
}

/// What was logged; nothing where nobody keeps it.
pub(crate) async fn logs(State(shared): State<Arc<Shared>>) -> Response {
    let answer = shared.call("logs", json!({})).await;
    if answer.status >= 400 {
        return flask::reply(StatusCode::OK, &json!({ "master": [], "workers": {} }));
    }
    reply(&answer)
}

/// How many workers there are: none in a run without workers.
pub(crate) async fn worker_count() -> Response {
    flask::reply(StatusCode::OK, &json!({ "worker_count": 0 }))
}

/// The statistics and the state of the run.
pub(crate) async fn requests(State(shared): State<Arc<Shared>>) -> Response {
    let body = statistics(&shared.snapshot(), &shared.about.read());
    (
        [(CACHE_CONTROL, "no-store")],
        flask::reply(StatusCode::OK, &body),
    )
        .into_response()
}

/// Exceptions that scripts did not catch.
pub(crate) async fn exceptions(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.snapshot();
    let exceptions = snapshot.exceptions.iter().map(|exception| {
        json!({
            "count": exception.count,
            "msg": exception.msg,
            "traceback": exception.traceback,
            "nodes": csv::list(&exception.nodes),
        })
    });
    let body = json!({ "exceptions": exceptions.collect::<Vec<_>>() });
    flask::reply(StatusCode::OK, &body)
}

/// The statistics for a spreadsheet.
pub(crate) async fn requests_csv(State(shared): State<Arc<Shared>>) -> Response {
    let (snapshot, about) = (shared.snapshot(), shared.about.read());
    let text = csv::requests(&snapshot, &about.percentiles_to_report);
    download("requests", text, &snapshot, &about)
}

/// The errors for a spreadsheet.
pub(crate) async fn failures_csv(State(shared): State<Arc<Shared>>) -> Response {
    let (snapshot, about) = (shared.snapshot(), shared.about.read());
    download("failures", csv::failures(&snapshot), &snapshot, &about)
}

/// The exceptions for a spreadsheet.
pub(crate) async fn exceptions_csv(State(shared): State<Arc<Shared>>) -> Response {
    let (snapshot, about) = (shared.snapshot(), shared.about.read());
    download("exceptions", csv::exceptions(&snapshot), &snapshot, &about)
}

fn reply(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    flask::reply(status, &answer.body)
}

fn download(kind: &str, text: String, snapshot: &Snapshot, about: &About) -> Response {
    let name = csv::file_name(kind, snapshot, about);
    let disposition = HeaderValue::from_str(&format!("attachment;filename={name}"))
        .expect("a file name is made of visible ASCII");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/csv")),
        (CONTENT_DISPOSITION, disposition),
    ];
    (headers, text).into_response()
}

fn statistics(snapshot: &Snapshot, about: &About) -> Value {
    let stats = &snapshot.stats;
    let total = stats.view(stats.total());
    let entry = |method: &str, name: &str, view| {
        entry(method, name, view, total, &about.percentiles_to_statistics)
    };
    let mut entries: Vec<_> = csv::by_name(snapshot)
        .into_iter()
        .take(LISTED)
        .map(|(name, view)| entry(&name.method, &name.name, view))
        .collect();
    entries.push(entry("", "Aggregated", total));
    let current = about.percentiles_to_chart.iter();
    let current = current.map(|&part| (percentile_key(part), snapshot.current_percentile(part)));
    json!({
        "stats": entries,
        "errors": errors(snapshot),
        "current_rps": current_rate(total.current_rps(), total),
        "current_fail_per_sec": current_rate(total.current_fail_per_sec(), total),
        "total_rps": total.total_rps(),
        "total_fail_per_sec": total.total_fail_per_sec(),
        "fail_ratio": total.fail_ratio(),
        "current_response_time_percentiles":
            current.map(|(key, time)| (key, json!(time))).collect::<Map<_, _>>(),
        "state": snapshot.run.state.as_str(),
        "user_count": snapshot.run.users,
    })
}

fn entry(method: &str, name: &str, view: View, total: View, percentiles: &[f64]) -> Value {
    let counted = view.entry();
    let mut fields = json!({
        "method": method,
        "name": name,
        "num_requests": counted.requests,
        "num_failures": counted.failures,
        "min_response_time": counted.min_time.map_or(json!(0), |min| json!(whole(min))),
        "max_response_time": whole(counted.max_time),
        "current_rps": current_rate(view.current_rps(), total),
        "current_fail_per_sec": current_rate(view.current_fail_per_sec(), total),
        "avg_response_time": view.avg_response_time(),
        "median_response_time": median(view),
        "total_rps": view.total_rps(),
        "total_fail_per_sec": view.total_fail_per_sec(),
        "avg_content_length": or_zero(counted.requests > 0, view.avg_content_length()),
    });
    for &part in percentiles {
        fields[percentile_key(part)] = json!(view.percentile(part));
    }
    fields
}

fn errors(snapshot: &Snapshot) -> Vec<Value> {
    let errors = snapshot.stats.errors().take(LISTED).map(|(error, count)| {
        let error = snapshot.registry.error_name(error);
        let name = snapshot.registry.name(error.key);
        json!({
            "method": &*name.method,
            "name": &*name.name,
            "error": &*error.text,
            "occurrences": count.occurrences,
            "first_seen": count.first_seen.as_secs_f64(),
            "last_seen": count.last_seen.as_secs_f64(),
        })
    });
    errors.collect()
}

fn percentile_key(part: f64) -> String {
    format!("response_time_percentile_{}", flask::float(part))
}

/// A time in whole milliseconds, half a millisecond rounded up; a float, as in Locust.
fn whole(time: Nanos) -> f64 {
    time.as_millis_f64().round()
}

/// The median: an integer where it is a rounded time, a float where it is an exact one.
pub(crate) fn median(view: View) -> Value {
    let (median, rounded) = (view.median_response_time(), view.percentile(0.5));
    let is_rounded = median.total_cmp(&(rounded as f64)).is_eq();
    or_integer(!is_rounded, median, rounded)
}

/// A rate of the last seconds, an integer until the first request.
fn current_rate(rate: f64, total: View) -> Value {
    or_zero(total.entry().last.is_some(), rate)
}

/// A float, or the integer zero where there is none.
pub(crate) fn or_zero(exists: bool, number: f64) -> Value {
    or_integer(exists, number, 0)
}

fn or_integer(is_float: bool, float: f64, integer: u64) -> Value {
    if is_float {
        json!(float)
    } else {
        json!(integer)
    }
}
