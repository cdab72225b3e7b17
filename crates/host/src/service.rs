//! The service thread: the node's clock and the web server, away from whoever runs the users.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use katydid_node::run::Node;
use katydid_web::{
    About, Access, Document, History, Options, Script, Site, Telling, Tls, bind, document,
    file_name, report, serve,
};
use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::vital;

/// How long a server may take to close its port.
const CLOSING: Duration = Duration::from_secs(5);

/// How long visitors may take to be answered at the end.
const LEAVING: Duration = Duration::from_secs(2);

/// How a server is to behave.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The path that stands before all others, such as `/load`; empty for none.
    pub base_path: String,
    /// Other names it answers to, such as that of a proxy in front of it.
    pub names: Vec<String>,
    /// A file with the chain of certificates; plain HTTP without one.
    pub tls_cert: String,
    /// A file with the private key.
    pub tls_key: String,
    /// Who may come in: lines of `name:role:hash`.
    pub users: String,
    /// What programs send to come in; empty for none.
    pub token: String,
}

/// A server that was started.
struct Server {
    shutdown: CancellationToken,
    closed: CancellationToken,
}

/// A way to have tasks run on the thread.
#[derive(Clone)]
pub struct Tasks {
    /// The thread's runtime.
    pub handle: Handle,
    tracker: TaskTracker,
    /// Told when the thread is to end, which waits for the tasks.
    pub cancelled: CancellationToken,
}

impl Tasks {
    /// Has a task run on the thread, which waits for it when it ends. It must not fail.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(vital::task(name, task), &self.handle);
    }
}

/// The thread and what reaches it.
pub struct Service {
    handle: Handle,
    node: Arc<Node>,
    about: Arc<RwLock<About>>,
    history: Arc<History>,
    script: Arc<dyn Script>,
    servers: TaskTracker,
    /// By their ports.
    running: Mutex<FxHashMap<u16, Server>>,
    cancelled: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Service {
    /// Starts the thread; `script` carries out what the page asks for.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start(node: Arc<Node>, script: Arc<dyn Script>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let cancelled = CancellationToken::new();
        let servers = TaskTracker::new();
        let (driven, stop, ended) = (Arc::clone(&node), cancelled.clone(), servers.clone());
        let thread = vital::thread("katydid-service", move || {
            runtime.block_on(async {
                driven.drive(stop).await;
                ended.close();
                // A visitor that stalls must not keep the process.
                timeout(LEAVING, ended.wait()).await.ok();
            });
            // What still reads a file for one must not either.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            handle,
            node,
            about: Arc::default(),
            history: Arc::default(),
            script,
            servers,
            running: Mutex::default(),
            cancelled,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// A way to have tasks run on the thread.
    pub fn tasks(&self) -> Tasks {
        Tasks {
            handle: self.handle.clone(),
            tracker: self.servers.clone(),
            cancelled: self.cancelled.clone(),
        }
    }

    /// Where runs are kept, as the page reads them.
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// Replaces what the page shows about the script.
    pub fn describe(&self, about: About) {
        *self.about.write() = about;
    }

    /// Starts the web server and returns the port it got.
    pub fn serve(&self, host: &str, port: u16, settings: Settings) -> io::Result<u16> {
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
            script: Arc::clone(&self.script),
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
    pub fn close(&self, port: u16) {
        let server = self.running.lock().remove(&port);
        if let Some(Server { shutdown, closed }) = server {
            shutdown.cancel();
            // A server that does not close in time keeps its port, and whoever wants it is told.
            let closing = async { timeout(CLOSING, closed.cancelled()).await.ok() };
            self.handle.block_on(closing);
        }
    }

    /// What there is to read at a path, now.
    pub fn document(&self, path: &str) -> Option<Document> {
        document(path, &self.node.snapshot_now(), &self.about.read())
    }

    /// The report of what has happened so far.
    pub fn report(&self, telling: &Telling) -> String {
        report(
            &self.node.snapshot_now(),
            &self.about.read(),
            telling,
            &self.history,
        )
    }

    /// The name of a download of a kind, without its ending.
    pub fn file_name(&self, kind: &str) -> String {
        file_name(kind, &self.node.snapshot_now(), &self.about.read())
    }

    /// Ends the thread and waits for it.
    pub fn stop(&self) {
        self.cancelled.cancel();
        if let Some(thread) = self.thread.lock().take() {
            // A panic there was printed when it happened.
            drop(thread.join());
        }
    }
}
