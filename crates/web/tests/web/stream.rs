use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use insta::assert_json_snapshot;
use katydid_node::Event;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::api::masked;
use crate::support::{PATIENCE, Served};

/// A stream as a browser reads it.
struct Events {
    response: Response<Incoming>,
    unread: String,
}

#[derive(Debug, PartialEq)]
struct Message {
    event: String,
    id: Option<String>,
    data: Value,
}

impl Events {
    async fn open(served: &mut Served, last: Option<&str>) -> Self {
        let mut request = Request::get("/api/v1/stream").header("accept-encoding", "gzip");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = served.open(request, "").await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers().get("content-encoding"), None);
        let unread = String::new();
        let mut events = Self { response, unread };
        let greeting = events.next().await.expect("an open stream");
        assert_eq!(greeting.event, "hb");
        events
    }

    /// The next event; none at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let text: String = self.unread.drain(..end + 2).collect();
                return Some(Message::parse(&text));
            }
            let frame = timeout(PATIENCE, self.response.frame())
                .await
                .expect("an event")?;
            let data = frame
                .expect("a whole stream")
                .into_data()
                .expect("no trailers");
            self.unread += std::str::from_utf8(&data).expect("events end at a character");
        }
    }

    /// The next event that is not a heartbeat.
    async fn frame(&mut self) -> Message {
        let message = async {
            loop {
                let message = self.next().await.expect("an open stream");
                if message.event != "hb" {
                    return message;
                }
            }
        };
        timeout(PATIENCE, message).await.expect("a frame")
    }
}

impl Message {
    fn parse(text: &str) -> Self {
        let field = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(": ")
                    .map(ToOwned::to_owned)
            })
        };
        let data = field("data").expect("every event has data");
        Self {
            event: field("event").expect("every event has a name"),
            id: field("id"),
            data: serde_json::from_str(&data).expect("JSON"),
        }
    }
}

#[tokio::test]
async fn frame() {
    let mut served = Served::new().await;
    served.start();
    let mut events = Events::open(&mut served, None).await;
    served.count("/", 4, Some("HTTPError('500 …')"));
    served.publish();
    let message = events.frame().await;
    assert_eq!(message.event, "frame");
    assert_json_snapshot!(masked(message.data));
}

#[tokio::test]
async fn a_frame_follows_from_the_one_before() {
    let mut served = Served::new().await;
    served.start();
    let mut events = Events::open(&mut served, None).await;
    served.count("/a", 1, None);
    served.publish();
    let first = events.frame().await;
    served.count("/b", 1, None);
    served.publish();
    let second = events.frame().await;
    assert_eq!(second.data["since"], first.data["seq"]);
    let names = &second.data["names"];
    assert_eq!(names.as_array().map(Vec::len), Some(1));
    assert_eq!(names[0][2], "/b");
    assert_eq!(second.data["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(second.data["faults"]["kinds"], 0);
}

#[tokio::test]
async fn a_frame_follows_from_a_snapshot() {
    let mut served = Served::new().await;
    served.start();
    let mut events = Events::open(&mut served, None).await;
    served.count("/a", 1, None);
    served.publish();
    let snapshot = served.get("/api/v1/snapshot").await.json();
    served.count("/a", 1, None);
    served.publish();
    let mut frame = events.frame().await;
    if frame.data["seq"] == snapshot["seq"] {
        frame = events.frame().await;
    }
    assert!(frame.data["since"].as_u64() <= snapshot["seq"].as_u64());
    assert_eq!(frame.data["total"][1], 2);
}

#[tokio::test]
async fn who_comes_back_is_told_what_was_missed() {
    let mut served = Served::new().await;
    served.start();
    let mut events = Events::open(&mut served, None).await;
    served.publish();
    let id = events.frame().await.id.expect("frames have ids");
    drop(events);
    for name in ["/a", "/b"] {
        served.count(name, 1, Some("boom"));
        served.publish();
    }
    let mut events = Events::open(&mut served, Some(&id)).await;
    let message = events.frame().await;
    assert_eq!(message.event, "frame");
    assert_eq!(message.data["names"].as_array().map(Vec::len), Some(2));
    assert_eq!(message.data["faults"]["kinds"], 2);
}

#[tokio::test]
async fn who_was_elsewhere_has_to_start_over() {
    let mut served = Served::new().await;
    served.start();
    let boot = served.get("/api/v1/run").await.json()["boot"].clone();
    let unknown = format!("{}-999", boot.as_str().expect("a text"));
    for last in ["0123456789abcdef-1", &unknown, "nonsense"] {
        let mut events = Events::open(&mut served, Some(last)).await;
        let message = events.frame().await;
        assert_eq!(
            (message.event.as_str(), message.data),
            ("reset", json!({})),
            "{last}"
        );
    }
}

#[tokio::test]
async fn a_new_run_is_a_reset_and_goes_on_from_there() {
    let mut served = Served::new().await;
    let mut events = Events::open(&mut served, None).await;
    served.start();
    assert_eq!(events.frame().await.event, "reset");
    served.count("/", 1, None);
    served.publish();
    let message = events.frame().await;
    assert_eq!(message.event, "frame");
    assert_eq!(message.data["total"][1], 1);
}

#[tokio::test]
async fn a_slow_reader_gets_one_frame_for_all_it_missed() {
    let mut served = Served::new().await;
    served.start();
    let mut events = Events::open(&mut served, None).await;
    // Nothing runs between these, so the reader sees only the last one.
    for name in ["/a", "/b", "/c"] {
        served.count(name, 1, None);
        served.publish();
    }
    let message = events.frame().await;
    assert_eq!(message.data["names"].as_array().map(Vec::len), Some(3));
    let seq = message.data["seq"].as_u64();
    assert!(message.data["since"].as_u64().map(|since| since + 1) < seq);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_has_a_heartbeat() {
    let mut served = Served::new().await;
    let mut events = Events::open(&mut served, None).await;
    for _ in 0..3 {
        let message = events.next().await.expect("an open stream");
        assert_eq!((message.event.as_str(), message.id), ("hb", None));
        assert!(message.data["t"].is_u64());
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let mut served = Served::new().await;
    let mut events = Events::open(&mut served, None).await;
    served.shutdown.cancel();
    assert_eq!(events.next().await, None);
    served.node.send(Event::ClearStats);
}
