//! The keys, types and order are those that Locust 2.47 was seen to send.

use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use insta::assert_snapshot;
use katydid_node::Event;
use serde_json::{Value, json};

use crate::support::{FORM, Served};

#[tokio::test]
async fn statistics_before_the_first_request() {
    let reply = Served::new().await.get("/stats/requests").await;
    assert_eq!(reply.header("content-type"), "application/json");
    assert_snapshot!(reply.text);
}

#[tokio::test]
async fn statistics_of_a_run() {
    let mut served = Served::new().await;
    served.start();
    served.count("/b", 3, Some("HTTPError('500 Server Error')"));
    served.count("/a", 1, None);
    served.publish();
    assert_snapshot!(masked(&served.get("/stats/requests").await.text));
}

#[tokio::test]
async fn statistics_set_to_zero_keep_their_names() {
    let mut served = Served::new().await;
    served.start();
    served.count("/a", 1, Some("boom"));
    let reply = served.post("/stats/reset", FORM, "").await;
    assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, "ok"));
    assert!(reply.header("content-type").starts_with("text/html"));
    let statistics = served.get("/stats/requests").await.json();
    assert_eq!(statistics["errors"], json!([]));
    assert_eq!(statistics["stats"][0]["name"], "/a");
    assert_eq!(statistics["stats"][0]["num_requests"], 0);
}

#[tokio::test]
async fn no_more_than_500_entries_are_listed() {
    let mut served = Served::new().await;
    served.start();
    for number in 0..600 {
        served.count(&format!("/{number:03}"), 1, Some("boom"));
    }
    served.publish();
    let statistics = served.get("/stats/requests").await.json();
    let entries = statistics["stats"].as_array().expect("a list");
    assert_eq!(entries.len(), 501);
    assert_eq!(entries[499]["name"], "/499");
    assert_eq!(entries[500]["name"], "Aggregated");
    assert_eq!(entries[500]["num_requests"], 600);
    assert_eq!(statistics["errors"].as_array().map(Vec::len), Some(500));
}

