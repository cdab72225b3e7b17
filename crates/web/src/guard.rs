//! Keeps other web sites that are open in the same browser away from the server.
//!
//! Three things are looked at. The name in `Host` must be one this server goes by, or a site
//! could give its own name our address and read everything. What changes something must come
//! from a page of ours, or from no page at all. And our own commands must be JSON, which no
//! form of another site can send. Clients that are not browsers send none of these headers and
//! notice nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, ORIGIN, REFERER, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::Refusal;
use crate::gate::{self, FromScript};
use crate::library;
use crate::page;
use crate::site::{Options, Shared};

/// Everything the page needs comes from the server itself.
pub(crate) const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'; object-src 'none'";
/// A report carries what it needs in itself.
const POLICY_OF_REPORTS: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// Paths that change something even when they are only read, as they did in older Locusts.
const COMMANDS: [&str; 2] = ["/stop", "/stats/reset"];
/// Ends of names that nobody can register on the Internet.
const PRIVATE: [&str; 3] = [".internal", ".local", ".localhost"];

const JSON: &str = "application/json";

/// How much of a refused request is read, and for how long.
const REFUSED: usize = 64 * 1024;
const HEARING: Duration = Duration::from_secs(1);

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Marks a page that loads nothing, but has its styles and scripts in itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelfContained;

/// Refuses what should not be answered, and says to browsers what replies may be used for.
pub(crate) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let own = path_of(&request, &shared.options).starts_with("/api/");
    let mut response = match check(&request, &shared.options) {
        Ok(()) => next.run(request).await,
        Err((status, message)) => {
            hear_out(request).await;
            if own {
                Refusal::whole(status, message).into_response()
            } else {
                page::plain(status, message)
            }
        }
    };
    protect(&mut response);
    response
}

/// Reads what belongs to a request that is refused, so that its connection can go on; whoever
/// sends much or slowly is not waited for.
pub(crate) async fn hear_out(request: Request) {
    let body = axum::body::to_bytes(request.into_body(), REFUSED);
    // Either way there is nothing to do with it.
    drop(tokio::time::timeout(HEARING, body).await);
}

