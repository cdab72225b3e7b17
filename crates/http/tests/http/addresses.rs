//! Hosts of every spelling.

use katydid_http::{Error, Target};

use crate::server::{Do, ok, serve, serve_on};
use crate::{get, send};

#[test]
fn an_ipv6_address_is_a_host() {
    let server = serve_on("[::1]:0", |_| Do::Say(ok("six")));
    let url = format!("http://[::1]:{}/", server.port());
    assert_eq!(send(get(&url)).unwrap().body, "six");
    let host = format!("[::1]:{}", server.port());
    assert_eq!(server.seen()[0].header("host"), Some(host.as_str()));
}

#[test]
fn a_name_is_tried_at_all_its_addresses() {
    // localhost is 127.0.0.1, ::1 or both, in either order; one of them listens.
    let server = serve(|_| Do::Say(ok("four")));
    let url = format!("http://localhost:{}/", server.port());
    assert_eq!(send(get(&url)).unwrap().body, "four");
    let host = format!("localhost:{}", server.port());
    assert_eq!(server.seen()[0].header("host"), Some(host.as_str()));
}

#[test]
fn an_ipv6_name_is_enough() {
    let server = serve_on("[::1]:0", |_| Do::Say(ok("six")));
    // Systems differ in the name that ::1 goes by.
    let names = ["localhost", "ip6-localhost", "localhost6"];
    let resolves = |name: &&str| {
        std::net::ToSocketAddrs::to_socket_addrs(&(*name, server.port()))
            .is_ok_and(|mut addresses| addresses.any(|address| address.is_ipv6()))
    };
    if let Some(name) = names.iter().find(|name| resolves(name)) {
        let url = format!("http://{name}:{}/", server.port());
        assert_eq!(send(get(&url)).unwrap().body, "six");
    }
}

#[test]
fn a_standard_port_is_not_said() {
    for (url, host) in [
        ("http://shop.test/", "shop.test"),
        ("http://shop.test:80/", "shop.test"),
        ("https://shop.test:443/", "shop.test"),
        ("https://shop.test:80/", "shop.test:80"),
        ("http://[2001:DB8::1]/", "[2001:db8::1]"),
        ("http://SHOP.test/", "shop.test"),
        ("http://b\u{fc}cher.test/", "xn--bcher-kva.test"),
    ] {
        assert_eq!(Target::parse(url).unwrap().host, host, "{url}");
    }
}

#[test]
fn a_host_header_of_the_scripts_own_is_sent_alone() {
    let server = serve(|_| Do::Say(ok("x")));
    let mut request = get(&server.url("/"));
    std::sync::Arc::make_mut(&mut request.headers).insert("host", "other.test".parse().unwrap());
    send(request).unwrap();
    let hosts: Vec<_> = server.seen()[0]
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.clone())
        .collect();
    assert_eq!(hosts, ["other.test"]);
}

#[test]
fn a_name_without_address_is_said() {
    match send(get("http://no-such-host.invalid/")) {
        Err(Error::Resolve { host, .. }) => assert_eq!(host, "no-such-host.invalid"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_url_is_refused() {
    for url in [
        "",
        "/",
        "shop.test",
        "ftp://shop.test/",
        "http://",
        "http://shop.test:99999/",
        "http://[::1/",
        "http://sh op/",
        "http://%zz/",
    ] {
        let error = Target::parse(url).unwrap_err();
        assert!(matches!(error, Error::Url { .. }), "{url:?}: {error:?}");
    }
}
