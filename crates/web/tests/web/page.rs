use http_body_util::BodyExt;
use hyper::{Request, StatusCode};
use tokio::time::timeout;

use crate::support::{PATIENCE, Served};

#[tokio::test]
async fn the_page_is_html_and_always_fresh() {
    let reply = Served::new().await.get("/").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.header("content-type").starts_with("text/html"));
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn an_unknown_address_is_a_page_that_says_so() {
    let mut served = Served::new().await;
    for path in ["/nope", "/assets/nope.js", "/assets/../index.html"] {
        let reply = served.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        assert!(reply.text.contains("<h1>Not Found</h1>"), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_address_of_the_api_is_json() {
    let reply = Served::new().await.get("/api/v1/nope").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert!(reply.json()["error"]["message"].is_string());
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let mut served = Served::new().await;
    let reply = served.get("/swarm").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.header("allow"), "POST");
    let reply = served.get("/api/v1/start").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(reply.json()["error"]["message"].is_string());
}

#[tokio::test]
async fn replies_are_compressed_for_those_who_can_read_them() {
    let mut served = Served::new().await;
    let request = Request::get("/api/v1/snapshot").header("accept-encoding", "gzip");
    let response = served.open(request, "").await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
}

#[tokio::test]
async fn shutting_down_ends_open_streams_and_connections() {
    let mut served = Served::new().await;
    let stream = served.open(Request::get("/api/v1/stream"), "").await;
    served.shutdown.cancel();
    let rest = stream.into_body().collect();
    timeout(PATIENCE, rest)
        .await
        .expect("an end")
        .expect("a whole stream");
    while let Some(ended) = served.tasks.join_next().await {
        ended.expect("no task panics");
    }
}
