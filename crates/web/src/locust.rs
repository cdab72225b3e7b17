//! The routes that Locust's clients call, with the bytes they expect.
//!
//! `/stop` and `/stats/reset` answer to GET as they
//! did until Locust 2.46 and to POST as they do since.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use tower_http::services::ServeFile;

use crate::document::{self, Document};
use crate::form::{self, Fields};
use crate::script::Answer;
use crate::site::Shared;
use crate::{csv, flask, guard, page};

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
pub(crate) async fn worker_count(State(shared): State<Arc<Shared>>) -> Response {
    let count = document::worker_count(&shared.snapshot());
    flask::reply(StatusCode::OK, &json!({ "worker_count": count }))
}

/// What can be read off the newest snapshot.
pub(crate) async fn document(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let snapshot = shared.snapshot();
    let found = document::document(uri.path(), &snapshot, &shared.about.read());
    match found {
        Some(document) => document.into_response(),
        None => page::not_found(),
    }
}

/// Changes a class of users.
pub(crate) async fn user(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // As in Locust, a form leaves nothing to be read as JSON.
    let body = if form::is_form(&headers) {
        Bytes::new()
    } else {
        body
    };
    let body = String::from_utf8_lossy(&body);
    let answer = shared.call("user", json!({ "body": body })).await;
    reply(&answer)
}

/// The report of the run, as a page that stands by itself.
pub(crate) async fn report(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let is_download = asked.get("download").is_some_and(|text| !text.is_empty());
    let asked = json!({ "theme": asked.get("theme"), "download": is_download });
    let answer = shared.call("report", asked).await;
    let Some(html) = answer.body["html"].as_str() else {
        return complaint(&answer);
    };
    let mut response = Html(html.to_owned()).into_response();
    if is_download {
        let name = csv::file_name("", &shared.snapshot(), &shared.about.read());
        attach(&mut response, &format!("{name}.html"));
    }
    // It carries its own styles and scripts and loads nothing.
    response.extensions_mut().insert(guard::SelfContained);
    response
}

/// The file that `--csv-full-history` writes.
pub(crate) async fn full_history(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answer = shared.call("full_history", json!({})).await;
    let Some(path) = answer.body["path"].as_str() else {
        return complaint(&answer);
    };
    let served = ServeFile::new(path).try_call(request).await;
    let Ok(mut response) = served.map(IntoResponse::into_response) else {
        let message = "The file cannot be read.";
        return page::plain(StatusCode::INTERNAL_SERVER_ERROR, message);
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, max-age=0"),
    );
    let name = csv::file_name(
        "requests_full_history",
        &shared.snapshot(),
        &shared.about.read(),
    );
    attach(&mut response, &format!("{name}.csv"));
    response
}

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body.into());
        for (name, value) in self.headers {
            // Names are constants, and a file name is made of visible ASCII.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Has browsers keep a response as a file.
fn attach(response: &mut Response, name: &str) {
    // A file name is made of visible ASCII.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment;filename={name}")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
}

/// What went wrong, as a text, which is how Locust says it.
fn complaint(answer: &Answer) -> Response {
    let text = match &answer.body {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let status = StatusCode::from_u16(answer.status)
        .ok()
        .filter(|status| !status.is_success())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Html(page::escaped(&text))).into_response()
}

/// An answer as JSON; what went wrong in it is told as a text, as in Locust.
fn reply(answer: &Answer) -> Response {
    if answer.status >= 400 && answer.body.is_string() {
        return complaint(answer);
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    flask::reply(status, &answer.body)
}
