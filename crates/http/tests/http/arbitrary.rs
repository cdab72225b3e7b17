//! Bytes of any kind, at every place where a stranger's bytes are read. `fuzz/` feeds the same
//! places with bytes that a coverage-guided fuzzer thinks of.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use katydid_http::cookies::Jar;
use katydid_http::decode::decode;
use katydid_http::proxy::Proxy;
use katydid_http::{Client, Config, Error, Response, Target, redirect};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};

use crate::server::{Do, serve};
use crate::{config, get, run};

const LIMIT: u64 = 1 << 16;

/// Pieces of answers, joined at random, with bytes of any kind between them.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"HTTP/1.1 200 OK\r\n"[..],
        b"HTTP/1.0 404 \r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 302 Found\r\n",
        b"HTTP/1.1 204 No Content\r\n",
        b"Location: /x\r\n",
        b"Location: http://[::\r\n",
        b"Set-Cookie: a=b; Max-Age=1; Domain=127.0.0.1\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: br, zstd\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\nUpgrade: x\r\n",
        b"\r\n",
        b"5\r\nabcde\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
    ]);
    let piece = prop_oneof![
        5 => pieces.prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..30),
    ];
    vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

#[test]
fn any_bytes_of_a_server_are_an_answer_or_a_reason() {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&bytes);
    let server = serve(move |_| Do::Last(said.lock().unwrap().clone()));
    let client = Client::new(Arc::new(Config {
        body_limit: LIMIT,
        ..config()
    }));
    let cases = Cases {
        // Nothing is written beside the sources.
        failure_persistence: None,
        ..Cases::with_cases(300)
    };
    TestRunner::new(cases)
        .run(&answers(), |answer| {
            bytes.lock().unwrap().clone_from(&answer);
            let exchange = run(client.send(get(&server.url("/"))));
            client.close();
            match exchange.result {
                Ok(response) => prop_assert!(response.body.len() as u64 <= LIMIT),
                Err(error) => {
                    prop_assert!(!matches!(error, Error::ReadTimeout { .. }), "it hung");
                    prop_assert!(!error.chain().is_empty());
                }
            }
            Ok(())
        })
        .unwrap();
}

fn target() -> Target {
    Target::parse("http://www.shop.test/a/b?c=d").unwrap()
}

proptest! {
    #![proptest_config(Cases { failure_persistence: None, ..Cases::with_cases(500) })]

    #[test]
    fn any_body_is_decoded_or_refused(
        body in vec(any::<u8>(), 0..300),
        encodings in "(gzip|x-gzip|deflate|br|zstd|identity|, ?|[a-z ,]{0,5}){0,4}",
    ) {
        if let Ok(decoded) = decode(Bytes::from(body.clone()), &encodings, LIMIT) {
            prop_assert!(decoded.len() as u64 <= LIMIT || decoded == body);
        }
    }

    #[test]
    fn any_cookies_are_kept_or_not(lines in vec(vec(any::<u8>(), 0..60), 0..4)) {
        let mut jar = Jar::default();
        let mut headers = HeaderMap::new();
        for line in &lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append(SET_COOKIE, value);
            }
        }
        jar.keep(&headers, &target());
        jar.header(&target());
        let all = jar.all();
        jar.replace(&all);
        prop_assert!(jar.all().len() <= all.len());
    }

    #[test]
    fn any_cookie_attributes_are_understood_or_not(
        name in "[a-zA-Z0-9]{0,3}",
        value in "[^\r\n]{0,10}",
        attributes in vec("(Path|Domain|Max-Age|Expires|Secure|SameSite|)(=[^\r\n]{0,20})?", 0..5),
    ) {
        let mut jar = Jar::default();
        let line = format!("{name}={value}; {}", attributes.join("; "));
        let mut headers = HeaderMap::new();
        headers.extend(HeaderValue::from_bytes(line.as_bytes()).ok().map(|value| (SET_COOKIE, value)));
        jar.keep(&headers, &target());
        if let Some(sent) = jar.header(&target()) {
            prop_assert!(!sent.as_bytes().contains(&b'\n'));
        }
    }

    #[test]
    fn any_place_is_gone_to_or_refused(location in vec(any::<u8>(), 0..80), status in 300_u16..310) {
        let request = get("http://www.shop.test/a/b?c=d");
        let mut headers = HeaderMap::new();
        headers.extend(HeaderValue::from_bytes(&location).ok().map(|value| (LOCATION, value)));
        let response = Response {
            status: StatusCode::from_u16(status).unwrap(),
            reason: None,
            version: http::Version::HTTP_11,
            headers,
            body: Bytes::new(),
            target: Arc::clone(&request.target),
            method: request.method.clone(),
        };
        if let Ok(Some(next)) = redirect::next(&request, &response) {
            prop_assert!(next.target.url.starts_with("http"));
        }
    }

    #[test]
    fn any_text_is_a_url_or_none(url in "(https?://)?[^\r\n]{0,40}") {
        if let Ok(target) = Target::parse(&url) {
            prop_assert_eq!(Target::parse(&target.url).unwrap().url, target.url.clone());
            prop_assert!(target.with_path("/x y").is_none_or(|with| with.url.ends_with("/x y")));
        }
        let _ = Proxy::parse(&url);
    }
}
