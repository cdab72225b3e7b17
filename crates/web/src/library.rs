//! What people do with kept runs: name them, take them elsewhere, and bring them from elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use katydid_store::{Label, Store, StoreError};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use crate::api::Refusal;
use crate::history::{History, ask, broken};
use crate::site::Shared;

/// What files of runs are: databases of `SQLite`.
pub(crate) const MEDIA: &str = "application/vnd.sqlite3";
/// The path of an import, as our routes see it.
pub(crate) const IMPORT: &str = "/api/v1/runs/import";
/// A file of a run may have so many bytes: several times what six hours of a hundred names take.
const MOST_BYTES: u64 = 512 << 20;
/// Characters of a title and of a tag, and of notes.
const LONGEST_TITLE: usize = 200;
const LONGEST_NOTES: usize = 10_000;
const MOST_TAGS: usize = 20;

/// What is to be said of a run; what is not given stays.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    title: Option<String>,
    notes: Option<String>,
    tags: Option<Vec<String>>,
    baseline: Option<bool>,
}

/// Says of a run what people call it, and whether others are compared with it.
pub(crate) async fn label(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let wanted: Wanted = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("title and notes must be texts, tags a list of texts: {error}");
        Refusal::whole(StatusCode::BAD_REQUEST, message)
    })?;
    let now_ms = shared.snapshot().at_ms;
    let history = Arc::clone(&shared.history);
    ask(move || {
        let failed = |error| broken(&error);
        let known = history.store()?.runs(now_ms).map_err(failed)?;
        let of_it = known.iter().find(|it| it.id == run).ok_or_else(unknown)?;
        let mut store = open(&history)?;
        store
            .set_label(&run, &wanted.on(&of_it.label)?)
            .map_err(failed)?;
        if wanted.baseline == Some(true) {
            // Of the runs of a script one is the baseline.
            for other in known.iter().filter(|it| it.id != run) {
                if other.label.is_baseline && other.script() == of_it.script() {
                    let label = Label {
                        is_baseline: false,
                        ..other.label.clone()
                    };
                    store.set_label(&other.id, &label).map_err(failed)?;
                }
            }
        }
        Ok(json!({ "ok": true }))
    })
    .await
}

impl Wanted {
    /// The label with what is wanted of it changed.
    fn on(&self, label: &Label) -> Result<Label, Refusal> {
        let short = |text: &str, field, longest| {
            let text = text.trim();
            if text.chars().count() > longest {
                let message = format!("{field} may have {longest} characters");
                return Err(Refusal::of(field, message));
            }
            Ok(text.to_owned())
        };
        let mut label = label.clone();
        if let Some(title) = &self.title {
            label.title = short(title, "title", LONGEST_TITLE)?;
        }
        if let Some(notes) = &self.notes {
            label.notes = short(notes, "notes", LONGEST_NOTES)?;
        }
        if let Some(tags) = &self.tags {
            if tags.len() > MOST_TAGS {
                let message = format!("a run may have {MOST_TAGS} tags");
                return Err(Refusal::of("tags", message));
            }
            let tags = tags.iter().map(|tag| short(tag, "tags", LONGEST_TITLE));
            label.tags = tags.collect::<Result<_, _>>()?;
            label.tags.retain(|tag| !tag.is_empty());
        }
        label.is_baseline = self.baseline.unwrap_or(label.is_baseline);
        Ok(label)
    }
}

