//! Cookies as RFC 6265 has them. Names are served by a proxy, so that no resolver is needed.

use std::fmt::Write;
use std::sync::Arc;

use katydid_http::proxy::Proxy;
use katydid_http::{Client, Config};

use crate::server::{Do, Seen, Server, serve, with_headers};
use crate::{client, config, get, run};

/// Sets the cookies that a path of `/set` spells, separated by `|`, with `_` for
/// blanks and `~` for quotes.
fn jar() -> Server {
    serve(|seen: &Seen| {
        let set = seen.path().split_once("?set=").map_or("", |(_, set)| set);
        let mut lines = String::new();
        for line in set.split('|').filter(|line| !line.is_empty()) {
            let line = line.replace('_', " ").replace('~', "\"");
            write!(lines, "Set-Cookie: {line}\r\n").unwrap();
        }
        Do::Say(with_headers("200 OK", &lines, ""))
    })
}

fn behind(proxy: &Server) -> Client {
    Client::new(Arc::new(Config {
        proxy: Some(Proxy::parse(&proxy.url("")).unwrap()),
        ..config()
    }))
}

/// Sets cookies at one URL and tells which are sent to another.
fn sent(set_at: &str, cookies: &str, asked: &str) -> Option<String> {
    let server = jar();
    run(async {
        let client = behind(&server);
        let set = format!("{set_at}?set={cookies}");
        client.send(get(&set)).await.result.unwrap();
        client.send(get(asked)).await.result.unwrap();
    });
    let seen = server.seen();
    seen[1].header("cookie").map(str::to_owned)
}