#[tokio::test]
async fn swarm_passes_on_every_field() {
    let mut served = Served::new().await;
    let form = "user_count=3&spawn_rate=1.5&host=http%3A%2F%2Fa&user_classes=B&user_classes=A&own=";
    let reply = served.post("/swarm", FORM, form).await;
    assert_snapshot!(reply.text, @r#"
    {
      "host": "http://a",
      "message": "Swarming started",
      "success": true
    }
    "#);
    let fields = json!({
        "user_count": ["3"], "spawn_rate": ["1.5"], "host": ["http://a"],
        "user_classes": ["B", "A"], "own": [""],
    });
    assert_eq!(served.script.calls(), [("swarm".to_owned(), fields)]);
    assert_eq!(
        served.get("/stats/requests").await.json()["state"],
        "spawning"
    );
}

#[tokio::test]
async fn swarm_reads_forms_in_parts() {
    let mut served = Served::new().await;
    let body = "--x\r\nContent-Disposition: form-data; name=\"user_count\"\r\n\r\n3\r\n\
        --x\r\nContent-Disposition: form-data; name=\"spawn_rate\"\r\n\r\n2\r\n--x--\r\n";
    let reply = served
        .post("/swarm", "multipart/form-data; boundary=x", body)
        .await;
    assert_eq!(reply.json()["success"], true);
}

#[tokio::test]
async fn swarm_errors_are_replies_like_any_other() {
    let mut served = Served::new().await;
    for (media, body, message) in [
        (
            FORM,
            "user_count=x&spawn_rate=1",
            "Invalid user_count value: 'x' (must be an integer)",
        ),
        (
            FORM,
            "",
            "Missing or invalid user_count or spawn_rate from /swarm request",
        ),
        (
            "application/json",
            "{\"user_count\": 1}",
            "Missing or invalid user_count or spawn_rate from /swarm request",
        ),
    ] {
        let reply = served.post("/swarm", media, body).await;
        assert_eq!(reply.status, StatusCode::OK);
        let expected = json!({ "success": false, "message": message, "host": null });
        assert_eq!(reply.json(), expected);
    }
}

#[tokio::test]
async fn a_form_that_is_broken_or_huge_is_refused() {
    let mut served = Served::new().await;
    let reply = served.post("/swarm", "multipart/form-data", "--x").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let huge = format!("a={}", "b".repeat(1 << 20));
    let reply = served.post("/swarm", FORM, &huge).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(served.script.calls(), []);
}

#[tokio::test]
async fn stop_answers_to_get_and_post() {
    let mut served = Served::new().await;
    for request in [Request::get("/stop"), Request::post("/stop")] {
        let reply = served.send(request.header(CONTENT_TYPE, FORM), "").await;
        let text = "{\n  \"message\": \"Test stopped\",\n  \"success\": true\n}\n";
        assert_eq!(reply.text, text);
    }
    assert_eq!(
        served.get("/stats/requests").await.json()["state"],
        "stopped"
    );
}

#[tokio::test]
async fn exceptions_are_listed() {
    let mut served = Served::new().await;
    for _ in 0..2 {
        served.node.send(Event::Exception {
            node: "local".into(),
            msg: "boom <é>".into(),
            traceback: "  File \"shop.py\", line 1\n".into(),
        });
    }
    served.publish();
    assert_snapshot!(served.get("/exceptions").await.text, @r#"
    {
      "exceptions": [
        {
          "count": 2,
          "msg": "boom <\u00e9>",
          "nodes": "local",
          "traceback": "  File \"shop.py\", line 1\n"
        }
      ]
    }
    "#);
    let csv = served.get("/exceptions/csv").await.text;
    let line = "2,boom <é>,\"  File \"\"shop.py\"\", line 1\n\",local\r\n";
    assert_eq!(csv, format!("Count,Message,Traceback,Nodes\r\n{line}"));
}

#[tokio::test]
async fn what_only_the_script_knows_is_asked_of_it() {
    let mut served = Served::new().await;
    assert_snapshot!(served.get("/tasks").await.text, @r#"
    {
      "per_class": {
        "Shopper": {
          "ratio": 1.0
        }
      },
      "total": {}
    }
    "#);
    assert_eq!(
        served.get("/logs").await.json(),
        json!({ "master": [], "workers": {} })
    );
    assert_eq!(
        served.get("/worker-count").await.text,
        "{\n  \"worker_count\": 0\n}\n"
    );
}

#[tokio::test]
async fn downloads_have_a_name_and_crlf() {
    let mut served = Served::new().await;
    served.start();
    served.count("/a,\"b\"", 4, Some("HTTPError('500, no')"));
    served.publish();
    let reply = served.get("/stats/requests/csv").await;
    assert_eq!(reply.header("content-type"), "text/csv");
    let name = reply.header("content-disposition");
    assert!(name.starts_with("attachment;filename=Locust_20"), "{name}");
    assert!(
        name.ends_with("_shop.py_http://shop.example_requests.csv"),
        "{name}"
    );
    assert!(reply.text.ends_with("\r\n"));
    let lines: Vec<&str> = reply.text.lines().collect();
    assert_eq!(
        lines[0],
        "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,\
         Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,\
         50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
    );
    assert!(lines[1].starts_with("GET,\"/a,\"\"b\"\"\",4,1,12.345,12.345,12.345,12.345,50.0,"));
    assert!(lines[1].ends_with(",12,12,12,12,12,12,12,12,12,12,12"));
    assert!(lines[2].starts_with(",Aggregated,4,1,"));
    let failures = served.get("/stats/failures/csv").await;
    assert!(
        failures
            .header("content-disposition")
            .ends_with("_failures.csv")
    );
    let lines: Vec<&str> = failures.text.lines().collect();
    assert_eq!(
        lines[0],
        "Method,Name,Error,Occurrences,First Seen,Last Seen"
    );
    assert!(lines[1].starts_with("GET,\"/a,\"\"b\"\"\",\"HTTPError('500, no')\",1,20"));
    assert!(lines[1].ends_with('Z'));
}

#[tokio::test]
async fn a_download_before_the_first_request_has_no_percentiles() {
    let reply = Served::new().await.get("/stats/requests/csv").await;
    let line = ",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0".to_owned() + &",N/A".repeat(11);
    assert_eq!(reply.text.lines().nth(1), Some(line.as_str()));
}

/// The reply with the times of errors and the rates, which depend on them, replaced.
fn masked(text: &str) -> String {
    // Times, and rates over the time since the run was started, which is none or next to none.
    let timed = ["_seen\": ", "\"total_rps\": ", "\"total_fail_per_sec\": "];
    let lines = text.lines().map(|line| {
        let found = timed
            .iter()
            .find_map(|key| line.split_once(key).map(|it| (key, it)));
        let Some((key, (name, rest))) = found else {
            return format!("{line}\n");
        };
        let comma = if rest.ends_with(',') { "," } else { "" };
        let value = rest.trim_end_matches(',').parse::<Value>();
        assert!(value.is_ok_and(|value| value.is_f64()), "{line}");
        format!("{name}{key}[float]{comma}\n")
    });
    lines.collect()
}
