//! Runs that are kept, and what was counted in any stretch of them.

use std::collections::HashMap;
use std::path::{self, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use katydid_core::calendar::rounded;
use katydid_core::compare::{Settings, stretches};
use katydid_core::histogram::Histogram;
use katydid_core::units::Micros;
use katydid_core::window::Count;
use katydid_store::{Run, RunState, Store, StoreError, Summary, Total};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Asked, Refusal};
use crate::kept::Shelf;
use crate::rows::TOTAL;
use crate::site::Shared;

/// The last seconds of a run are written this long after its end at the latest.
const SETTLES_MS: u64 = 15_000;

/// Stands for the run of this process.
pub(crate) const CURRENT: &str = "current";

/// Where runs are kept, and which of them is this process's.
#[derive(Debug, Default)]
pub struct History {
    path: OnceLock<PathBuf>,
    current: Mutex<Option<String>>,
    /// What runs that have ended came to, by their ids: it does not change any more.
    ended: Mutex<HashMap<String, Value>>,
    /// Stretches of runs that pages look at.
    pub(crate) shelf: Shelf,
    flush: Flush,
}

/// Has what is not written yet written now.
#[derive(Default)]
struct Flush(Mutex<Option<Arc<dyn Fn() + Send + Sync>>>);

impl std::fmt::Debug for Flush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Flush")
    }
}

impl History {
    /// Runs are kept in this file from now on.
    pub fn open(&self, path: PathBuf) {
        self.path.set(path).ok();
    }

    /// What is not written yet is written by this; it may wait.
    pub fn flush_with(&self, flush: impl Fn() + Send + Sync + 'static) {
        *self.flush.0.lock() = Some(Arc::new(flush));
    }

    /// Waits until all of a run that has ended is written. Not for one under way, which it would end.
    pub(crate) fn settle(&self) {
        let flush = self.flush.0.lock().clone();
        if let Some(flush) = flush {
            flush();
        }
    }

    /// This process's run is this one.
    pub fn set_current(&self, run: Option<String>) {
        *self.current.lock() = run;
    }

    /// The run that a word of an address stands for: its own id, or `current`.
    pub(crate) fn id_of(&self, word: &str) -> Option<String> {
        match word {
            CURRENT => self.current(),
            id => Some(id.to_owned()),
        }
    }

    pub(crate) fn current(&self) -> Option<String> {
        self.current.lock().clone()
    }

    /// Where runs are kept; none if they are not.
    pub(crate) fn path(&self) -> Option<&path::Path> {
        self.path.get().map(PathBuf::as_path)
    }

    /// What all of a run came to, as a row.
    fn total(&self, store: &Store, run: &Run, now_ms: u64) -> Result<Value, Refusal> {
        if let Some(known) = self.ended.lock().get(&run.id) {
            return Ok(known.clone());
        }
        let failed = |error: StoreError| broken(&error);
        let Total { from, to, count } = store.total(&run.id).map_err(failed)?;
        let length = run.length(from, to);
        let row = json!({ "seconds": rounded(length), "row": row(TOTAL, &count, length) });
        if is_settled(run, now_ms) {
            self.ended.lock().insert(run.id.clone(), row.clone());
        }
        Ok(row)
    }

    pub(crate) fn store(&self) -> Result<Store, Refusal> {
        let path = self.path.get().ok_or_else(|| {
            let message =
                "runs are not kept: the store could not be opened, or --no-store was given";
            Refusal::whole(StatusCode::NOT_FOUND, message)
        })?;
        Store::look(path).map_err(|error| broken(&error))
    }
}

/// A stretch of a run: seconds of the Unix epoch, the last one not included.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Stretch {
    from: u64,
    to: u64,
}

#[derive(Debug, Serialize)]
struct Counted {
    from: u64,
    to: u64,
    names: Vec<(u32, String, String)>,
    total: Row,
    entries: Vec<Row>,
    errors: Vec<Fault>,
    histogram: Vec<(f64, u64, u64)>,
}

/// The numbers of a name in a stretch, in the order of a frame's rows.
pub(crate) type Row = (
    i64,
    u64,
    u64,
    f64,
    f64,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
);

#[derive(Debug, Serialize)]
struct Fault {
    method: String,
    name: String,
    kind: &'static str,
    pattern: String,
    count: u64,
}

