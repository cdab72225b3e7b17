//! The page for people: the built UI, which is part of the binary.

use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use crate::document::Document;
use crate::guard;

/// What the build of the UI has made; empty if it was not built.
#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Dist;

const UNBUILT: &str = "This Katydid was built without its page. To build it, run \
    <code>npm install</code> and <code>npm run build</code> in the folder <code>ui</code>, then \
    build Katydid again. The statistics are at <a href=\"stats/requests\">stats/requests</a>.";

/// The page itself. It names its assets by their content, so it alone must always be fresh.
pub(crate) fn index() -> Document {
    let mut document = match Dist::get("index.html") {
        Some(file) => found(file, "no-store"),
        None => Document {
            headers: vec![("content-type", "text/html; charset=utf-8".to_owned())],
            body: html("Katydid", UNBUILT).into_bytes(),
        },
    };
    // Also where a script's own pages pass it on.
    let policy = ("content-security-policy", guard::POLICY.to_owned());
    document.headers.push(policy);
    document
}

/// A file whose name changes with its content.
pub(crate) fn asset(name: &str) -> Option<Document> {
    let file = Dist::get(&format!("assets/{name}"))?;
    Some(found(file, "public, max-age=31536000, immutable"))
}

/// Nothing is at this path.
pub(crate) fn not_found() -> Response {
    let message = "There is nothing at this address.";
    plain(StatusCode::NOT_FOUND, message)
}

/// Something is at this path, but not for this method.
pub(crate) async fn wrong_method() -> Response {
    let message = "This address does not answer to that method.";
    plain(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// A page that says one thing.
pub(crate) fn plain(status: StatusCode, message: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = html(title, message);
    (status, [(CACHE_CONTROL, "no-store")], Html(body)).into_response()
}

/// A text as HTML, with the entities that Python writes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            _ => escaped.push(char),
        }
    }
    escaped
}

fn html(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>{body}</p>\n</html>\n"
    )
}

fn found(file: EmbeddedFile, cache: &'static str) -> Document {
    Document {
        headers: vec![
            ("content-type", file.metadata.mimetype().to_owned()),
            ("cache-control", cache.to_owned()),
        ],
        body: file.data.into_owned(),
    }
}