/// Says to browsers what a reply may be used for. A page of the script's may say otherwise, and
/// may load and run what it likes.
fn protect(response: &mut Response) {
    let is_scripts = response.extensions().get::<FromScript>().is_some();
    let policy = match response.extensions().get::<SelfContained>() {
        Some(SelfContained) => POLICY_OF_REPORTS,
        None => POLICY,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        if !is_scripts {
            headers.insert(name, HeaderValue::from_static(value));
        } else if name == X_FRAME_OPTIONS && !headers.contains_key(CONTENT_SECURITY_POLICY) {
            // Nor may another site show it and have its buttons pressed.
            let same = HeaderValue::from_static("SAMEORIGIN");
            headers.entry(name).or_insert(same);
        } else if name == REFERRER_POLICY {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
    }
}

fn check(request: &Request, options: &Options) -> Result<(), (StatusCode, &'static str)> {
    let headers = request.headers();
    let host = text(headers, &HOST).or_else(|| Some(request.uri().authority()?.as_str()));
    if host.is_some_and(|host| !is_ours(host, options)) {
        let message = "This server does not go by that name. Use its address, or the name it \
            was bound to.";
        return Err((StatusCode::FORBIDDEN, message));
    }
    let path = path_of(request, options);
    let reads = is_read(request.method());
    if changes(request.method(), path) && !is_same_site(headers, host) {
        let message = "Another web site may not give commands to this server.";
        return Err((StatusCode::FORBIDDEN, message));
    }
    // No form of another site can send either.
    let is_file = path == library::IMPORT && is(headers, library::MEDIA);
    if !reads && path.starts_with("/api/") && !is(headers, JSON) && !is_file {
        let message = "Commands must be sent as application/json.";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    Ok(())
}

/// Whether a request may change something.
pub(crate) fn changes(method: &Method, path: &str) -> bool {
    !is_read(method) || COMMANDS.contains(&path)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The path as our routes see it.
pub(crate) fn path_of<'a>(request: &'a Request, options: &Options) -> &'a str {
    let path = request.uri().path();
    gate::below(path, &options.base_path).unwrap_or(path)
}

/// Whether a `Host` is an address, a name only the local network can know, or one that was given.
fn is_ours(host: &str, options: &Options) -> bool {
    let name = name_of(host);
    let given = options.names.iter().chain([&options.host]);
    is_address(name)
        || !name.contains('.')
        || PRIVATE.iter().any(|end| ends_with(name, end))
        || given
            .into_iter()
            .any(|given| given.eq_ignore_ascii_case(name))
}

fn is_address(name: &str) -> bool {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    bare.unwrap_or(name).parse::<IpAddr>().is_ok()
}

fn ends_with(name: &str, end: &str) -> bool {
    let start = name.len().checked_sub(end.len());
    start
        .and_then(|start| name.get(start..))
        .is_some_and(|rest| rest.eq_ignore_ascii_case(end))
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether nothing says that the request was made by another site.
fn is_same_site(headers: &HeaderMap, host: Option<&str>) -> bool {
    let from = |name| {
        text(headers, name).map(|url| authority(url).eq_ignore_ascii_case(host.unwrap_or("")))
    };
    let site = text(headers, &SITE);
    if headers.contains_key(ORIGIN) {
        return from(&ORIGIN) == Some(true);
    }
    site.is_none_or(|site| matches!(site, "same-origin" | "none")) && from(&REFERER).unwrap_or(true)
}

/// Host and port of a URL; empty for anything else, such as the origin `null`.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or("")
}

/// Whether the body is said to be of a media type.
fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let media = text(headers, &CONTENT_TYPE).and_then(|media| media.split(';').next());
    media.is_some_and(|media| media.trim().eq_ignore_ascii_case(wanted))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(host: &str) -> bool {
        let options = Options {
            host: "load.shop.example".into(),
            names: vec!["katydid.example".into()],
            ..Options::default()
        };
        is_ours(host, &options)
    }

    fn same_site(headers: &[(HeaderName, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, HeaderValue::from_static(value));
        }
        is_same_site(&map, Some("127.0.0.1:8089"))
    }

    #[test]
    fn addresses_local_names_and_given_names_are_ours() {
        for host in [
            "127.0.0.1:8089",
            "10.0.0.7",
            "[::1]:8089",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:8089",
            "localhost.:80",
            "katydid-master:8089",
            "master.cluster.local",
            "load.shop.example:8089",
            "Katydid.Example",
        ] {
            assert!(ours(host), "{host}");
        }
    }

    #[test]
    fn names_that_anyone_can_register_are_not_ours() {
        for host in [
            "evil.example",
            "evil.example:8089",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notload.shop.example",
            "é.example",
        ] {
            assert!(!ours(host), "{host}");
        }
    }

    #[test]
    fn what_no_browser_sent_is_no_other_site() {
        assert!(same_site(&[]));
        assert!(same_site(&[(SITE, "none")]));
    }

    #[test]
    fn an_origin_must_be_the_host() {
        assert!(same_site(&[(ORIGIN, "http://127.0.0.1:8089")]));
        for origin in [
            "null",
            "http://evil.example",
            "http://127.0.0.1:9000",
            "http://127.0.0.1",
        ] {
            assert!(!same_site(&[(ORIGIN, origin)]), "{origin}");
        }
    }

    #[test]
    fn an_image_of_another_site_is_refused() {
        assert!(!same_site(&[(SITE, "cross-site")]));
        assert!(!same_site(&[(SITE, "same-site")]));
        assert!(!same_site(&[(
            REFERER,
            "http://evil.example/127.0.0.1:8089"
        )]));
        assert!(same_site(&[(REFERER, "http://127.0.0.1:8089/?tab=charts")]));
    }
}
