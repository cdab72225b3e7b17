//! Through an HTTP proxy: absolute form for http, a tunnel for https.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use katydid::target;
use katydid_http::proxy::Proxy;
use katydid_http::{Client, Config, Error, Request, Response};
use tokio_util::sync::CancellationToken;

use crate::server::{Do, Server, ok, serve, with_headers};
use crate::{config, get, run};

fn through(proxy: &str, request: Request) -> Result<Response, Error> {
    let client = Client::new(Arc::new(Config {
        proxy: Some(Proxy::parse(proxy).unwrap()),
        ..config()
    }));
    run(client.send(request)).result
}

fn https_target() -> target::Running {
    let config = target::Config {
        tls: true,
        ..target::Config::default()
    };
    target::run(config, &CancellationToken::new()).unwrap()
}

/// A proxy that opens tunnels to wherever `CONNECT` says; what it was asked.
fn tunnels() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://ann:s%40crt@{}", listener.local_addr().unwrap());
    let (told, heads) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut client = stream.unwrap();
            let told = told.clone();
            std::thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") {
                    client.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let authority = head.split(' ').nth(1).unwrap().to_owned();
                told.send(head).unwrap();
                let server = TcpStream::connect(authority).unwrap();
                client
                    .write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
                    .unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                std::io::copy(&mut (&server), &mut client).ok();
            });
        }
    });
    (url, heads)
}

#[test]
fn a_proxy_gets_the_whole_url_and_its_credentials() {
    let proxy = serve(|_| Do::Say(ok("by proxy")));
    let url = format!("http://ann:s%40crt@{}", proxy.address);
    let response = through(&url, get("http://shop.test:81/items?page=2")).unwrap();
    assert_eq!(response.body, "by proxy");
    let seen = &proxy.seen()[0];
    assert_eq!(seen.line, "GET http://shop.test:81/items?page=2 HTTP/1.1");
    assert_eq!(seen.header("host"), Some("shop.test:81"));
    // ann:s@crt
    assert_eq!(
        seen.header("proxy-authorization"),
        Some("Basic YW5uOnNAY3J0")
    );
}

#[test]
fn a_proxy_without_a_scheme_is_http() {
    let proxy = serve(|_| Do::Say(ok("by proxy")));
    through(&proxy.address.to_string(), get("http://shop.test/")).unwrap();
    assert!(proxy.seen()[0].header("proxy-authorization").is_none());
}

#[test]
fn what_a_proxy_answers_to_a_plain_request_is_the_answer() {
    for status in ["407 Proxy Authentication Required", "502 Bad Gateway"] {
        let proxy = serve(move |_| Do::Say(with_headers(status, "", "no")));
        let response = through(&proxy.url(""), get("http://shop.test/")).unwrap();
        assert!(status.starts_with(response.status.as_str()));
    }
}

#[test]
fn https_goes_through_a_tunnel() {
    let target = https_target();
    let (proxy, heads) = tunnels();
    let response = through(&proxy, get(&format!("{}/echo", target.url()))).unwrap();
    assert_eq!(response.status, 200);
    let head = heads.recv().unwrap();
    let authority = target.address();
    assert!(head.starts_with(&format!(
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
    )));
    assert!(head.contains("Proxy-Authorization: Basic YW5uOnNAY3J0\r\n"));
    let echoed = String::from_utf8_lossy(&response.body).to_lowercase();
    assert!(
        !echoed.contains("proxy-authorization"),
        "the proxy's alone: {echoed}"
    );
}

#[test]
fn a_tunnel_is_reused() {
    let target = https_target();
    let (proxy, heads) = tunnels();
    let client = Client::new(Arc::new(Config {
        proxy: Some(Proxy::parse(&proxy).unwrap()),
        ..config()
    }));
    run(async {
        for _ in 0..3 {
            client.send(get(&target.url())).await.result.unwrap();
        }
    });
    assert_eq!(heads.try_iter().count(), 1);
}

fn refusal(proxy: &Server) -> String {
    match through(&proxy.url(""), get("https://shop.test/")) {
        Err(Error::Proxy { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_tunnel_says_what_the_proxy_said() {
    for status in [
        "407 Proxy Authentication Required",
        "502 Bad Gateway",
        "403 Forbidden",
    ] {
        let proxy = serve(move |_| Do::Say(with_headers(status, "", "no")));
        let reason = refusal(&proxy);
        assert!(reason.contains(status), "{reason}");
    }
}

#[test]
fn a_broken_tunnel_is_a_failure_of_the_proxy() {
    let closed = refusal(&serve(|_| Do::Last(Vec::new())));
    assert!(closed.contains("closed"), "{closed}");
    let garbage = refusal(&serve(|_| Do::Last(b"what?\r\n\r\n".to_vec())));
    assert!(garbage.contains("what?"), "{garbage}");
    let endless = refusal(&serve(|_| Do::Last(vec![b'x'; 1 << 20])));
    assert!(endless.contains("does not end"), "{endless}");
}

#[test]
fn a_dead_proxy_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for url in ["http://shop.test/", "https://shop.test/"] {
        match through(&format!("http://{address}"), get(url)) {
            Err(Error::Proxy { reason }) => {
                assert!(reason.contains(&address.to_string()), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_address_that_is_no_proxy_is_refused() {
    for url in [
        "https://proxy.test:1",
        "socks5://proxy.test:1",
        "http://",
        "http://a b/",
    ] {
        let error = Proxy::parse(url).unwrap_err();
        assert!(matches!(error, Error::Proxy { .. }), "{url}: {error:?}");
        assert!(!error.chain().contains("secret"));
    }
    let error = Proxy::parse("http://ann:secret@ho st:1/").unwrap_err();
    assert!(!error.chain().contains("secret"), "{}", error.chain());
}