/// Whether a run has ended so long ago that its last seconds are written, too.
pub(crate) fn is_settled(run: &Run, now_ms: u64) -> bool {
    run.state != RunState::Running && now_ms.saturating_sub(run.ended_ms) > SETTLES_MS
}

/// How many runs are asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Most {
    limit: Option<usize>,
}

/// The run of the same script that others are compared with.
pub(crate) fn baseline(runs: &[Run], run: &Run) -> Option<String> {
    let script = run.script();
    let found = runs
        .iter()
        .find(|it| it.label.is_baseline && it.script() == script);
    found.map(|it| it.id.clone())
}

/// Answers with all runs that are kept, the newest first.
pub(crate) async fn runs(
    State(shared): State<Arc<Shared>>,
    Asked(Most { limit }): Asked<Most>,
) -> Result<Response, Refusal> {
    let now_ms = shared.snapshot().at_ms;
    let history = Arc::clone(&shared.history);
    ask(move || {
        let current = history.current();
        let store = history.store()?;
        let runs = store.runs(now_ms).map_err(|error| broken(&error))?;
        let told = runs.iter().take(limit.unwrap_or(usize::MAX)).map(|run| {
            let mut listed = listed(run, current.as_deref());
            listed["total"] = history.total(&store, run, now_ms)?;
            listed["baseline"] = json!(baseline(&runs, run));
            Ok(listed)
        });
        let told: Result<Vec<_>, Refusal> = told.collect();
        let limits = store.limits().map_err(|error| broken(&error))?;
        let usage = store.usage().map_err(|error| broken(&error))?;
        let going = store.going(&runs, limits).map_err(|error| broken(&error))?;
        let going: Vec<_> = going.into_iter().map(|run| &run.id).collect();
        let retention = json!({
            "runs": limits.runs,
            "bytes": limits.bytes,
            "used": usage.used,
            "going": going,
        });
        Ok(json!({ "runs": told?, "retention": retention }))
    })
    .await
}

/// Forgets a run, or keeps it however many there are; not the one under way.
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Path((run, change)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let now_ms = shared.snapshot().at_ms;
    let history = Arc::clone(&shared.history);
    ask(move || {
        let unknown = || Refusal::whole(StatusCode::NOT_FOUND, "no run of this name is kept");
        // Whether runs are kept at all is found out without making a file for them.
        let known = history.store()?.run(Some(&run), now_ms);
        let known = known.map_err(|error| broken(&error))?.ok_or_else(unknown)?;
        let path = history.path.get().ok_or_else(unknown)?;
        let mut store = Store::open(path).map_err(|error| broken(&error))?;
        let done = match change.as_str() {
            "delete" if known.state == RunState::Running => {
                let message = "a run that is under way cannot be deleted";
                return Err(Refusal::whole(StatusCode::CONFLICT, message));
            }
            "delete" => {
                history.ended.lock().remove(&run);
                store.delete_run(&run)
            }
            "pin" => store.pin(&run, true),
            "unpin" => store.pin(&run, false),
            _ => {
                return Err(Refusal::whole(
                    StatusCode::NOT_FOUND,
                    "there is nothing at this address",
                ));
            }
        };
        done.map_err(|error| broken(&error))?;
        // Whoever records next goes on with it.
        while store.tidy().map_err(|error| broken(&error))? {}
        Ok(json!({ "ok": true }))
    })
    .await
}

/// The runs that are to be compared.
#[derive(Debug, Deserialize)]
pub(crate) struct Pair {
    before: String,
    after: String,
}

/// Answers with how two runs differ.
pub(crate) async fn compare(
    State(shared): State<Arc<Shared>>,
    Asked(Pair { before, after }): Asked<Pair>,
) -> Result<Response, Refusal> {
    let now_ms = shared.snapshot().at_ms;
    let history = Arc::clone(&shared.history);
    ask(move || {
        let store = history.store()?;
        let cut = |id: &str| {
            let unknown = || Refusal::whole(StatusCode::NOT_FOUND, format!("no run {id} is kept"));
            let failed = |error: StoreError| broken(&error);
            let run = store
                .run(Some(id), now_ms)
                .map_err(failed)?
                .ok_or_else(unknown)?;
            let (from, to) = store.span(id).map_err(failed)?.unwrap_or_default();
            let cut = store
                .stretches(&run, from, to, stretches(to - from))
                .map_err(failed)?;
            Ok::<_, Refusal>((run, cut))
        };
        let (first, one) = cut(&before)?;
        let (second, other) = cut(&after)?;
        let found = katydid_core::compare::compare(&one, &other, Settings::default());
        Ok(json!({
            "before": listed(&first, None),
            "after": listed(&second, None),
            "verdict": found.verdict,
            "warnings": first.unlike(&second),
            "total": found.total,
            "entries": found.rows,
        }))
    })
    .await
}

