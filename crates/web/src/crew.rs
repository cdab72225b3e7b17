//! Who runs the users, and what they have logged.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use katydid_core::crew::Crew;
use katydid_core::log::{self, Lines};
use katydid_core::snapshot::{self, Snapshot, Vitals};
use katydid_core::units::Micros;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::Asked;
use crate::endpoint::Since;
use crate::rows::rounded;
use crate::site::Shared;

/// Lines in one answer.
const LINES: usize = 1_000;

/// A worker, or this process where it runs the users itself.
#[derive(Debug, Serialize)]
struct Worker {
    id: String,
    index: u32,
    host: String,
    state: &'static str,
    users: u32,
    users_by_class: BTreeMap<String, u32>,
    cpu_percent: f64,
    memory_bytes: u64,
    rps: f64,
    heartbeat_age: Option<f64>,
    version: Option<String>,
    precision: &'static str,
    clock_offset_ms: Option<i64>,
    in_flight: Option<u32>,
    oldest_ms: Option<u64>,
    open_files: Option<u64>,
    file_limit: Option<u64>,
}

/// Which lines are asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct After {
    after: Option<u64>,
}

/// Answers with all workers in the order they were first seen in.
pub(crate) async fn workers(State(shared): State<Arc<Shared>>) -> Response {
    let snapshot = shared.snapshot();
    let version = shared.about.read().version.clone();
    let workers: Vec<_> = match &snapshot.workers {
        Some(workers) => workers.iter().map(|it| Worker::of(it, &snapshot)).collect(),
        None => vec![Worker::local(&snapshot, version)],
    };
    let body = json!({ "t": snapshot.at_ms, "workers": workers });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Answers with how those who run the users fared over the time of the run.
pub(crate) async fn over_time(
    State(shared): State<Arc<Shared>>,
    Asked(Since { since }): Asked<Since>,
) -> Response {
    let Crew { ids, steps } = shared.snapshot().tracks.crew.since(since);
    let points = steps.points.iter().map(|moment| {
        let members = moment.members.iter().map(|member| {
            json!([
                member.index,
                member.users,
                rounded(member.requests_per_second, 100.0),
                rounded(member.cpu_percent, 10.0),
                // Before its first heartbeat a worker has not said.
                (member.memory_bytes > 0).then_some(member.memory_bytes),
                member.lateness_p99.map(Micros::as_millis_f64),
            ])
        });
        json!([moment.t, members.collect::<Vec<_>>()])
    });
    let body = json!({ "ids": ids, "step": steps.step, "points": points.collect::<Vec<_>>() });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Answers with lines that were logged, from a number on or the newest ones.
pub(crate) async fn logs(Asked(After { after }): Asked<After>) -> Response {
    let Lines {
        lines,
        next,
        dropped,
    } = log::logs().after(after, LINES);
    let lines = lines.iter().map(|line| {
        json!({
            "seq": line.seq,
            "t": line.at_ms,
            "level": line.level,
            "source": line.source,
            "logger": line.logger,
            "text": line.text,
        })
    });
    let lines: Vec<_> = lines.collect();
    let body = json!({ "lines": lines, "next": next, "dropped": dropped });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

impl Worker {
    fn of(worker: &snapshot::Worker, snapshot: &Snapshot) -> Self {
        // Ids are made of the host's name and something unique.
        let host = worker.id.rsplit_once('_').map_or(&*worker.id, |id| id.0);
        let age = snapshot.at_ms.saturating_sub(worker.heard_ms) as f64 / 1e3;
        let precision = if worker.is_exact {
            "exact"
        } else {
            "two digits"
        };
        Self {
            id: worker.id.clone(),
            index: worker.index,
            host: host.to_owned(),
            state: worker.state.as_str(),
            users: worker.users,
            users_by_class: worker.users_by_class.clone(),
            cpu_percent: rounded(worker.cpu_percent, 10.0),
            memory_bytes: worker.memory_bytes,
            rps: rounded(worker.requests_per_second, 100.0),
            heartbeat_age: Some(age),
            version: worker.version.clone(),
            precision,
            clock_offset_ms: worker.clock_ahead_ms,
            ..Self::with(worker.vitals)
        }
    }

    fn local(snapshot: &Snapshot, version: String) -> Self {
        let run = &snapshot.run;
        let newest = snapshot.series.len().saturating_sub(10);
        let points = snapshot.series.iter_from(newest);
        let made: u64 = points.map(|point| point.ok + point.failed).sum();
        let seconds = snapshot.series.len().min(10) as u64 * snapshot.series.step();
        let rps = if run.state.is_active() && seconds > 0 {
            made as f64 / seconds as f64
        } else {
            0.0
        };
        let vitals = Vitals {
            in_flight: run.in_flight,
            oldest: run.oldest,
            files: run.files,
        };
        Self {
            id: "local".to_owned(),
            index: 0,
            host: "this process".to_owned(),
            state: run.state.as_str(),
            users: run.users,
            users_by_class: run.users_by_class.clone(),
            cpu_percent: rounded(run.cpu_percent, 10.0),
            memory_bytes: run.memory_bytes,
            rps: rounded(rps, 100.0),
            version: Some(version),
            ..Self::with(Some(vitals))
        }
    }

    fn with(vitals: Option<Vitals>) -> Self {
        let files = vitals.and_then(|vitals| vitals.files);
        let oldest = vitals.and_then(|vitals| vitals.oldest);
        Self {
            id: String::new(),
            index: 0,
            host: String::new(),
            state: "",
            users: 0,
            users_by_class: BTreeMap::new(),
            cpu_percent: 0.0,
            memory_bytes: 0,
            rps: 0.0,
            heartbeat_age: None,
            version: None,
            precision: "exact",
            clock_offset_ms: None,
            in_flight: vitals.map(|vitals| vitals.in_flight),
            oldest_ms: oldest.and_then(|age| u64::try_from(age.as_millis()).ok()),
            open_files: files.map(|(open, _)| open),
            file_limit: files.map(|(_, limit)| limit),
        }
    }
}
