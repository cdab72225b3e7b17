//! HTTP/1 as clients may speak it.

use crate::client::Client;
use crate::target;

#[test]
fn a_connection_stays_open_and_pipelined_requests_are_answered_in_order() {
    let target = target();
    let mut client = Client::to(&target);
    let requests = (1..=20).map(|id| format!("GET /item/{id} HTTP/1.1\r\n\r\n"));
    client.send(requests.collect::<Vec<_>>().concat());
    for id in 1..=20 {
        assert_eq!(client.reply().unwrap().json()["id"], id);
    }
}

#[test]
fn a_request_in_pieces_is_put_together() {
    let target = target();
    let mut client = Client::to(&target);
    for byte in b"POST /echo HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello" {
        client.send([*byte]);
    }
    assert_eq!(client.reply().unwrap().json()["body"], "hello");
}

#[test]
fn connection_close_is_kept_to() {
    let target = target();
    let mut client = Client::to(&target);
    let reply = client.request("GET", "/", "connection: close\r\n", "");
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(client.rest().unwrap().is_empty());
}

#[test]
fn version_1_0_closes_unless_asked_to_stay() {
    let target = target();
    let mut client = Client::to(&target);
    client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    assert_eq!(
        client.reply().unwrap().header("connection"),
        Some("keep-alive")
    );
    client.send("GET /chunked HTTP/1.0\r\n\r\n");
    let reply = client.reply().unwrap();
    assert_eq!(reply.header("transfer-encoding"), None);
    assert_eq!(reply.text(), "chunk 00001\nchunk 00002\nchunk 00003\n");
}

#[test]
fn a_body_is_invited_when_the_client_waits_for_that() {
    let target = target();
    let mut client = Client::to(&target);
    client.send("POST /echo HTTP/1.1\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(client.reply().unwrap().status, 100);
    client.send("ok");
    assert_eq!(client.reply().unwrap().json()["body"], "ok");
}

#[test]
fn a_chunked_body_is_understood() {
    let target = target();
    let mut client = Client::to(&target);
    client.send("POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    client.send("7\r\n, world\r\n0\r\n\r\n");
    assert_eq!(client.reply().unwrap().json()["body"], "hello, world");
}

#[test]
fn a_large_body_arrives_whole() {
    let target = target();
    let body = "z".repeat(3_000_000);
    let reply = Client::to(&target).request("POST", "/echo", "", &body);
    assert_eq!(reply.json()["body_length"], 3_000_000);
}

#[test]
fn head_has_the_length_and_no_body() {
    let target = target();
    let mut client = Client::to(&target);
    let reply = client.request("HEAD", "/bytes/500", "", "");
    assert_eq!(reply.header("content-length"), Some("500"));
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn what_is_not_http_gets_a_400_and_a_closed_connection() {
    let target = target();
    let mut client = Client::to(&target);
    client.send("\x16\x03\x01 hello\r\n\r\n");
    assert_eq!(client.reply().unwrap().status, 400);
    assert!(client.rest().unwrap().is_empty());
    assert_eq!(
        target.truth()["by_route"]["OTHER (malformed)"]["by_status"]["400"],
        1
    );
}

#[test]
fn a_known_path_with_another_method_is_a_405() {
    let target = target();
    assert_eq!(
        Client::to(&target)
            .request("DELETE", "/items", "", "")
            .status,
        405
    );
    assert_eq!(
        Client::to(&target)
            .request("GET", "/nowhere", "", "")
            .status,
        404
    );
}
