//! Cookies as RFC 6265 has them. Names are served by a proxy, so that no resolver is needed.

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
        let lines: String = set
            .split('|')
            .filter(|line| !line.is_empty())
            .map(|line| {
                format!(
                    "Set-Cookie: {}\r\n",
                    line.replace('_', " ").replace('~', "\"")
                )
            })
            .collect();
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

#[test]
fn a_cookie_goes_where_it_belongs() {
    let table = [
        // Set at, cookie, asked for, sent or not.
        ("http://shop.test/", "a=1", "http://shop.test/x/y", true),
        ("http://shop.test/", "a=1", "http://www.shop.test/", false),
        ("http://shop.test/", "a=1", "http://shop.test:8080/", true),
        (
            "http://www.shop.test/",
            "a=1;_Domain=shop.test",
            "http://api.shop.test/",
            true,
        ),
        (
            "http://www.shop.test/",
            "a=1;_Domain=.shop.test",
            "http://shop.test/",
            true,
        ),
        (
            "http://www.shop.test/",
            "a=1;_Domain=shop.test",
            "http://otherShop.test/",
            false,
        ),
        (
            "http://shop.test/",
            "a=1;_Domain=other.test",
            "http://other.test/",
            false,
        ),
        (
            "http://shop.test/",
            "a=1;_Domain=www.shop.test",
            "http://www.shop.test/",
            false,
        ),
        (
            "http://shop.test/",
            "a=1;_Path=/in",
            "http://shop.test/in/side",
            true,
        ),
        (
            "http://shop.test/",
            "a=1;_Path=/in",
            "http://shop.test/in",
            true,
        ),
        (
            "http://shop.test/",
            "a=1;_Path=/in",
            "http://shop.test/inside",
            false,
        ),
        ("http://shop.test/a/b", "a=1", "http://shop.test/a/c", true),
        ("http://shop.test/a/b", "a=1", "http://shop.test/", false),
        (
            "http://shop.test/",
            "a=1;_Secure",
            "http://shop.test/",
            false,
        ),
        (
            "http://localhost/",
            "a=1;_Secure",
            "http://localhost/",
            false,
        ),
        (
            "http://shop.test/",
            "a=1;_HttpOnly",
            "http://shop.test/",
            true,
        ),
        (
            "http://shop.test/",
            "a=1;_Max-Age=100",
            "http://shop.test/",
            true,
        ),
        (
            "http://shop.test/",
            "a=1;_Max-Age=0",
            "http://shop.test/",
            false,
        ),
        (
            "http://shop.test/",
            "a=1;_Expires=Thu,_01_Jan_1970_00:00:00_GMT",
            "http://shop.test/",
            false,
        ),
        (
            "http://shop.test/",
            "a=1;_Expires=Fri,_31_Dec_2100_23:59:59_GMT",
            "http://shop.test/",
            true,
        ),
        (
            "http://shop.test/",
            "a=1;_Unknown=x;_SameSite=Strict",
            "http://shop.test/",
            true,
        ),
        ("http://127.0.0.1/", "a=1", "http://127.0.0.1/", true),
        (
            "http://127.0.0.1/",
            "a=1;_Domain=0.0.1",
            "http://127.0.0.1/",
            false,
        ),
    ];
    for (set_at, cookie, asked, goes) in table {
        let expected = goes.then(|| "a=1".to_owned());
        assert_eq!(
            sent(set_at, cookie, asked),
            expected,
            "{cookie} of {set_at} to {asked}"
        );
    }
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
