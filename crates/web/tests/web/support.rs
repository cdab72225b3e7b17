//! A served node, a script in Rust, and a client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::sample::{Sample, Times};
use katydid_core::units::Nanos;
use katydid_node::run::Node;
use katydid_node::{Action, ClassSpec, Event};
use katydid_web::{
    About, Answer, Answers, BoxFuture, Options, Page, PageBody, Pages, Script, Site, Task,
    UserClass, Visit, bind, serve,
};
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The type of an HTML form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A server on a port of its own.
pub(crate) struct Served {
    pub(crate) node: Arc<Node>,
    pub(crate) script: Arc<Shop>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) closed: CancellationToken,
    pub(crate) tasks: JoinSet<()>,
    pub(crate) about: Arc<RwLock<About>>,
    registry: Arc<Registry>,
    address: String,
}

/// A script with one class of users, which start as soon as they are asked to.
pub(crate) struct Shop {
    node: Arc<Node>,
    actions: Arc<Mutex<Vec<Action>>>,
    calls: Mutex<Vec<(String, Value)>>,
    visits: Mutex<Vec<Visit>>,
    /// Whether the script knows the visitors.
    pub(crate) knows: Mutex<bool>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("a JSON body")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("ASCII"))
    }
}

impl Served {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    #[expect(clippy::unused_async, reason = "needs a runtime to serve on")]
    pub(crate) async fn with(options: Options) -> Self {
        let registry = Arc::new(Registry::new());
        let actions = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&actions);
        let outbox = Box::new(move |action| sink.lock().push(action));
        let node = Arc::new(Node::new(Arc::clone(&registry), outbox));
        let script = Arc::new(Shop {
            node: Arc::clone(&node),
            actions,
            calls: Mutex::default(),
            visits: Mutex::default(),
            knows: Mutex::default(),
        });
        let about = Arc::new(RwLock::new(about()));
        let listener = bind("127.0.0.1", 0).expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let site = Site {
            history: Arc::default(),
            node: Arc::clone(&node),
            about: Arc::clone(&about),
            script: Arc::clone(&script) as Arc<dyn Script>,
            options,
        };
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let closed = CancellationToken::new();
        let served = serve(listener, site, shutdown.clone(), closed.clone());
        tasks.spawn(async { served.await.expect("served until told to stop") });
        Self {
            node,
            script,
            shutdown,
            closed,
            tasks,
            about,
            registry,
            address,
        }
    }

    /// Lets the script have pages of its own.
    pub(crate) fn has_pages(&self, answers: Answers, login: bool) {
        self.about.write().pages = Pages {
            answers,
            login,
            replaced: false,
        };
    }

    /// Lets the node's clock run.
    pub(crate) fn drive(&mut self) {
        let node = Arc::clone(&self.node);
        self.tasks.spawn(node.drive(self.shutdown.clone()));
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request whose head is written out, with the `Host` of the server.
    pub(crate) async fn open(
        &mut self,
        head: hyper::http::request::Builder,
        body: &str,
    ) -> Response<Incoming> {
        let stream = TcpStream::connect(&self.address).await.expect("a listener");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        self.tasks.spawn(async {
            // A server that shuts down may end it early.
            let _ = connection.await;
        });
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let mut request = head.body(body).expect("a request");
        let host = self.address.parse().expect("an address");
        request.headers_mut().entry(HOST).or_insert(host);
        sender.send_request(request).await.expect("a response")
    }

    pub(crate) async fn send(&mut self, head: hyper::http::request::Builder, body: &str) -> Reply {
        let response = self.open(head, body).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Reply {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(body.into()).expect("UTF-8"),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path), "").await
    }

    pub(crate) async fn post(&mut self, path: &str, media: &str, body: &str) -> Reply {
        self.send(Request::post(path).header(CONTENT_TYPE, media), body)
            .await
    }

    pub(crate) async fn command(&mut self, path: &str, body: &Value) -> Reply {
        self.post(path, "application/json", &body.to_string()).await
    }

    /// Starts two users as a run of its own.
    pub(crate) fn start(&self) {
        self.script
            .start(2, 2.0, Some("http://shop.example".into()));
    }

    /// Counts requests of 12.3 ms that ended when the run began; the last of them failed if
    /// there is an error.
    pub(crate) fn count(&self, name: &str, requests: u64, error: Option<&str>) {
        let started = self.node.read(|local| local.run().started_ms);
        let key = self.registry.key("GET", name);
        let mut recorder = Recorder::new();
        for request in 1..=requests {
            let error = error.filter(|_| request == requests);
            recorder.record(&Sample {
                key,
                error: error.map(|text| self.registry.error(key, text)),
                times: Some(Times {
                    lateness: Nanos::from_micros(400),
                    service: Nanos::from_micros(12_345),
                    first_byte: None,
                }),
                bytes_in: 50,
                bytes_out: 20,
                at: Nanos::from_millis(started.expect("a run")),
                counts_request: true,
            });
        }
        self.node.send(Event::Samples(recorder.take()));
    }

    /// Has the node publish what there is.
    pub(crate) fn publish(&self) {
        self.script.carry_out();
    }
}

