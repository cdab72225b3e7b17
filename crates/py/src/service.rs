//! The service thread: the node's clock and the web server, away from Python.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use katydid_node::run::Node;
use katydid_web::{About, Answer, BoxFuture, Options, Script, Site, bind, serve};
use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::door::{Door, Message};

/// The thread and what reaches it.
pub(crate) struct Service {
    handle: Handle,
    node: Arc<Node>,
    about: Arc<RwLock<About>>,
    calls: Arc<Calls>,
    servers: TaskTracker,
    cancelled: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Service {
    pub(crate) fn start(node: Arc<Node>, door: Arc<Door>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let cancelled = CancellationToken::new();
        let servers = TaskTracker::new();
        let (driven, stop, ended) = (Arc::clone(&node), cancelled.clone(), servers.clone());
        let thread = std::thread::Builder::new()
            .name("katydid-service".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    driven.drive(stop).await;
                    ended.close();
                    ended.wait().await;
                });
            })?;
        let calls = Arc::new(Calls {
            door,
            next: AtomicU64::new(0),
            pending: Mutex::default(),
        });
        Ok(Self {
            handle,
            node,
            about: Arc::default(),
            calls,
            servers,
            cancelled,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Replaces what the page shows about the script.
    pub(crate) fn describe(&self, about: &str) -> Result<(), serde_json::Error> {
        let about = serde_json::from_str(about)?;
        *self.about.write() = about;
        Ok(())
    }

    /// Starts the web server and returns the port it got.
    pub(crate) fn serve(&self, host: &str, port: u16) -> io::Result<u16> {
        let listener = bind(host, port)?;
        let port = listener.local_addr()?.port();
        let site = Site {
            node: Arc::clone(&self.node),
            about: Arc::clone(&self.about),
            script: Arc::clone(&self.calls) as Arc<dyn Script>,
            options: Options {
                host: host.to_owned(),
                ..Options::default()
            },
        };
        let served = serve(listener, site, self.cancelled.clone());
        self.servers.spawn_on(
            async move {
                // It ends with an error only if the listener does, and then there is no one to tell.
                served.await.ok();
            },
            &self.handle,
        );
        Ok(port)
    }

    /// Passes Python's answer to whoever asked over the web.
    pub(crate) fn answer(
        &self,
        call: u64,
        status: u16,
        body: &str,
    ) -> Result<(), serde_json::Error> {
        let body = serde_json::from_str(body)?;
        if let Some(asker) = self.calls.pending.lock().remove(&call) {
            // The asker may have gone.
            asker.send(Answer { status, body }).ok();
        }
        Ok(())
    }

    /// Ends the thread and waits for it.
    pub(crate) fn stop(&self) {
        self.cancelled.cancel();
        if let Some(thread) = self.thread.lock().take() {
            // A panic there was printed when it happened.
            drop(thread.join());
        }
    }
}

/// What the web asks of Python, until it is answered.
struct Calls {
    door: Arc<Door>,
    next: AtomicU64,
    pending: Mutex<FxHashMap<u64, oneshot::Sender<Answer>>>,
}

impl Script for Calls {
    fn call(&self, name: &str, payload: Value) -> BoxFuture<Answer> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (asker, answered) = oneshot::channel();
        self.pending.lock().insert(id, asker);
        self.door.ask(Message::Call {
            id,
            name: name.to_owned(),
            payload: payload.to_string(),
        });
        Box::pin(async move {
            answered.await.unwrap_or(Answer {
                status: 503,
                body: Value::Null,
            })
        })
    }
}