/// Answers with a file that another machine can import.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path(run): Path<String>,
) -> Result<Response, Refusal> {
    let history = Arc::clone(&shared.history);
    let now_ms = shared.snapshot().at_ms;
    let written = tokio::task::spawn_blocking(move || {
        let store = history.store()?;
        let known = store.run(Some(&run), now_ms);
        let known = known.map_err(|error| broken(&error))?.ok_or_else(unknown)?;
        let folder = folder(&history)?;
        let path = folder.path().join("one.run");
        store
            .export(&known.id, &path)
            .map_err(|error| broken(&error))?;
        let file = std::fs::File::open(&path).map_err(|error| unwritten(&error))?;
        let size = file.metadata().map_err(|error| unwritten(&error))?.len();
        Ok::<_, Refusal>((known.id, folder, file, size))
    });
    let (id, folder, file, size) = written.await.map_err(|_| lost())??;
    let headers = [
        (CONTENT_TYPE, MEDIA.to_owned()),
        (CONTENT_LENGTH, size.to_string()),
        (CACHE_CONTROL, "no-store".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}.run\"", plain(&id)),
        ),
    ];
    let pieces = ReaderStream::new(tokio::fs::File::from_std(file));
    // The file is there for as long as somebody reads it.
    let pieces = pieces.map(move |piece| {
        let _ = &folder;
        piece
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// Takes in the runs of a file, all of them or none.
pub(crate) async fn import(
    State(shared): State<Arc<Shared>>,
    body: Body,
) -> Result<Response, Refusal> {
    let history = Arc::clone(&shared.history);
    let now_ms = shared.snapshot().at_ms;
    let place = Arc::clone(&history);
    let folder = tokio::task::spawn_blocking(move || {
        place.store()?;
        folder(&place)
    });
    let folder = folder.await.map_err(|_| lost())??;
    let path = folder.path().join("one.run");
    save(body, &path).await?;
    ask(move || {
        let failed = |error| broken(&error);
        let harmed = |error: StoreError| match error {
            StoreError::Newer(_) => refused("it was written by a newer Katydid"),
            StoreError::Foreign(_) => refused("it is no run of Katydid's, or it is harmed"),
            StoreError::Io(..) | StoreError::Sqlite(..) => {
                refused(format!("it cannot be read: {error}"))
            }
        };
        let other = Store::look_at_foreign(&path).map_err(harmed)?;
        let runs = other.runs(now_ms).map_err(harmed)?;
        if runs.is_empty() {
            return Err(refused("there is no run in it"));
        }
        let mut store = open(&history)?;
        let known = store.runs(now_ms).map_err(failed)?;
        if let Some(run) = runs
            .iter()
            .find(|run| known.iter().any(|it| it.id == run.id))
        {
            let message = format!("{} is kept here already; delete it first", run.id);
            return Err(Refusal::whole(StatusCode::CONFLICT, message));
        }
        for (place, run) in runs.iter().enumerate() {
            if let Err(error) = store.import(&other, &run.id) {
                for taken in &runs[..place] {
                    store.delete_run(&taken.id).map_err(failed)?;
                }
                return Err(harmed(error));
            }
        }
        drop(folder);
        let ids: Vec<_> = runs.iter().map(|run| &run.id).collect();
        Ok(json!({ "ok": true, "runs": ids }))
    })
    .await
}

/// Writes what a client sends to a file, as far as it may be that much.
async fn save(body: Body, path: &std::path::Path) -> Result<(), Refusal> {
    let mut file = tokio::fs::File::create(path)
        .await
        .map_err(|error| unwritten(&error))?;
    let mut pieces = body.into_data_stream();
    let mut size = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| refused(format!("it did not arrive: {error}")))?;
        size += piece.len() as u64;
        if size > MOST_BYTES {
            let message = format!("a file may have {} MiB", MOST_BYTES >> 20);
            return Err(Refusal::whole(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        file.write_all(&piece)
            .await
            .map_err(|error| unwritten(&error))?;
    }
    file.flush().await.map_err(|error| unwritten(&error))
}

fn open(history: &History) -> Result<Store, Refusal> {
    let path = history.path().ok_or_else(unknown)?;
    Store::open(path).map_err(|error| broken(&error))
}

/// A folder of its own beside the store, where there is room for runs, until it is dropped.
fn folder(history: &History) -> Result<tempfile::TempDir, Refusal> {
    let beside: PathBuf = history
        .path()
        .and_then(|path| path.parent())
        .map_or_else(std::env::temp_dir, std::path::Path::to_owned);
    tempfile::Builder::new()
        .prefix(".katydid-")
        .tempdir_in(beside)
        .map_err(|error| unwritten(&error))
}

fn unknown() -> Refusal {
    Refusal::whole(StatusCode::NOT_FOUND, "no run of this name is kept")
}

fn lost() -> Refusal {
    let message = "the store could not be read";
    Refusal::whole(StatusCode::INTERNAL_SERVER_ERROR, message)
}

fn unwritten(error: &std::io::Error) -> Refusal {
    let message = format!("there is no place for the file beside the store: {error}");
    Refusal::whole(StatusCode::INTERNAL_SERVER_ERROR, message)
}

fn refused(why: impl Into<String>) -> Refusal {
    let message = format!("{}; nothing was imported", why.into());
    Refusal::whole(StatusCode::UNPROCESSABLE_ENTITY, message)
}

/// What may stand in the name of a file.
fn plain(id: &str) -> String {
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    id.chars().filter(|&char| allowed(char)).collect()
}
