//! The server: what it shows, where it listens, and which route leads where.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use katydid_core::snapshot::Snapshot;
use katydid_node::run::Node;
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

use crate::about::About;
use crate::board::Board;
use crate::script::{Answer, Script};
use crate::{api, guard, locust, page, stream};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// What a server shows.
pub struct Site {
    /// The run.
    pub node: Arc<Node>,
    /// The script; may be exchanged once it is loaded.
    pub about: Arc<RwLock<About>>,
    /// Carries out what is asked for.
    pub script: Arc<dyn Script>,
    /// How the server behaves.
    pub options: Options,
}

/// How a server behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The name it was bound to; it answers to this name besides those of the machine.
    pub host: String,
    /// Other names it answers to, such as that of a proxy in front of it.
    pub names: Vec<String>,
}

/// What all handlers share.
pub(crate) struct Shared {
    pub(crate) about: Arc<RwLock<About>>,
    pub(crate) options: Options,
    /// Tells one life of the server from the next.
    pub(crate) boot: String,
    pub(crate) board: Mutex<Board>,
    /// How many streams are open.
    pub(crate) streams: AtomicUsize,
    pub(crate) shutdown: CancellationToken,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    script: Arc<dyn Script>,
}

impl Shared {
    fn new(site: Site, shutdown: CancellationToken) -> Self {
        let boot = RandomState::new().build_hasher().finish();
        Self {
            about: site.about,
            options: site.options,
            boot: format!("{boot:016x}"),
            board: Mutex::default(),
            streams: AtomicUsize::new(0),
            shutdown,
            snapshots: site.node.snapshots(),
            script: site.script,
        }
    }

    /// The newest snapshot.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// The snapshots from now on.
    pub(crate) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Asks the script; the end of the server is an answer too.
    pub(crate) async fn call(&self, name: &str, payload: Value) -> Answer {
        let answer = self.script.call(name, payload);
        tokio::select! {
            answer = answer => answer,
            () = self.shutdown.cancelled() => Answer {
                status: 503,
                body: json!({ "success": false, "message": "Katydid is shutting down" }),
            },
        }
    }
}

/// Listens on a port, 0 for any free one; the host `""` or `"*"` stands for all interfaces.
pub fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    if !matches!(host, "" | "*") {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        return TcpListener::bind((host, port));
    }
    // A machine without IPv6 cannot even make such a socket.
    bind_both(port).or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
}

/// Listens on all interfaces, in IPv6 and IPv4.
fn bind_both(port: u16) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_only_v6(false)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves the site until it is told to shut down.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    shutdown: CancellationToken,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
        // A frame a second late is worse than a packet more; without it, nothing breaks.
        let _ = stream.set_nodelay(true);
    });
    let shared = Arc::new(Shared::new(site, shutdown.clone()));
    axum::serve(listener, router(shared))
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

fn router(shared: Arc<Shared>) -> Router {
    let own = Router::new()
        .route("/run", get(api::run))
        .route("/snapshot", get(api::snapshot))
        .route("/stream", get(stream::stream))
        .route("/start", post(api::start))
        .route("/stop", post(api::stop))
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::wrong_method);
    Router::new()
        .nest("/api/v1", own)
        .route("/", get(page::index))
        .route("/assets/{*path}", get(page::asset))
        .route("/swarm", post(locust::swarm))
        .route("/stop", get(locust::stop).post(locust::stop))
        .route("/stats/reset", get(locust::reset).post(locust::reset))
        .route("/stats/requests", get(locust::requests))
        .route("/stats/requests/csv", get(locust::requests_csv))
        .route("/stats/failures/csv", get(locust::failures_csv))
        .route("/exceptions", get(locust::exceptions))
        .route("/exceptions/csv", get(locust::exceptions_csv))
        .route("/tasks", get(locust::tasks))
        .route("/worker-count", get(locust::worker_count))
        .route("/logs", get(locust::logs))
        .fallback(page::not_found)
        .method_not_allowed_fallback(page::wrong_method)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            guard::guard,
        ))
        .layer(CompressionLayer::new())
        .with_state(shared)
}
