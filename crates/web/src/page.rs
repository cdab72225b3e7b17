//! The page for people: the built UI, which is part of the binary.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

/// What the build of the UI has made; empty if it was not built.
#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../ui/dist"]
#[allow_missing = true]
struct Dist;

const UNBUILT: &str = "This Katydid was built without its page. To build it, run \
    <code>npm install</code> and <code>npm run build</code> in the folder <code>ui</code>, then \
    build Katydid again. The statistics are at <a href=\"stats/requests\">stats/requests</a>.";

/// The page itself. It names its assets by their content, so it alone must always be fresh.
pub(crate) async fn index() -> Response {
    match Dist::get("index.html") {
        Some(file) => reply(file, "no-store"),
        None => document(StatusCode::OK, "Katydid", UNBUILT),
    }
}

/// A file whose name changes with its content.
pub(crate) async fn asset(Path(path): Path<String>) -> Response {
    match Dist::get(&format!("assets/{path}")) {
        Some(file) => reply(file, "public, max-age=31536000, immutable"),
        None => not_found().await,
    }
}

/// Nothing is at this path.
pub(crate) async fn not_found() -> Response {
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
    document(status, title, message)
}

fn document(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n<p>{body}</p>\n</html>\n"
    );
    (status, [(CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

fn reply(file: EmbeddedFile, cache: &'static str) -> Response {
    let media = file.metadata.mimetype().to_owned();
    (
        [(CONTENT_TYPE, media), (CACHE_CONTROL, cache.to_owned())],
        file.data,
    )
        .into_response()
}
