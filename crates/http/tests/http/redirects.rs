//! Where redirects lead and what is asked there.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use katydid_http::{Error, Request};

use crate::server::{Do, Seen, Server, ok, serve, with_headers};
use crate::{ask, client, get, run, send, text};

/// Redirects `/` to a place; everything else is answered.
fn towards(status: &'static str, location: String) -> Server {
    serve(move |seen: &Seen| match seen.path() {
        "/" => Do::Say(with_headers(
            status,
            &format!("Location: {location}\r\n"),
            "",
        )),
        _ => Do::Say(ok("there")),
    })
}

fn with_credentials(url: &str) -> Request {
    let mut request = get(url);
    let value = katydid_http::request::basic_auth("ann", "secret");
    Arc::make_mut(&mut request.headers).insert(AUTHORIZATION, value);
    request
}

#[test]
fn methods_and_bodies_follow_the_rules() {
    let table = [
        ("301 Moved Permanently", "POST", "GET", ""),
        ("301 Moved Permanently", "PUT", "PUT", ""),
        ("302 Found", "POST", "GET", ""),
        ("302 Found", "PUT", "GET", ""),
        ("302 Found", "HEAD", "HEAD", ""),
        ("303 See Other", "POST", "GET", ""),
        ("303 See Other", "HEAD", "HEAD", ""),
        ("307 Temporary Redirect", "POST", "POST", "body"),
        ("308 Permanent Redirect", "PUT", "PUT", "body"),
    ];
    for (status, method, after, body) in table {
        let server = towards(status, "/there".to_owned());
        let mut request = ask(
            method,
            &server.url("/"),
            if method == "HEAD" { "" } else { "body" },
        );
        Arc::make_mut(&mut request.headers).insert("content-type", "text/plain".parse().unwrap());
        let response = send(request).unwrap();
        let seen = &server.seen()[1];
        assert_eq!(
            seen.line,
            format!("{after} /there HTTP/1.1"),
            "{status} {method}"
        );
        assert_eq!(seen.body, body, "{status} {method}");
        let typed = seen.header("content-type").is_some();
        assert_eq!(
            typed,
            !body.is_empty(),
            "a type without a body means nothing"
        );
        assert_eq!(response.method, after);
    }
}

#[test]
fn places_are_found_from_where_one_is() {
    let table = [
        ("/a/b?x=1", "c?y=2", "/a/c?y=2"),
        ("/a/b", "../d", "/d"),
        ("/a/b", "/e", "/e"),
        ("/a/b?x=1", "?y=2", "/a/b?y=2"),
        ("/a/b", "c#part", "/a/c"),
        ("/a/b", "/with space/\u{fc}", "/with%20space/%C3%BC"),
    ];
    for (from, location, to) in table {
        let first = from.to_owned();
        let server = serve(move |seen| {
            if seen.path() == first {
                let header = format!("Location: {location}\r\n");
                Do::Say(with_headers("302 Found", &header, ""))
            } else {
                Do::Say(ok("there"))
            }
        });
        let response = send(get(&server.url(from))).unwrap();
        assert_eq!(server.paths()[1], to, "{location}");
        assert_eq!(response.target.url, server.url(to));
    }
}

#[test]
fn a_place_without_a_scheme_keeps_the_scheme() {
    let there = serve(|_| Do::Say(ok("there")));
    let server = towards("302 Found", format!("//{}/x", there.address));
    assert_eq!(text(&send(get(&server.url("/"))).unwrap()), "there");
}

#[test]
fn credentials_go_no_further_than_their_host() {
    let elsewhere = serve(|_| Do::Say(ok("elsewhere")));
    let server = towards("302 Found", elsewhere.url("/x"));
    send(with_credentials(&server.url("/"))).unwrap();
    assert!(server.seen()[0].header("authorization").is_some());
    assert!(elsewhere.seen()[0].header("authorization").is_none());

    let server = towards("302 Found", "/there".to_owned());
    send(with_credentials(&server.url("/"))).unwrap();
    assert!(server.seen()[1].header("authorization").is_some());
}

#[test]
fn a_redirect_without_a_place_is_the_answer() {
    let server = serve(|_| Do::Say(with_headers("302 Found", "", "here")));
    assert_eq!(text(&send(get(&server.url("/"))).unwrap()), "here");
    let server = serve(|_| Do::Say(with_headers("304 Not Modified", "Location: /x\r\n", "")));
    assert_eq!(send(get(&server.url("/"))).unwrap().status, 304);
}

#[test]
fn a_place_that_cannot_be_asked_is_a_failure() {
    for location in [
        "ftp://host/",
        "mailto:ann@example.org",
        "http://",
        "http://[::1",
        "http://a:99999/",
    ] {
        let server = towards("302 Found", location.to_owned());
        let error = send(get(&server.url("/"))).unwrap_err();
        assert!(matches!(error, Error::Url { .. }), "{location}: {error:?}");
    }
}

#[test]
fn loops_end_at_the_limit() {
    let server = serve(|_| Do::Say(with_headers("302 Found", "Location: /again\r\n", "")));
    let request = Request {
        redirects: Some(5),
        ..get(&server.url("/"))
    };
    let exchange = run(client().send(request));
    assert!(matches!(
        exchange.result,
        Err(Error::TooManyRedirects { limit: 5 })
    ));
    assert_eq!(exchange.history.len(), 5);
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn a_redirect_to_nobody_says_whom_it_could_not_reach() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let server = towards("302 Found", format!("http://127.0.0.1:{port}/"));
    let exchange = run(client().send(get(&server.url("/"))));
    match exchange.result {
        Err(Error::Connect { port: said, .. }) => assert_eq!(said, port),
        other => panic!("{other:?}"),
    }
    assert_eq!(exchange.history.len(), 1);
}
