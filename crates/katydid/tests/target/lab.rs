//! Echoes, redirects, cookies and encodings.

use std::io::Read as _;

use serde_json::json;

use crate::client::{Client, get};
use crate::target;

#[test]
fn echo_tells_everything_that_arrived() {
    let target = target();
    let headers = "X-Twice: a\r\nx-twice: b\r\n";
    let echo = Client::to(&target)
        .request("PATCH", "/echo?a=1&b", headers, "body")
        .json();
    assert_eq!(echo["method"], "PATCH");
    assert_eq!(
        (&echo["path"], &echo["query"]),
        (&json!("/echo"), &json!("a=1&b"))
    );
    assert_eq!(echo["headers"]["x-twice"], "a, b");
    assert_eq!(echo["raw_headers"][2], json!(["X-Twice", "a"]));
    assert_eq!(
        (&echo["body"], &echo["body_length"]),
        (&json!("body"), &json!(4))
    );
    assert_eq!(echo["body_base64"], json!(null));
}

#[test]
fn echo_keeps_bytes_that_are_no_text() {
    let target = target();
    let mut client = Client::to(&target);
    client.send(b"POST /echo HTTP/1.1\r\ncontent-length: 2\r\n\r\n\xff\xfe");
    assert_eq!(client.reply().unwrap().json()["body_base64"], "//4=");
}

#[test]
fn any_final_status_can_be_had() {
    let target = target();
    let mut client = Client::to(&target);
    for status in [200, 204, 304, 404, 418, 500, 599] {
        assert_eq!(client.get(&format!("/status/{status}")).status, status);
    }
    assert_eq!(client.get("/status/101").status, 400);
}

#[test]
fn bodies_have_the_size_asked_for() {
    let target = target();
    let mut client = Client::to(&target);
    for size in [0, 33, 20_000, 65_536, 65_537, 1_000_000] {
        assert_eq!(client.get(&format!("/bytes/{size}")).body.len(), size);
    }
    assert_eq!(client.get("/bytes/99999999999").status, 400);
}

#[test]
fn bodies_come_in_chunks_or_until_the_end_of_the_connection() {
    let target = target();
    let mut client = Client::to(&target);
    assert_eq!(
        client.get("/chunked?chunks=2").text(),
        "chunk 00001\nchunk 00002\n"
    );
    assert_eq!(
        client.get("/slow-body?chunks=3&ms=1&bytes=10").body,
        b"x".repeat(30)
    );
    let reply = client.get("/close-delimited");
    assert_eq!(reply.header("content-length"), None);
    assert_eq!(reply.text(), "the end of the connection ends this body\n");
}

#[test]
fn a_slow_body_starts_at_once() {
    let target = target();
    let mut client = Client::to(&target);
    client.send("GET /slow-body?chunks=2&ms=60000 HTTP/1.1\r\n\r\n");
    let head = client.until(b"\r\n\r\n").unwrap();
    assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[test]
fn redirects_lead_where_they_say() {
    let target = target();
    let mut client = Client::to(&target);
    let to = |client: &mut Client, path: &str| {
        let reply = client.get(path);
        (reply.status, reply.header("location").unwrap().to_owned())
    };
    assert_eq!(
        to(&mut client, "/redirect/2"),
        (302, "http://target/redirect/1".into())
    );
    assert_eq!(
        to(&mut client, "/redirect/2?status=307"),
        (307, "http://target/redirect/1?status=307".into())
    );
    assert_eq!(
        to(&mut client, "/redirect/1"),
        (302, "http://target/echo?from=redirect".into())
    );
    assert_eq!(
        to(&mut client, "/relative-redirect"),
        (302, "echo?from=relative".into())
    );
    assert_eq!(
        to(&mut client, "/redirect-loop"),
        (302, "/redirect-loop".into())
    );
    assert_eq!(
        to(&mut client, "/redirect-to?url=%2Fitems&status=308"),
        (308, "/items".into())
    );
    let split = to(&mut client, "/redirect-to?url=/a%0d%0ax-bad:%201");
    assert_eq!(split, (302, "/ax-bad: 1".into()));
}

#[test]
fn cookies_are_set_shown_and_deleted() {
    let target = target();
    let mut client = Client::to(&target);
    let reply = client.get("/cookies/set?a=1&b=2");
    assert_eq!(
        (reply.status, reply.header("location")),
        (302, Some("/cookies"))
    );
    let set: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .collect();
    assert_eq!(set.len(), 2);
    assert_eq!(set[0].1, "a=1; Path=/");
    let shown = client
        .request("GET", "/cookies", "cookie: a=1; b=2\r\n", "")
        .json();
    assert_eq!(shown, json!({ "cookies": { "a": "1", "b": "2" } }));
    let deleted = client.get("/cookies/delete?a");
    assert_eq!(deleted.header("set-cookie"), Some("a=; Path=/; Max-Age=0"));
}

#[test]
fn basic_auth_wants_the_right_pair() {
    let target = target();
    let mut client = Client::to(&target);
    let reply = client.get("/basic-auth/ada/secret");
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.header("www-authenticate"),
        Some("Basic realm=\"katydid\"")
    );
    let right = "authorization: Basic YWRhOnNlY3JldA==\r\n";
    let reply = client.request("GET", "/basic-auth/ada/secret", right, "");
    assert_eq!(reply.json()["authenticated"], true);
}

#[test]
fn every_encoding_unpacks_to_the_same_body() {
    let target = target();
    let mut client = Client::to(&target);
    let mut packed = |path: &str, name: &str| {
        let reply = client.get(path);
        assert_eq!(reply.header("content-encoding"), Some(name));
        reply.body
    };
    let mut bodies = vec![Vec::new(); 4];
    flate2::read::GzDecoder::new(&*packed("/gzip", "gzip"))
        .read_to_end(&mut bodies[0])
        .unwrap();
    flate2::read::ZlibDecoder::new(&*packed("/deflate", "deflate"))
        .read_to_end(&mut bodies[1])
        .unwrap();
    brotli::BrotliDecompress(&mut &*packed("/br", "br"), &mut bodies[2]).unwrap();
    bodies[3] = zstd::decode_all(&*packed("/zstd", "zstd")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&bodies[0]).unwrap();
    assert_eq!(value["compressed"], true);
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}

#[test]
fn an_unknown_mix_is_refused() {
    let target = target();
    assert_eq!(get(&target, "/latency?mix=none").status, 400);
    assert_eq!(get(&target, "/latency?mix=api").status, 200);
}
