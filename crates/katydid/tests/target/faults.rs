//! Broken answers, and connections that end without a word.

use std::io::ErrorKind;

use crate::client::Client;
use crate::target;

/// Everything that comes after asking for a fault, and how it ends.
fn after(kind: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let target = target();
    let mut client = Client::to(&target);
    client.send(format!("GET /broken/{kind} HTTP/1.1\r\n\r\n"));
    match client.rest() {
        Ok(bytes) => (bytes, None),
        Err(error) => (Vec::new(), Some(error.kind())),
    }
}

#[test]
fn close_and_reset_end_before_any_byte() {
    assert_eq!(after("close"), (Vec::new(), None));
    assert_eq!(
        after("reset"),
        (Vec::new(), Some(ErrorKind::ConnectionReset))
    );
}

#[test]
fn faults_end_the_connection_in_the_middle() {
    let text = |kind| String::from_utf8_lossy(&after(kind).0).into_owned();
    assert!(text("garbage").contains("this is not HTTP"));
    assert!(text("cut-length").ends_with("content-length: 1000\r\n\r\nonly the beginning"));
    assert!(text("cut-chunk").ends_with("40\r\nhalf a chunk"));
    assert!(text("bad-chunk").contains("xyz\r\n"));
    assert!(text("bad-length").contains("content-length: many\r\n"));
    assert!(text("half-head").ends_with("content-ty"));
    assert!(text("huge-header").len() > 1_000_000);
}

#[test]
fn a_broken_gzip_body_has_the_length_it_says() {
    let target = target();
    let reply = Client::to(&target).get("/broken/bad-gzip");
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(reply.body.len(), 21);
}

#[test]
fn endless_headers_go_on_until_the_client_leaves() {
    let target = target();
    let mut client = Client::to(&target);
    client.send("GET /broken/endless-headers HTTP/1.1\r\n\r\n");
    for _ in 0..1000 {
        client.until(b"yyyy\r\n").unwrap();
    }
}

#[test]
fn a_frozen_answer_holds_the_connection_until_the_client_leaves() {
    let target = target();
    let mut client = Client::to(&target);
    client.send("GET /broken/freeze HTTP/1.1\r\n\r\n");
    let unfinished = || target.truth()["unfinished"].as_u64().unwrap();
    while unfinished() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(
        target.truth()["by_route"]["GET /broken/{kind}"]["by_status"]["none"],
        1
    );
    drop(client);
    while unfinished() == 1 {
        std::thread::yield_now();
    }
}

#[test]
fn an_unknown_fault_is_a_404() {
    let target = target();
    assert_eq!(Client::to(&target).get("/broken/heart").status, 404);
}

#[test]
fn a_connection_is_dropped_after_its_answers_without_a_word() {
    let target = target();
    let mut client = Client::to(&target);
    for _ in 0..2 {
        let reply = client.get("/drop-after/3");
        assert_eq!(reply.header("connection"), None);
    }
    assert_eq!(client.get("/").status, 200);
    assert!(client.rest().unwrap().is_empty());
    assert_eq!(target.truth()["total"], 3);
}

#[test]
fn a_connection_dropped_at_the_next_request_leaves_it_uncounted() {
    let target = target();
    let mut client = Client::to(&target);
    assert_eq!(client.get("/drop-after/1?when=next").status, 200);
    client.send("GET /item/1 HTTP/1.1\r\n\r\n");
    assert!(client.reply().is_err());
    assert_eq!(target.truth()["total"], 1);
}
