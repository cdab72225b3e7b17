//! Where a redirect leads, and what is asked there.
//!
//! The method rules are those that browsers settled on and the Python library requests
//! follows: 303 turns everything but HEAD into GET, 302 does the same, 301 turns POST
//! into GET, 307 and 308 repeat the request as it was. All others leave its body out.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING};
use http::{Method, StatusCode};
use url::Url;

use crate::error::Error;
use crate::request::Request;
use crate::response::Response;
use crate::target::{Origin, Target, without_credentials};

/// Whether the status redirects at all.
pub fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The request that follows `response`, or `None` if it is not a redirect with a place to go.
pub fn next(request: &Request, response: &Response) -> Result<Option<Request>, Error> {
    if !is_redirect(response.status) {
        return Ok(None);
    }
    let Some(location) = response.headers.get(LOCATION) else {
        return Ok(None);
    };
    // Locations are UTF-8 in practice, though the grammar says ASCII.
    let location = String::from_utf8_lossy(location.as_bytes());
    let bad = |reason: String| Error::Url {
        url: without_credentials(&location),
        reason,
    };
    let base = Url::parse(&request.target.url).map_err(|error| bad(error.to_string()))?;
    let url = base
        .join(&location)
        .map_err(|error| bad(error.to_string()))?;
    let target = Arc::new(Target::from_url(&url)?);
    let mut follow = Request {
        target,
        ..request.clone()
    };
    let method = method_after(response.status, &request.method);
    if method == request.method && request.upload.is_some() {
        return Ok(None);
    }
    follow.upload = None;
    follow.method = method;
    if !matches!(response.status.as_u16(), 307 | 308) {
        follow.body = Bytes::new();
        let headers = Arc::make_mut(&mut follow.headers);
        for name in [CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING] {
            headers.remove(name);
        }
    }
    if must_forget_credentials(&request.target.origin, &follow.target.origin) {
        Arc::make_mut(&mut follow.headers).remove(AUTHORIZATION);
    }
    Ok(Some(follow))
}

fn method_after(status: StatusCode, method: &Method) -> Method {
    match (status.as_u16(), method) {
        (303 | 302, method) if *method != Method::HEAD => Method::GET,
        (301, method) if *method == Method::POST => Method::GET,
        _ => method.clone(),
    }
}

/// Credentials stay on their host; an upgrade to https on the standard ports is the same host.
fn must_forget_credentials(from: &Origin, to: &Origin) -> bool {
    if from.host != to.host {
        return true;
    }
    let upgrade = !from.https && from.port == 80 && to.https && to.port == 443;
    !upgrade && (from.port != to.port || from.https != to.https)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_change_as_in_browsers() {
        let table = [
            (301, Method::POST, Method::GET),
            (301, Method::PUT, Method::PUT),
            (302, Method::POST, Method::GET),
            (302, Method::HEAD, Method::HEAD),
            (303, Method::PUT, Method::GET),
            (307, Method::POST, Method::POST),
            (308, Method::POST, Method::POST),
        ];
        for (status, method, after) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(method_after(status, &method), after, "{status} {method}");
        }
    }

    #[test]
    fn credentials_stay_on_their_host() {
        let origin = |https, host: &str, port| Origin {
            https,
            host: host.to_owned(),
            port,
        };
        assert!(!must_forget_credentials(
            &origin(false, "a", 80),
            &origin(true, "a", 443)
        ));
        assert!(must_forget_credentials(
            &origin(false, "a", 80),
            &origin(false, "b", 80)
        ));
        assert!(must_forget_credentials(
            &origin(true, "a", 443),
            &origin(false, "a", 80)
        ));
        assert!(!must_forget_credentials(
            &origin(false, "a", 81),
            &origin(false, "a", 81)
        ));
    }
}