impl Shop {
    /// What the server asked for, so far.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().clone()
    }

    /// The visits to its own pages, so far.
    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.visits.lock().clone()
    }

    fn start(&self, users: u32, spawn_rate: f64, host: Option<String>) {
        let classes = vec![ClassSpec {
            name: "Shopper".into(),
            weight: 1.0,
            fixed_count: 0,
        }];
        self.node.send(Event::Start {
            users,
            spawn_rate,
            classes,
            run_time: None,
            host,
        });
        self.carry_out();
    }

    /// Does what the node has asked for, and tells it; that publishes.
    fn carry_out(&self) {
        let mut users = self.node.read(|local| local.run().users_by_class.clone());
        for action in self.actions.lock().drain(..) {
            if let Action::Spawn(more) = action {
                for (class, count) in more {
                    *users.entry(class).or_insert(0) += count;
                }
            }
        }
        self.node.send(Event::Spawned { counts: users });
    }

    fn swarm(&self, fields: &Value) -> Answer {
        let field = |name: &str| fields[name][0].as_str();
        let failure = |message: String| Answer {
            status: 200,
            body: json!({ "success": false, "message": message, "host": null }),
        };
        let host = field("host").map(ToOwned::to_owned);
        let (Some(users), Some(rate)) = (field("user_count"), field("spawn_rate")) else {
            return failure(
                "Missing or invalid user_count or spawn_rate from /swarm request".into(),
            );
        };
        let Ok(users) = users.parse() else {
            let message = format!("Invalid user_count value: '{users}' (must be an integer)");
            return failure(message);
        };
        if field("run_time") == Some("soon") {
            let formats = "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.";
            return failure(formats.into());
        }
        self.start(users, rate.parse().expect("a number"), host.clone());
        let body = json!({ "success": true, "message": "Swarming started", "host": host });
        Answer { status: 200, body }
    }
}

impl Script for Shop {
    fn call(&self, name: &str, payload: Value) -> BoxFuture<Answer> {
        let payload = match serde_json::from_value::<Vec<(String, Value)>>(payload.clone()) {
            Ok(fields) => Value::Object(fields.into_iter().collect()),
            Err(_) => payload,
        };
        self.calls.lock().push((name.to_owned(), payload.clone()));
        let ok = |body| Answer { status: 200, body };
        let answer = match name {
            "swarm" | "start" => self.swarm(&payload),
            "user" if payload["body"] == "{}" => Answer {
                status: 201,
                body: json!({}),
            },
            "user" => Answer {
                status: 500,
                body: json!("<that> is no JSON"),
            },
            "report" => ok(json!({ "html": "<!doctype html>" })),
            "authorized" if *self.knows.lock() => ok(Value::Null),
            "stop" => {
                self.node.send(Event::Stopped);
                ok(json!({ "success": true, "message": "Test stopped" }))
            }
            "reset_stats" => {
                self.node.send(Event::ResetStats);
                ok(Value::Null)
            }
            "tasks" => ok(json!({ "total": {}, "per_class": { "Shopper": { "ratio": 1.0 } } })),
            _ => Answer {
                status: 404,
                body: Value::Null,
            },
        };
        Box::pin(std::future::ready(answer))
    }

    fn page(&self, visit: Visit) -> BoxFuture<Option<Page>> {
        let (pieces, endless) = (visit.path == "/pieces", visit.path == "/endless");
        let page = Page {
            status: 203,
            headers: vec![
                ("content-type".into(), "text/plain".into()),
                ("x-own".into(), "caf\u{e9}".into()),
                ("connection".into(), "close".into()),
            ],
            body: PageBody::Whole(visit.body.clone()),
        };
        self.visits.lock().push(visit);
        Box::pin(async move {
            if !pieces && !endless {
                return Some(page);
            }
            let (sender, reader) = mpsc::channel(2);
            sender.try_send("one,".into()).expect("room");
            if endless {
                // Whoever holds it has forgotten it.
                std::mem::forget(sender);
            } else {
                sender.try_send("two".into()).expect("room");
            }
            let body = PageBody::Stream(reader);
            Some(Page { body, ..page })
        })
    }
}

/// A longer time than anything here takes; reaching it fails a test instead of hanging it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

fn about() -> About {
    About {
        version: "0.1.0".into(),
        locustfile: "shop.py".into(),
        user_classes: vec![UserClass {
            name: "Shopper".into(),
            weight: 3.0,
            tasks: vec![Task {
                name: "add_to_cart".into(),
                weight: 10.0,
            }],
            ..UserClass::default()
        }],
        ..About::default()
    }
}
