use hyper::{Method, Request, StatusCode};
use katydid_web::Options;
use serde_json::json;

use crate::support::{FORM, Served};

#[tokio::test]
async fn every_reply_says_what_a_page_may_load() {
    let mut served = Served::new().await;
    for path in ["/", "/nope", "/stats/requests", "/api/v1/run"] {
        let reply = served.get(path).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self';"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn a_foreign_name_is_refused() {
    let mut served = Served::new().await;
    for path in ["/", "/stats/requests", "/api/v1/snapshot"] {
        let request = Request::get(path).header("host", "evil.example:8089");
        let reply = served.send(request, "").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn the_name_it_was_bound_to_is_answered() {
    let mut served = Served::with(Options {
        host: "load.shop.example".into(),
        ..Options::default()
    })
    .await;
    let request = Request::get("/").header("host", "load.shop.example:8089");
    assert_eq!(served.send(request, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_site_cannot_start_stop_or_reset() {
    let mut served = Served::new().await;
    for (method, path, media) in [
        (Method::POST, "/swarm", FORM),
        (Method::POST, "/stop", FORM),
        (Method::GET, "/stop", FORM),
        (Method::POST, "/stats/reset", FORM),
        (Method::GET, "/stats/reset", FORM),
        (Method::POST, "/api/v1/start", "application/json"),
        (Method::POST, "/api/v1/stop", "application/json"),
    ] {
        for (header, value) in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("referer", "http://evil.example/"),
        ] {
            let request = Request::builder().method(&method).uri(path);
            let request = request.header("content-type", media).header(header, value);
            let reply = served.send(request, "{}").await;
            assert_eq!(
                reply.status,
                StatusCode::FORBIDDEN,
                "{method} {path} {header}"
            );
        }
    }
    assert_eq!(served.script.calls(), []);
}

#[tokio::test]
async fn a_page_of_ours_may_give_commands() {
    let mut served = Served::with(Options::default()).await;
    let request = Request::post("/api/v1/stop")
        .header("content-type", "application/json; charset=utf-8")
        .header("host", "localhost:8089")
        .header("origin", "http://localhost:8089");
    assert_eq!(served.send(request, "{}").await.status, StatusCode::OK);
    assert_eq!(served.script.calls(), [("stop".to_owned(), json!({}))]);
}

#[tokio::test]
async fn a_command_that_is_not_json_is_refused() {
    let mut served = Served::new().await;
    for media in [FORM, "text/plain", "multipart/form-data"] {
        let reply = served.post("/api/v1/stop", media, "{}").await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{media}");
        assert!(reply.json()["error"]["message"].is_string());
    }
    assert_eq!(served.script.calls(), []);
}
