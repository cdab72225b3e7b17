//! Connections are kept, and one that went stale is replaced at most once.

use bytes::Bytes;
use http::Method;
use katydid_http::{Error, Request};

use crate::server::{Do, Seen, Server, ok, serve, with_headers};
use crate::{ask, client, get, run};

/// Answers the first request of the first connection; breaks that connection at its second one.
fn stale(broken: &'static [u8]) -> Server {
    serve(move |seen: &Seen| match (seen.connection, seen.path()) {
        (0, "/first") => Do::Say(ok("first")),
        (0, _) => Do::Last(broken.to_vec()),
        _ => Do::Say(ok("again")),
    })
}

/// What a second request comes to, and how often it was sent.
fn second(server: &Server, request: Request) -> (Result<Bytes, Error>, usize) {
    let result = run(async {
        let client = client();
        client
            .send(get(&server.url("/first")))
            .await
            .result
            .unwrap();
        client.send(request).await.result
    });
    (
        result.map(|response| response.body),
        server.seen().len() - 1,
    )
}

#[test]
fn requests_share_a_connection() {
    let server = serve(|_| Do::Say(ok("x")));
    run(async {
        let client = client();
        for _ in 0..3 {
            client.send(get(&server.url("/"))).await.result.unwrap();
        }
    });
    assert!(server.seen().iter().all(|seen| seen.connection == 0));
}

#[test]
fn a_connection_that_is_to_close_is_not_kept() {
    let server = serve(|_| Do::Say(with_headers("200 OK", "Connection: close\r\n", "x")));
    run(async {
        let client = client();
        for _ in 0..2 {
            client.send(get(&server.url("/"))).await.result.unwrap();
        }
    });
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 1]);
}

#[test]
fn a_repeatable_request_is_sent_again_when_its_connection_was_stale() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let server = stale(b"");
        let (result, sent) = second(&server, ask(method, &server.url("/second"), ""));
        assert!(result.is_ok(), "{method}: {result:?}");
        assert_eq!(sent, 2, "{method}");
    }
}

#[test]
fn a_request_that_changes_something_is_not_sent_twice() {
    for method in ["POST", "PATCH"] {
        let server = stale(b"");
        let (result, sent) = second(&server, ask(method, &server.url("/second"), "body"));
        assert!(
            matches!(result, Err(Error::Closed | Error::Broken(_))),
            "{result:?}"
        );
        assert_eq!(sent, 1, "{method}");
    }
}

#[test]
fn nothing_is_sent_again_after_a_byte_of_an_answer() {
    let server = stale(b"H");
    let (result, sent) = second(&server, get(&server.url("/second")));
    assert!(
        matches!(result, Err(Error::Truncated { received: 0 })),
        "{result:?}"
    );
    assert_eq!(sent, 1);
}

#[test]
fn a_fresh_connection_that_closes_is_a_failure() {
    let server = serve(|_| Do::Last(Vec::new()));
    let result = run(client().send(get(&server.url("/")))).result;
    assert!(matches!(result, Err(Error::Closed)), "{result:?}");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_connection_closed_while_idle_is_replaced_for_every_method() {
    let server = serve(|seen| {
        if seen.connection == 0 {
            Do::Last(ok("x"))
        } else {
            Do::Say(ok("x"))
        }
    });
    run(async {
        let client = client();
        client.send(get(&server.url("/"))).await.result.unwrap();
        // The connection's end arrives after its last answer, at no particular moment.
        let post = ask("POST", &server.url("/"), "body");
        let second = client.send(post).await.result;
        let closed = matches!(second, Err(Error::Closed | Error::Broken(_)));
        assert!(second.is_ok() || closed, "{second:?}");
        let third = client.send(ask("POST", &server.url("/"), "body")).await;
        assert_eq!(third.result.unwrap().body, "x");
    });
}

#[test]
fn an_answer_nobody_asked_for_spoils_the_connection() {
    let mut twice = ok("one");
    twice.extend(ok("two"));
    let server = serve(move |seen| {
        if seen.connection == 0 {
            Do::Say(twice.clone())
        } else {
            Do::Say(ok("three"))
        }
    });
    run(async {
        let client = client();
        let first = client.send(get(&server.url("/"))).await.result.unwrap();
        assert_eq!(first.body, "one");
        let second = client.send(get(&server.url("/"))).await.result.unwrap();
        assert_eq!(second.body, "three", "an answer belongs to its request");
    });
}

#[test]
fn connections_are_kept_apart_by_origin() {
    let one = serve(|_| Do::Say(ok("one")));
    let two = serve(|_| Do::Say(ok("two")));
    run(async {
        let client = client();
        for _ in 0..2 {
            for (server, body) in [(&one, "one"), (&two, "two")] {
                let response = client.send(get(&server.url("/"))).await.result.unwrap();
                assert_eq!(response.body, body);
            }
        }
        client.close();
        client.send(get(&one.url("/"))).await.result.unwrap();
    });
    let connections: Vec<_> = one.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1], "closing closes the idle ones");
    assert!(two.seen().iter().all(|seen| seen.connection == 0));
}

#[test]
fn a_bodiless_post_says_so() {
    let server = serve(|_| Do::Say(ok("x")));
    run(async {
        let client = client();
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::GET] {
            let request = Request {
                method,
                ..get(&server.url("/"))
            };
            client.send(request).await.result.unwrap();
        }
    });
    let lengths: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.header("content-length").map(str::to_owned))
        .collect();
    let zero = Some("0".to_owned());
    assert_eq!(lengths, [zero.clone(), zero.clone(), zero, None]);
}
