//! The server: what it shows, where it listens, and which route leads where.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::serve::Listener;
use katydid_core::snapshot::Snapshot;
use katydid_node::Event;
use katydid_node::run::Node;
use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::about::About;
use crate::board::Board;
use crate::command::{self, Command, Commands};
use crate::guests::{Guests, PATIENCE};
use crate::history::History;
use crate::kept::Document;
use crate::login::{self, Access, Desk};
use crate::port::{Port, Tls};
use crate::script::{Answer, Page, Script, Visit};
use crate::{
    api, crew, document, endpoint, faults, files, gate, guard, history, kept, library, locust,
    metrics, page, stream,
};

/// What a server shows.
pub struct Site {
    /// The run.
    pub node: Arc<Node>,
    /// The script; may be exchanged once it is loaded.
    pub about: Arc<RwLock<About>>,
    /// Carries out what is asked for.
    pub script: Arc<dyn Script>,
    /// Where its runs are kept.
    pub history: Arc<History>,
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
    /// The path that stands before all others, such as `/load`; empty for none.
    pub base_path: String,
    /// The certificate to serve with; plain HTTP without one.
    pub tls: Option<Tls>,
    /// Who may come in.
    pub access: Access,
}

/// What all handlers share.
pub(crate) struct Shared {
    pub(crate) about: Arc<RwLock<About>>,
    pub(crate) options: Options,
    pub(crate) history: Arc<History>,
    /// Tells one life of the server from the next.
    pub(crate) boot: String,
    pub(crate) board: Mutex<Board>,
    pub(crate) commands: Commands,
    pub(crate) desk: Desk,
    /// How many streams are open.
    pub(crate) streams: AtomicUsize,
    pub(crate) shutdown: CancellationToken,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    script: Arc<dyn Script>,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl Shared {
    fn new(site: Site, shutdown: CancellationToken) -> Self {
        let boot = RandomState::new().build_hasher().finish();
        Self {
            about: site.about,
            options: site.options,
            history: site.history,
            boot: format!("{boot:016x}"),
            board: Mutex::default(),
            commands: Commands::default(),
            desk: Desk::default(),
            streams: AtomicUsize::new(0),
            shutdown,
            snapshots: site.node.snapshots(),
            script: site.script,
            tell: Box::new(move |event| site.node.send(event)),
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

    /// Tells the node that something has happened.
    pub(crate) fn tell(&self, event: Event) {
        (self.tell)(event);
    }

    /// Has the script's own pages answer; none at the end of the server.
    pub(crate) async fn page(&self, visit: Visit) -> Option<Page> {
        let page = self.script.page(visit);
        tokio::select! {
            page = page => page,
            () = self.shutdown.cancelled() => None,
        }
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

/// Serves the site until it is told to shut down; cancels `closed` as soon as nobody can connect
/// any more, which is before the last visitor has been answered.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    shutdown: CancellationToken,
    closed: CancellationToken,
) -> io::Result<()> {
    let mut port = Port::new(listener, site.options.tls.clone(), closed.drop_guard())?;
    let shared = Arc::new(Shared::new(site, shutdown.clone()));
    let routes = router(&shared);
    let guests = Guests::default();
    while let Some((stream, peer)) = shutdown.run_until_cancelled(port.accept()).await {
        guests.receive(stream, peer, routes.clone(), &shutdown);
    }
    drop(port);
    guests.empty().await;
    Ok(())
}

fn router(shared: &Arc<Shared>) -> Router {
    let mut own = Router::new()
        .route("/run", get(api::run))
        .route("/snapshot", get(api::snapshot))
        .route("/endpoints/{id}", get(endpoint::endpoint))
        .route("/heat", get(endpoint::heat))
        .route("/workers", get(crew::workers))
        .route("/workers/course", get(crew::over_time))
        .route("/logs", get(crew::logs))
        .route("/errors", get(faults::errors))
        .route("/errors/course", get(faults::over_time))
        .route("/runs", get(history::runs))
        .route("/runs/{id}/window", get(history::window))
        .route("/runs/{id}/endpoints/{name}", get(kept::endpoint))
        .route("/runs/{id}/file", get(library::file))
        .route("/runs/{id}/label", post(library::label))
        .route(
            "/runs/import",
            post(library::import).layer(DefaultBodyLimit::disable()),
        )
        .route("/runs/{id}/files/{*file}", get(files::file))
        .route("/runs/{id}/{change}", post(history::change))
        .route("/compare", get(history::compare))
        .route("/stream", get(stream::stream))
        .fallback(api::not_found);
    for command in Command::ALL {
        let take = move |shared, visitor, body| command::take(shared, command, visitor, body);
        own = own.route(&format!("/{}", command.as_str()), post(take));
    }
    for (path, document) in [
        ("snapshot", Document::Snapshot),
        ("heat", Document::Heat),
        ("errors", Document::Errors),
        ("errors/course", Document::Failures),
        ("exceptions", Document::Exceptions),
        ("workers", Document::Workers),
        ("workers/course", Document::Crew),
        ("logs", Document::Logs),
    ] {
        let answer = move |shared, run, part| kept::document(shared, document, run, part);
        own = own.route(&format!("/runs/{{id}}/{path}"), get(answer));
    }
    let own = own.method_not_allowed_fallback(api::wrong_method);
    let mut routes = Router::new()
        .nest("/api/v1", own)
        .route("/", get(locust::document))
        .route("/assets/{*path}", get(locust::document))
        .route("/swarm", post(locust::swarm))
        .route("/stop", get(locust::stop).post(locust::stop))
        .route("/stats/reset", get(locust::reset).post(locust::reset))
        .route("/stats/report", get(locust::report))
        .route("/tasks", get(locust::tasks))
        .route("/metrics", get(metrics::metrics))
        .route("/worker-count", get(locust::worker_count))
        .route("/logs", get(locust::logs))
        .route("/login", get(gate::login))
        .route("/user", post(locust::user))
        .route(
            "/stats/requests_full_history/csv",
            get(locust::full_history),
        );
    for path in document::PATHS {
        routes = routes.route(path, get(locust::document));
    }
    let routes = routes
        .fallback(gate::unknown)
        .method_not_allowed_fallback(page::wrong_method)
        .with_state(Arc::clone(shared));
    // A fallback of its own, as routes are chosen before what is layered on them can change the path.
    Router::new()
        .fallback_service(routes)
        .layer(from_fn_with_state(Arc::clone(shared), gate::gate))
        .layer(from_fn_with_state(Arc::clone(shared), login::login))
        .layer(from_fn_with_state(Arc::clone(shared), guard::guard))
        .layer(RequestBodyTimeoutLayer::new(PATIENCE))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(is_ours)))
}

/// What a script streams must not wait until it is worth compressing.
fn is_ours(_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions) -> bool {
    extensions.get::<gate::FromScript>().is_none()
}
