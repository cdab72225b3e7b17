//! Decides who answers a request: the server itself, or the script's own pages.
//!
//! A script that adds pages has a web application of its own, in Python. It is asked for what the
//! server does not know, and for everything but our own API once the script has a say in
//! Locust's routes. While a script has no pages, none of this reaches Python.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, HeaderName, HeaderValue, LOCATION};
use axum::http::uri::PathAndQuery;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use crate::about::Answers;
use crate::api::Refusal;
use crate::page;
use crate::script::{PageBody, Visit};
use crate::site::Shared;

/// Marks a response that the script's own pages gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FromScript;

/// The path as it was asked for, before the base path was taken away.
#[derive(Clone, Debug)]
struct Asked(Uri);

/// A body of more bytes than this is not passed on to a script.
const LARGEST: usize = 64 << 20;

/// Passes a request on to whoever answers it.
pub(crate) async fn gate(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = request.uri().clone();
    let pages = shared.about.read().pages.clone();
    let Some(path) = below(asked.path(), &shared.options.base_path) else {
        return outside(&shared, request).await;
    };
    if path.starts_with("/api/") {
        if pages.login {
            let visit = visit(&shared, &request, &asked, Bytes::new());
            if shared.call("authorized", visit.head()).await.status != 200 {
                let message = "Log in first: this page asks its visitors who they are.";
                return Refusal::whole(StatusCode::UNAUTHORIZED, message).into_response();
            }
        }
    } else if pages.answers == Answers::All && (pages.replaced || !path.starts_with("/assets/")) {
        return ask(&shared, request, &asked).await;
    }
    let is_options = *request.method() == Method::OPTIONS;
    *request.uri_mut() = with_path(&asked, path);
    request.extensions_mut().insert(Asked(asked));
    let mut response = next.run(request).await;
    if is_options && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        return methods(&mut response);
    }
    response
}

/// What is at no path of ours: perhaps a page of the script's.
pub(crate) async fn unknown(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    if shared.about.read().pages.answers == Answers::Nothing {
        return page::not_found();
    }
    let asked = request.extensions().get::<Asked>().cloned();
    let asked = asked.map_or_else(|| request.uri().clone(), |Asked(uri)| uri);
    ask(&shared, request, &asked).await
}

/// Where visitors would log in; while they need not, they are sent to the page.
pub(crate) async fn login(State(shared): State<Arc<Shared>>) -> Response {
    let page = format!("{}/", shared.options.base_path);
    (StatusCode::FOUND, [(LOCATION, page)]).into_response()
}

/// The part of a path below the base path; none if it is elsewhere.
pub(crate) fn below<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    path.strip_prefix(base).filter(|rest| rest.starts_with('/'))
}

async fn outside(shared: &Shared, request: Request) -> Response {
    let asked = request.uri().clone();
    if asked.path() == shared.options.base_path {
        let query = asked.query().map(|query| format!("?{query}"));
        let whole = format!("{}/{}", asked.path(), query.unwrap_or_default());
        return (StatusCode::PERMANENT_REDIRECT, [(LOCATION, whole)]).into_response();
    }
    if shared.about.read().pages.answers == Answers::Nothing {
        return page::not_found();
    }
    ask(shared, request, &asked).await
}

fn with_path(uri: &Uri, path: &str) -> Uri {
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    // The end of a valid path that starts with a slash is a valid path.
    parts.path_and_query = PathAndQuery::try_from(whole).ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// What is possible at a path, as an answer to `OPTIONS`.
fn methods(response: &mut Response) -> Response {
    let allowed = response.headers_mut().remove(ALLOW);
    let allowed = allowed.as_ref().and_then(|value| value.to_str().ok());
    let allowed = format!("{},OPTIONS", allowed.unwrap_or_default());
    let allowed = HeaderValue::from_str(allowed.trim_start_matches(',')).expect("methods");
    (StatusCode::OK, [(ALLOW, allowed)]).into_response()
}

/// Has the script's own pages answer.
async fn ask(shared: &Shared, request: Request, asked: &Uri) -> Response {
    let (head, body) = request.into_parts();
    let body = tokio::select! {
        body = axum::body::to_bytes(body, LARGEST) => body,
        () = shared.shutdown.cancelled() => return going(),
    };
    let Ok(body) = body else {
        return page::plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.");
    };
    let request = Request::from_parts(head, Body::empty());
    let Some(answer) = shared.page(visit(shared, &request, asked, body)).await else {
        return going();
    };
    let body = match answer.body {
        PageBody::Whole(body) => Body::from(body),
        PageBody::Stream(pieces) => Body::from_stream(stream::unfold(
            (pieces, shared.shutdown.clone()),
            async |(mut pieces, shutdown)| {
                let piece = tokio::select! {
                    piece = pieces.recv() => piece?,
                    () = shutdown.cancelled() => return None,
                };
                Some((Ok::<_, std::convert::Infallible>(piece), (pieces, shutdown)))
            },
        )),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(&latin1_bytes(&value));
        if let (Ok(name), Ok(value)) = (name, value)
            && !is_ours_alone(&name)
        {
            response.headers_mut().append(name, value);
        }
    }
    response.extensions_mut().insert(FromScript);
    response
}

fn going() -> Response {
    page::plain(StatusCode::SERVICE_UNAVAILABLE, "Katydid is shutting down.")
}

/// What concerns one connection only, and so is the server's.
fn is_ours_alone(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "keep-alive" | "transfer-encoding" | "upgrade" | "trailer"
    )
}

fn visit(shared: &Shared, request: &Request, asked: &Uri, body: Bytes) -> Visit {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| {
        let value = value.as_bytes().iter().map(|&byte| char::from(byte));
        (name.as_str().to_owned(), value.collect())
    });
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    Visit {
        method: request.method().to_string(),
        path: asked.path().to_owned(),
        query: asked.query().unwrap_or_default().to_owned(),
        scheme: if shared.options.tls.is_some() {
            "https"
        } else {
            "http"
        },
        peer: peer.map(|ConnectInfo(peer)| *peer),
        headers: headers.collect(),
        body,
    }
}

/// WSGI's headers are bytes, written as the characters of the same numbers.
fn latin1_bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_from_the_base_path() {
        assert_eq!(below("/swarm", ""), Some("/swarm"));
        assert_eq!(below("/load/swarm", "/load"), Some("/swarm"));
        assert_eq!(below("/load/", "/load"), Some("/"));
        for elsewhere in ["/load", "/loads/swarm", "/swarm", "/"] {
            assert_eq!(below(elsewhere, "/load"), None, "{elsewhere}");
        }
    }

    #[test]
    fn the_query_survives_a_new_path() {
        let uri: Uri = "/load/stats?a=b%20c".parse().expect("a path");
        assert_eq!(with_path(&uri, "/stats").to_string(), "/stats?a=b%20c");
    }
}