/// Where a cookie is set, how, where is asked next, and whether it is sent there.
type Case = (&'static str, &'static str, &'static str, bool);

fn check(table: &[Case]) {
    for &(set_at, cookie, asked, goes) in table {
        let (set_at, asked) = (format!("http://{set_at}"), format!("http://{asked}"));
        let expected = goes.then(|| "a=1".to_owned());
        let got = sent(&set_at, cookie, &asked);
        assert_eq!(got, expected, "{cookie} of {set_at} to {asked}");
    }
}

#[test]
fn a_cookie_goes_to_its_domain() {
    check(&[
        ("shop.test/", "a=1", "shop.test/x/y", true),
        ("shop.test/", "a=1", "www.shop.test/", false),
        ("shop.test/", "a=1", "shop.test:8080/", true),
        (
            "www.shop.test/",
            "a=1;_Domain=shop.test",
            "api.shop.test/",
            true,
        ),
        (
            "www.shop.test/",
            "a=1;_Domain=.shop.test",
            "shop.test/",
            true,
        ),
        (
            "www.shop.test/",
            "a=1;_Domain=shop.test",
            "othershop.test/",
            false,
        ),
        ("shop.test/", "a=1;_Domain=other.test", "other.test/", false),
        (
            "shop.test/",
            "a=1;_Domain=www.shop.test",
            "www.shop.test/",
            false,
        ),
        ("127.0.0.1/", "a=1", "127.0.0.1/", true),
        ("127.0.0.1/", "a=1;_Domain=0.0.1", "127.0.0.1/", false),
    ]);
}

#[test]
fn a_cookie_goes_below_its_path() {
    check(&[
        ("shop.test/", "a=1;_Path=/in", "shop.test/in/side", true),
        ("shop.test/", "a=1;_Path=/in", "shop.test/in", true),
        ("shop.test/", "a=1;_Path=/in", "shop.test/inside", false),
        ("shop.test/a/b", "a=1", "shop.test/a/c", true),
        ("shop.test/a/b", "a=1", "shop.test/", false),
    ]);
}

#[test]
fn a_cookie_ends_when_it_says_so() {
    check(&[
        ("shop.test/", "a=1;_Max-Age=100", "shop.test/", true),
        ("shop.test/", "a=1;_Max-Age=0", "shop.test/", false),
        ("shop.test/", "a=1;_Max-Age=-1", "shop.test/", false),
        (
            "shop.test/",
            "a=1;_Expires=Thu,_01_Jan_1970_00:00:00_GMT",
            "shop.test/",
            false,
        ),
        (
            "shop.test/",
            "a=1;_Expires=Fri,_31_Dec_2100_23:59:59_GMT",
            "shop.test/",
            true,
        ),
    ]);
}

#[test]
fn a_cookie_is_as_safe_as_it_says() {
    check(&[
        ("shop.test/", "a=1;_Secure", "shop.test/", false),
        ("localhost/", "a=1;_Secure", "localhost/", false),
        ("shop.test/", "a=1;_HttpOnly", "shop.test/", true),
        (
            "shop.test/",
            "a=1;_Unknown=x;_SameSite=Strict",
            "shop.test/",
            true,
        ),
    ]);
}

#[test]
fn longer_paths_come_first() {
    for _ in 0..8 {
        let line = sent(
            "http://shop.test/a/b/",
            "x=1;_Path=/|y=2;_Path=/a/b|z=3;_Path=/a",
            "http://shop.test/a/b/c",
        );
        assert_eq!(line.as_deref(), Some("y=2; z=3; x=1"));
    }
}

#[test]
fn a_cookie_is_replaced_and_removed_by_its_name() {
    assert_eq!(
        sent("http://shop.test/", "a=1|a=2", "http://shop.test/").as_deref(),
        Some("a=2")
    );
    assert_eq!(
        sent(
            "http://shop.test/",
            "a=1|b=2|a=;_Max-Age=0",
            "http://shop.test/"
        )
        .as_deref(),
        Some("b=2")
    );
}

#[test]
fn values_are_sent_as_they_came() {
    for value in ["~quoted~", "a%20b", "x=y=z", ""] {
        let line = sent(
            "http://shop.test/",
            &format!("a={value}"),
            "http://shop.test/",
        );
        let value = value.replace('~', "\"");
        assert_eq!(line, Some(format!("a={value}")));
    }
}

#[test]
fn nonsense_is_no_cookie() {
    for cookie in [
        "",
        "=",
        ";",
        "no-equals-sign",
        "=value;_Path=/",
        "a=1;_Max-Age=soon",
    ] {
        sent("http://shop.test/", cookie, "http://shop.test/");
    }
}

#[test]
fn cookies_survive_a_redirect_and_belong_to_one_client() {
    let server = serve(|seen: &Seen| match seen.path() {
        "/" => Do::Say(with_headers(
            "302 Found",
            "Location: /in\r\nSet-Cookie: a=1\r\n",
            "",
        )),
        _ => Do::Say(with_headers("200 OK", "", "")),
    });
    run(async {
        client().send(get(&server.url("/"))).await.result.unwrap();
        client().send(get(&server.url("/in"))).await.result.unwrap();
    });
    let cookies: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| seen.header("cookie").map(str::to_owned))
        .collect();
    assert_eq!(cookies, [None, Some("a=1".to_owned()), None]);
}

#[test]
fn the_jar_can_be_read_and_replaced() {
    let server = jar();
    run(async {
        let client = client();
        let url = server.url("/a/b?set=k=v;_HttpOnly;_Max-Age=100");
        client.send(get(&url)).await.result.unwrap();
        let revision = client.cookies.lock().revision();
        let all = client.cookies.lock().all();
        assert_eq!((all[0].name.as_str(), all[0].value.as_str()), ("k", "v"));
        assert_eq!(
            (all[0].domain.as_str(), all[0].path.as_str()),
            ("127.0.0.1", "/a")
        );
        assert!(all[0].host_only && all[0].http_only && !all[0].secure);
        assert!(all[0].expires.is_some());
        client.cookies.lock().replace(&[]);
        assert!(client.cookies.lock().revision() > revision);
        client.cookies.lock().replace(&all);
        assert_eq!(client.cookies.lock().all(), all);
        client.send(get(&server.url("/a/"))).await.result.unwrap();
    });
    assert_eq!(server.seen()[1].header("cookie"), Some("k=v"));
}
