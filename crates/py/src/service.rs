//! The service thread: the node's clock and the web server, away from Python.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use katydid_node::run::Node;
use katydid_web::{
    About, Access, Answer, BoxFuture, Document, History, Options, Page, PageBody, Script, Site,
    Telling, Tls, Visit, bind, document, file_name, report, serve,
};
use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::door::{Door, Message};

/// How many pieces of a page may wait for their reader.
const PIECES: usize = 16;
/// How long a server may take to close its port.
const CLOSING: Duration = Duration::from_secs(5);

/// How long visitors may take to be answered at the end.
const LEAVING: Duration = Duration::from_secs(2);

/// How a server is to behave, as Python says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    base_path: String,
    names: Vec<String>,
    tls_cert: String,
    tls_key: String,
    /// Lines of `name:role:hash`.
    users: String,
    token: String,
}

/// A server that was started.
struct Server {
    shutdown: CancellationToken,
    closed: CancellationToken,
}

/// A way to have tasks run on the thread.
#[derive(Clone)]
pub(crate) struct Tasks {
    pub(crate) handle: Handle,
    tracker: TaskTracker,
    /// Told when the thread is to end, which waits for the tasks.
    pub(crate) cancelled: CancellationToken,
}

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(task, &self.handle);
    }
}

/// The thread and what reaches it.
pub(crate) struct Service {
    handle: Handle,
    node: Arc<Node>,
    about: Arc<RwLock<About>>,
    history: Arc<History>,
    calls: Arc<Calls>,
    servers: TaskTracker,
    /// By their ports.
    running: Mutex<FxHashMap<u16, Server>>,
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
                    // A visitor that stalls must not keep the process.
                    timeout(LEAVING, ended.wait()).await.ok();
                });
            })?;
        let calls = Arc::new(Calls {
            door,
            next: AtomicU64::new(0),
            pending: Mutex::default(),
            streams: Mutex::default(),
        });
        Ok(Self {
            handle,
            node,
            about: Arc::default(),
            history: Arc::default(),
            calls,
            servers,
            running: Mutex::default(),
            cancelled,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// A way to have tasks run on the thread.
    pub(crate) fn tasks(&self) -> Tasks {
        Tasks {
            handle: self.handle.clone(),
            tracker: self.servers.clone(),
            cancelled: self.cancelled.clone(),
        }
    }

    /// Where runs are kept, as the page reads them.
    pub(crate) fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Replaces what the page shows about the script.
    pub(crate) fn describe(&self, about: &str) -> Result<(), serde_json::Error> {
        let about = serde_json::from_str(about)?;
        *self.about.write() = about;
        Ok(())
    }

    /// Starts the web server and returns the port it got.
    pub(crate) fn serve(&self, host: &str, port: u16, settings: Settings) -> io::Result<u16> {
        let is_secure = !settings.tls_cert.is_empty() && !settings.tls_key.is_empty();
        let (chain, key) = (Path::new(&settings.tls_cert), Path::new(&settings.tls_key));
        let tls = is_secure.then(|| Tls::from_files(chain, key)).transpose()?;
        let access = Access::parse(&settings.users, &settings.token)
            .map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        let listener = bind(host, port)?;
        let port = listener.local_addr()?.port();
        let site = Site {
            node: Arc::clone(&self.node),
            about: Arc::clone(&self.about),
            script: Arc::clone(&self.calls) as Arc<dyn Script>,
            history: Arc::clone(&self.history),
            options: Options {
                host: host.to_owned(),
                names: settings.names,
                base_path: settings.base_path,
                tls,
                access,
            },
        };
        let server = Server {
            shutdown: self.cancelled.child_token(),
            closed: CancellationToken::new(),
        };
        let serving = serve(
            listener,
            site,
            server.shutdown.clone(),
            server.closed.clone(),
        );
        self.servers.spawn_on(
            async move {
                // It ends with an error only if the listener does, and then there is no one to tell.
                serving.await.ok();
            },
            &self.handle,
        );
        self.running.lock().insert(port, server);
        Ok(port)
    }

    /// Ends the web server of a port. Afterwards nobody can connect; visitors that it has are
    /// still answered.
    pub(crate) fn close(&self, port: u16) {
        let server = self.running.lock().remove(&port);
        if let Some(Server { shutdown, closed }) = server {
            shutdown.cancel();
            // A server that does not close in time keeps its port, and whoever wants it is told.
            let closing = async { timeout(CLOSING, closed.cancelled()).await.ok() };
            self.handle.block_on(closing);
        }
    }

    /// What there is to read at a path, now.
    pub(crate) fn document(&self, path: &str) -> Option<Document> {
        document(path, &self.node.snapshot_now(), &self.about.read())
    }

    /// The report of what has happened so far.
    pub(crate) fn report(&self, telling: &Telling) -> String {
        report(&self.node.snapshot_now(), &self.about.read(), telling)
    }

    /// The name of a download of a kind, without its ending.
    pub(crate) fn file_name(&self, kind: &str) -> String {
        file_name(kind, &self.node.snapshot_now(), &self.about.read())
    }

    /// Passes Python's answer to whoever asked over the web.
    pub(crate) fn answer(
        &self,
        call: u64,
        status: u16,
        body: &str,
    ) -> Result<(), serde_json::Error> {
        let body = serde_json::from_str(body)?;
        if let Some(Asker::Call(asker)) = self.calls.pending.lock().remove(&call) {
            // The asker may have gone.
            asker.send(Answer { status, body }).ok();
        }
        Ok(())
    }

    /// Passes a page of the script's to whoever asked for it. Without a body, it follows in
    /// pieces.
    pub(crate) fn answer_page(
        &self,
        call: u64,
        status: u16,
        headers: Vec<(String, String)>,
        body: Option<Bytes>,
    ) {
        let Some(Asker::Page(asker)) = self.calls.pending.lock().remove(&call) else {
            return;
        };
        let body = body.map_or_else(
            || {
                let (pieces, reader) = mpsc::channel(PIECES);
                self.calls.streams.lock().insert(call, pieces);
                PageBody::Stream(reader)
            },
            PageBody::Whole,
        );
        let page = Page {
            status,
            headers,
            body,
        };
        // The asker may have gone, and then the reader has, too.
        asker.send(page).ok();
    }

    /// Passes on a piece of a page: none if its reader has gone, false if it must be sent again
    /// as too many wait already.
    pub(crate) fn write_page(&self, call: u64, piece: Bytes) -> Option<bool> {
        let mut streams = self.calls.streams.lock();
        match streams.get(&call)?.try_send(piece) {
            Ok(()) => Some(true),
            Err(TrySendError::Full(_)) => Some(false),
            Err(TrySendError::Closed(_)) => {
                streams.remove(&call);
                None
            }
        }
    }

    /// Ends a page that came in pieces.
    pub(crate) fn end_page(&self, call: u64) {
        self.calls.streams.lock().remove(&call);
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

/// Who waits for an answer of Python's.
enum Asker {
    Call(oneshot::Sender<Answer>),
    Page(oneshot::Sender<Page>),
}

/// What the web asks of Python, until it is answered.
struct Calls {
    door: Arc<Door>,
    next: AtomicU64,
    pending: Mutex<FxHashMap<u64, Asker>>,
    /// Pages that are still being written.
    streams: Mutex<FxHashMap<u64, mpsc::Sender<Bytes>>>,
}

impl Calls {
    fn ask(&self, asker: Asker, name: &str, payload: &Value, body: Bytes) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.pending.lock().insert(id, asker);
        self.door.ask(Message::Call {
            id,
            name: name.to_owned(),
            payload: payload.to_string(),
            body,
        });
    }
}

impl Script for Calls {
    fn call(&self, name: &str, payload: Value) -> BoxFuture<Answer> {
        let (asker, answered) = oneshot::channel();
        self.ask(Asker::Call(asker), name, &payload, Bytes::new());
        Box::pin(async move {
            answered.await.unwrap_or(Answer {
                status: 503,
                body: Value::Null,
            })
        })
    }

    fn page(&self, visit: Visit) -> BoxFuture<Option<Page>> {
        let (asker, answered) = oneshot::channel();
        let head = visit.head();
        self.ask(Asker::Page(asker), "page", &head, visit.body);
        Box::pin(async move { answered.await.ok() })
    }
}
