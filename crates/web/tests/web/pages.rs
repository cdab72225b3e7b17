//! What a script adds to the site, and whom it lets in.

use http_body_util::BodyExt;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::{Method, Request, StatusCode};
use katydid_web::{Answers, Options};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{FORM, PATIENCE, Served};

#[tokio::test]
async fn a_script_without_pages_is_never_asked_for_one() {
    let mut served = Served::new().await;
    assert_eq!(served.get("/added").await.status, StatusCode::NOT_FOUND);
    assert_eq!(served.script.visits(), []);
}

#[tokio::test]
async fn what_the_server_does_not_know_is_asked_of_the_script() {
    let mut served = Served::new().await;
    served.has_pages(Answers::Unknown, false);
    let request = Request::put("/added/a%20b?c=d%2F")
        .header(CONTENT_TYPE, "text/x-own")
        .header("x-twice", "1")
        .header("x-twice", "2");
    let reply = served.send(request, "sent").await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (203, "sent"));
    assert_eq!(reply.headers["x-own"].as_bytes(), b"caf\xe9");
    assert_eq!(reply.header("content-security-policy"), "");
    assert_eq!(reply.header("x-frame-options"), "SAMEORIGIN");
    let visit = served.script.visits().remove(0);
    assert_eq!((visit.method.as_str(), visit.scheme), ("PUT", "http"));
    assert_eq!(visit.path, "/added/a%20b");
    assert_eq!(visit.query, "c=d%2F");
    assert!(visit.peer.is_some_and(|peer| peer.ip().is_loopback()));
    for header in [
        ("content-type", "text/x-own"),
        ("x-twice", "1"),
        ("x-twice", "2"),
    ] {
        let header = (header.0.to_owned(), header.1.to_owned());
        assert!(visit.headers.contains(&header), "{header:?}");
    }
    for path in ["/", "/stats/requests", "/api/v1/run", "/worker-count"] {
        assert_eq!(served.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(served.script.visits().len(), 1);
}

#[tokio::test]
async fn a_page_may_come_in_pieces() {
    let mut served = Served::new().await;
    served.has_pages(Answers::Unknown, false);
    let request = Request::get("/pieces").header("accept-encoding", "gzip");
    let reply = served.send(request, "").await;
    assert_eq!(reply.text, "one,two");
    assert_eq!(reply.header("content-encoding"), "");
}

#[tokio::test]
async fn a_script_with_a_say_answers_all_but_our_own_api() {
    let mut served = Served::new().await;
    served.has_pages(Answers::All, false);
    for path in ["/", "/stats/requests", "/swarm", "/added"] {
        assert_eq!(served.get(path).await.status.as_u16(), 203, "{path}");
    }
    assert_eq!(served.get("/api/v1/run").await.status, StatusCode::OK);
    assert_eq!(
        served.get("/assets/nope.js").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn our_own_api_is_for_visitors_the_script_knows() {
    let mut served = Served::new().await;
    served.has_pages(Answers::All, true);
    for path in ["run", "snapshot", "stream"] {
        let reply = served.get(&format!("/api/v1/{path}")).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let reply = served.command("/api/v1/stop", &json!({})).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(
        served
            .script
            .calls()
            .iter()
            .all(|(name, _)| name == "authorized")
    );
    *served.script.knows.lock() = true;
    let request = Request::get("/api/v1/run").header("cookie", "session=1");
    assert_eq!(served.send(request, "").await.status, StatusCode::OK);
    let (_, head) = served.script.calls().pop().expect("a call");
    let cookie = json!(["cookie", "session=1"]);
    assert!(
        head["headers"]
            .as_array()
            .is_some_and(|headers| headers.contains(&cookie))
    );
}

#[tokio::test]
async fn another_site_cannot_give_a_script_commands() {
    let mut served = Served::new().await;
    served.has_pages(Answers::All, false);
    for (header, value) in [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for path in ["/added", "/swarm", "/user"] {
            let request = Request::post(path).header(header, value);
            let reply = served.send(request, "").await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path} {header}");
        }
    }
    let request = Request::get("/added").header("host", "evil.example");
    assert_eq!(served.send(request, "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(served.script.visits(), []);
}

#[tokio::test]
async fn everything_of_ours_is_below_the_base_path() {
    let mut served = Served::with(Options {
        base_path: "/load".into(),
        ..Options::default()
    })
    .await;
    let reply = served.get("/load?a=b").await;
    assert_eq!(reply.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(reply.headers[LOCATION], "/load/?a=b");
    for path in ["/load/", "/load/stats/requests", "/load/api/v1/run"] {
        assert_eq!(served.get(path).await.status, StatusCode::OK, "{path}");
    }
    for path in [
        "/",
        "/stats/requests",
        "/api/v1/run",
        "/loads/stats/requests",
    ] {
        assert_eq!(
            served.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let request = Request::get("/load/stop").header("origin", "http://evil.example");
    assert_eq!(served.send(request, "").await.status, StatusCode::FORBIDDEN);
    served.has_pages(Answers::Unknown, false);
    assert_eq!(served.get("/added").await.status.as_u16(), 203);
    assert_eq!(served.get("/load/added").await.status.as_u16(), 203);
    let paths: Vec<_> = served
        .script
        .visits()
        .into_iter()
        .map(|visit| visit.path)
        .collect();
    assert_eq!(paths, ["/added", "/load/added"]);
}

#[tokio::test]
async fn what_is_possible_is_told_to_those_who_ask() {
    let mut served = Served::new().await;
    for (path, allowed) in [
        ("/stop", "GET,HEAD,POST,OPTIONS"),
        ("/swarm", "POST,OPTIONS"),
        ("/stats/requests", "GET,HEAD,OPTIONS"),
    ] {
        let request = Request::builder().method(Method::OPTIONS).uri(path);
        let reply = served.send(request, "").await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (StatusCode::OK, allowed),
            "{path}"
        );
    }
    let request = Request::head("/stats/requests");
    let reply = served.send(request, "").await;
    assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn a_user_class_is_changed_by_json_alone() {
    let mut served = Served::new().await;
    let reply = served.post("/user", "application/json", "{}").await;
    assert_eq!(
        (reply.status, reply.text.as_str()),
        (StatusCode::CREATED, "{}\n")
    );
    let reply = served.post("/user", FORM, "{}").await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(reply.text, "&lt;that&gt; is no JSON");
    let bodies: Vec<_> = served
        .script
        .calls()
        .into_iter()
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(bodies, [json!({ "body": "{}" }), json!({ "body": "" })]);
}

#[tokio::test]
async fn a_report_is_shown_or_kept() {
    let mut served = Served::new().await;
    let reply = served.get("/stats/report?theme=dark").await;
    assert_eq!(reply.text, "<!doctype html>");
    assert_eq!(reply.header("content-disposition"), "");
    assert!(
        reply
            .header("content-security-policy")
            .contains("style-src 'unsafe-inline'")
    );
    let reply = served.get("/stats/report?download=1").await;
    let name = reply.header("content-disposition");
    assert!(name.starts_with("attachment;filename=Locust_") && name.ends_with("_shop.py.html"));
    let asked: Vec<_> = served
        .script
        .calls()
        .into_iter()
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(asked[0], json!({ "theme": "dark", "download": false }));
    assert_eq!(asked[1], json!({ "theme": null, "download": true }));
}

#[tokio::test]
async fn clients_of_the_old_generation_find_their_keys() {
    let mut served = Served::new().await;
    served.about.write().is_old = true;
    served.start();
    served.count("/<a>", 3, None);
    served.publish();
    let statistics = served.get("/stats/requests").await.json();
    assert_eq!(statistics["stats"][0]["safe_name"], "/&lt;a&gt;");
    assert_eq!(statistics["stats"][0]["ninetieth_response_time"], 12);
    assert!(
        statistics
            .get("current_response_time_percentile_95")
            .is_some()
    );
    let history = served.get("/stats/stats_history/csv").await;
    assert!(
        history
            .text
            .starts_with("\"Type\",\"Name\",\"Timestamp\",\"# requests\"")
    );
    assert!(history.text.contains("\n\"None\",\"Aggregated\",\""));
}

#[tokio::test]
async fn the_end_of_the_server_ends_a_page_that_never_would() {
    let mut served = Served::new().await;
    served.has_pages(Answers::Unknown, false);
    let page = served.open(Request::get("/endless"), "").await;
    served.shutdown.cancel();
    let rest = timeout(PATIENCE, page.into_body().collect()).await;
    let rest = rest.expect("an end").expect("a whole body");
    assert_eq!(rest.to_bytes(), "one,");
}

#[tokio::test]
async fn a_closed_port_is_closed() {
    let mut served = Served::new().await;
    served.get("/").await;
    served.shutdown.cancel();
    served.closed.cancelled().await;
    assert!(
        tokio::net::TcpStream::connect(served.address())
            .await
            .is_err()
    );
}
