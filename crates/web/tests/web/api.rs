//! The replies kept under `snapshots` are what the tests of the page read, too.

use hyper::StatusCode;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{PATIENCE, Served};

/// A moment to stand for all others.
const SOME_MS: u64 = 1_795_432_690_581;

#[tokio::test]
async fn run() {
    let reply = Served::new().await.get("/api/v1/run").await;
    assert_eq!(reply.header("content-type"), "application/json");
    assert_json_snapshot!(masked(reply.json()));
}

#[tokio::test]
async fn snapshot_before_the_first_run() {
    let reply = Served::new().await.get("/api/v1/snapshot").await;
    assert_json_snapshot!(masked(reply.json()));
}

#[tokio::test]
async fn snapshot_of_a_run() {
    let mut served = Served::new().await;
    served.start();
    served.count("/", 9, None);
    served.count("/add_to_cart?x=<b>\"é\"", 3, Some("HTTPError('500 …')"));
    served.publish();
    served.drive();
    let mut snapshots = served.node.snapshots();
    let point = snapshots.wait_for(|snapshot| !snapshot.series.is_empty());
    timeout(PATIENCE, point)
        .await
        .expect("a second ends")
        .expect("a node");
    let reply = served.get("/api/v1/snapshot").await;
    assert_json_snapshot!(masked(reply.json()));
}

#[tokio::test]
async fn start_and_stop() {
    let mut served = Served::new().await;
    let start = json!({
        "users": 2, "spawn_rate": 2, "host": null, "run_time": "5m", "user_classes": null,
    });
    let reply = served.command("/api/v1/start", &start).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json()["ok"], true);
    assert_eq!(
        served.get("/api/v1/snapshot").await.json()["run"]["users"],
        2
    );
    let reply = served.command("/api/v1/stop", &json!({})).await;
    assert_eq!(reply.json()["ok"], true);
    assert_eq!(
        served.get("/api/v1/snapshot").await.json()["run"]["state"],
        "stopped"
    );
    let calls = served.script.calls();
    let fields = json!({ "user_count": ["2"], "spawn_rate": ["2"], "run_time": ["5m"] });
    assert_eq!(calls[0], ("start".to_owned(), fields));
}

#[tokio::test]
async fn start_refused() {
    let mut served = Served::new().await;
    let start = json!({ "users": 0, "spawn_rate": 2 });
    let reply = served.command("/api/v1/start", &start).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_json_snapshot!(reply.json());
    assert_eq!(served.script.calls(), []);
}

#[tokio::test]
async fn what_the_script_refuses_is_told_with_its_field() {
    let mut served = Served::new().await;
    let start = json!({ "users": 1, "spawn_rate": 2, "run_time": "soon" });
    let reply = served.command("/api/v1/start", &start).await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let error = &reply.json()["error"];
    assert_eq!(error["field"], "run_time");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("Valid run_time"))
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let mut served = Served::new().await;
    let reply = served
        .post("/api/v1/start", "application/json", "users=1")
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.json()["error"]["field"], Value::Null);
}

/// The reply with what differs from run to run replaced by constants of the same kind.
pub(crate) fn masked(mut reply: Value) -> Value {
    mask(&mut reply, "");
    reply
}

fn mask(value: &mut Value, name: &str) {
    match (name, &mut *value) {
        ("open_files" | "file_limit", _) => *value = Value::Null,
        (_, Value::Null) => {}
        ("marks", Value::Array(marks)) => {
            for mark in marks {
                mask(mark, "");
            }
        }
        ("boot", _) => *value = json!("00112233aabbccdd"),
        ("t" | "started" | "ended" | "last", _) => *value = json!(SOME_MS),
        ("seq", _) => *value = json!(7),
        ("since", since) if since != 0 => *value = json!(6),
        ("cpu_percent", _) => *value = json!(12.5),
        ("memory_bytes", _) => *value = json!(73_400_320),
        ("points", Value::Array(points)) => {
            points.truncate(1);
            for point in points {
                point[0] = json!(SOME_MS / 1000);
            }
        }
        ("entries", Value::Array(rows)) => rows.iter_mut().for_each(mask_rates),
        ("total", row) => mask_rates(row),
        ("recent", recent) => recent["seconds"] = json!(10),
        (_, Value::Object(fields)) => fields
            .iter_mut()
            .for_each(|(name, value)| mask(value, name)),
        (_, Value::Array(values)) => values.iter_mut().for_each(|value| mask(value, "")),
        _ => {}
    }
}

fn mask_rates(row: &mut Value) {
    row[3] = json!(1.5);
    row[4] = json!(0.25);
}