/// Answers with what was counted in a stretch of a run.
pub(crate) async fn window(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
    Asked(stretch): Asked<Stretch>,
) -> Result<Response, Refusal> {
    if stretch.to <= stretch.from {
        let message = "to must be after from, both in seconds of the Unix epoch";
        return Err(Refusal::whole(StatusCode::BAD_REQUEST, message));
    }
    let history = Arc::clone(&shared.history);
    ask(move || {
        let unknown = || Refusal::whole(StatusCode::NOT_FOUND, "no run of this name is kept");
        let id = history.id_of(&run).ok_or_else(unknown)?;
        let store = history.store()?;
        let found = store.run(Some(&id), 0).map_err(|error| broken(&error))?;
        let found = found.ok_or_else(unknown)?;
        let Stretch { from, to } = stretch;
        let summary = store.summary(&id, from, to);
        let length = found.length(from, to);
        Ok(json!(counted(
            summary.map_err(|error| broken(&error))?,
            length
        )))
    })
    .await
}

/// Reads the store on a thread that may wait.
pub(crate) async fn ask(
    read: impl FnOnce() -> Result<Value, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let answer = tokio::task::spawn_blocking(read).await;
    let failed = |_| {
        Refusal::whole(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the store could not be read",
        )
    };
    let body = answer.map_err(failed)??;
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

pub(crate) fn broken(error: &StoreError) -> Refusal {
    Refusal::whole(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

pub(crate) fn listed(run: &Run, current: Option<&str>) -> Value {
    let about: Value = serde_json::from_str(&run.about).unwrap_or_default();
    json!({
        "id": run.id,
        "started": run.started_ms,
        "ended": run.ended_ms,
        "state": match run.state {
            RunState::Running => "running",
            RunState::Finished => "finished",
            RunState::Interrupted => "interrupted",
        },
        "is_current": current == Some(&run.id),
        "result": run.result(),
        "is_pinned": run.is_pinned,
        "title": Some(&run.label.title).filter(|title| !title.is_empty()),
        "notes": run.label.notes,
        "tags": run.label.tags,
        "baseline": null,
        "about": about,
    })
}

fn counted(summary: Summary, length: Duration) -> Counted {
    let total = &summary.total;
    let rows = summary.rows.iter();
    Counted {
        from: summary.from,
        to: summary.to,
        entries: rows
            .clone()
            .map(|(name, count)| row(name.id.into(), count, length))
            .collect(),
        names: rows
            .map(|(name, _)| (name.id, name.method.clone(), name.name.clone()))
            .collect(),
        histogram: crate::endpoint::bars(&total.ok, &total.failed),
        total: row(TOTAL, total, length),
        errors: summary.faults.into_iter().map(Fault::from).collect(),
    }
}

impl From<katydid_store::Fault> for Fault {
    fn from(fault: katydid_store::Fault) -> Self {
        Self {
            method: fault.method,
            name: fault.name,
            kind: fault.kind,
            pattern: fault.pattern,
            count: fault.count,
        }
    }
}

pub(crate) fn row(id: i64, count: &Count, length: Duration) -> Row {
    let times = count.times();
    let rate = |number: u64| number as f64 / length.as_secs_f64();
    // A bin reaches beyond the longest time in it; a percentile must not.
    let longest = times.max();
    let at = |part| Some(times.value_at_quantile(part).min(longest?).as_millis_f64());
    let size = count.bytes_in as f64 / count.requests as f64;
    let mean = Histogram::mean(&times).map(|micros| micros / 1e3);
    (
        id,
        count.requests,
        count.failures,
        rate(count.requests),
        rate(count.failures),
        at(0.5),
        at(0.95),
        at(0.99),
        mean,
        times.min().map(Micros::as_millis_f64),
        times.max().map(Micros::as_millis_f64),
        (count.requests > 0).then_some(size),
    )
}
