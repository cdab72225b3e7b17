//! A kept run as the page reads it: the documents of the run under way, made of what the store has,
//! for all of it or any stretch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use katydid_store::{Course, Name, Run, RunError, Store};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

use crate::api::{Asked, Refusal};
use crate::history::{History, ask, baseline, broken, is_settled};
use crate::rows::TOTAL;
use crate::site::Shared;

mod documents;
mod facts;

/// So many stretches of runs that have ended are remembered: those that pages look at now.
const REMEMBERED: usize = 8;

/// A stretch of a run, in seconds of the Unix epoch; all of the run where an end is not given.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Part {
    from: Option<u64>,
    to: Option<u64>,
}

/// What is known of a stretch of a run.
#[derive(Debug)]
pub(crate) struct Kept {
    run: Run,
    names: BTreeMap<u32, Name>,
    errors: Vec<RunError>,
    course: Course,
    /// The first second of the run and the first one after it.
    span: (u64, u64),
    /// The run that others of its script are compared with.
    baseline: Option<String>,
    /// Whether nothing about it changes any more.
    is_settled: bool,
}

/// Stretches that were looked at.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    known: Mutex<VecDeque<(Key, Arc<Kept>)>>,
    /// Who asks for what somebody is reading already waits for it.
    turn: Mutex<()>,
}

/// Which run, when it was heard of last, which seconds of it, and what was said about it.
type Key = (String, u64, u64, u64, String);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Snapshot,
    Heat,
    Errors,
    Failures,
    Exceptions,
    Workers,
    Crew,
    Logs,
}

/// Answers with one of the documents of a run.
pub(crate) async fn document(
    State(shared): State<Arc<Shared>>,
    document: Document,
    Path(run): Path<String>,
    Asked(part): Asked<Part>,
) -> Result<Response, Refusal> {
    read(&shared, run, part, move |store, kept| {
        let made = match document {
            Document::Snapshot => facts::troubles(store, kept)
                .map(|(health, lost)| documents::snapshot(kept, &health, &lost)),
            Document::Heat => Ok(documents::heat(kept)),
            Document::Errors => {
                facts::samples(store, kept).map(|samples| documents::faults(kept, &samples))
            }
            Document::Failures => Ok(documents::failures(kept)),
            Document::Exceptions => facts::exceptions(store, kept),
            Document::Workers => facts::workers(store, kept),
            Document::Crew => facts::crew(store, kept),
            Document::Logs => facts::logs(store, kept),
        };
        made.map_err(|error| broken(&error))
    })
    .await
}

/// Answers with everything about one name of a run, or about all of them.
pub(crate) async fn endpoint(
    State(shared): State<Arc<Shared>>,
    Path((run, name)): Path<(String, String)>,
    Asked(part): Asked<Part>,
) -> Result<Response, Refusal> {
    read(&shared, run, part, move |store, kept| {
        let unknown = || {
            let message = "no request was counted under this number";
            Refusal::whole(StatusCode::NOT_FOUND, message)
        };
        if name == TOTAL.to_string() {
            return Ok(documents::total(kept));
        }
        let id: u32 = name.parse().map_err(|_| unknown())?;
        let name = kept.names.get(&id).ok_or_else(unknown)?;
        let Course { from, to, .. } = kept.course;
        let tracks = store.tracks(&kept.run.id, from, to, Some(id));
        let mut tracks = tracks.map_err(|error| broken(&error))?;
        let steps = tracks.remove(&id).unwrap_or_default();
        Ok(documents::endpoint(kept, name, &steps))
    })
    .await
}

async fn read(
    shared: &Shared,
    run: String,
    part: Part,
    make: impl FnOnce(&Store, &Kept) -> Result<Value, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let now_ms = shared.snapshot().at_ms;
    let history = Arc::clone(&shared.history);
    ask(move || {
        let store = history.store()?;
        let kept = history.shelf.take(&history, &store, &run, part, now_ms)?;
        make(&store, &kept)
    })
    .await
}

impl Shelf {
    /// What is known of a stretch of a run, read from the store unless that was done before.
    fn take(
        &self,
        history: &History,
        store: &Store,
        run: &str,
        part: Part,
        now_ms: u64,
    ) -> Result<Arc<Kept>, Refusal> {
        let failed = |error| broken(&error);
        let unknown = || Refusal::whole(StatusCode::NOT_FOUND, "no run of this name is kept");
        let id = history.id_of(run).ok_or_else(unknown)?;
        let run = store.run(Some(&id), now_ms).map_err(failed)?;
        let run = run.ok_or_else(unknown)?;
        let span = store.span(&id).map_err(failed)?.unwrap_or_default();
        let from = part.from.unwrap_or(span.0);
        let to = part.to.unwrap_or(span.1);
        if to < from || (to == from && (part.from, part.to) != (None, None)) {
            let message = "to must be after from, both in seconds of the Unix epoch";
            return Err(Refusal::whole(StatusCode::BAD_REQUEST, message));
        }
        // Beyond its ends there is nothing of it.
        let from = from.clamp(span.0, span.1);
        let to = to.clamp(from, span.1);
        let runs = store.runs(now_ms).map_err(failed)?;
        let baseline = baseline(&runs, &run);
        let said = format!("{:?} {baseline:?} {}", run.label, run.is_pinned);
        let key = (id, run.ended_ms, from, to, said);
        let _turn = self.turn.lock();
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let id = &key.0;
        let names = store.names(id).map_err(failed)?;
        let kept = Arc::new(Kept {
            names: names.into_iter().map(|name| (name.id, name)).collect(),
            errors: store.errors(id).map_err(failed)?,
            course: store.course(id, from, to).map_err(failed)?,
            span,
            baseline,
            is_settled: is_settled(&run, now_ms),
            run,
        });
        if kept.is_settled {
            let mut known = self.known.lock();
            known.truncate(REMEMBERED - 1);
            known.push_front((key, Arc::clone(&kept)));
        }
        Ok(kept)
    }

    fn known(&self, key: &Key) -> Option<Arc<Kept>> {
        let mut known = self.known.lock();
        let place = known.iter().position(|(it, _)| it == key)?;
        let found = known.remove(place)?;
        let kept = Arc::clone(&found.1);
        known.push_front(found);
        Some(kept)
    }
}

impl Kept {
    /// When it ended, or was heard of last, in milliseconds since the Unix epoch.
    fn ended_ms(&self) -> u64 {
        let marks: Value = serde_json::from_str(&self.run.marks).unwrap_or_default();
        let mut ends = marks.as_array().into_iter().flatten();
        let end = ends.rfind(|mark| mark["kind"] == "end");
        // The store hears of it a little later.
        end.and_then(|mark| mark["t"].as_u64())
            .unwrap_or(self.run.ended_ms)
    }
}
