//! The demo target: a small, fast HTTP server that knows exactly what it did.
//!
//! It is what a newcomer aims a first test at, what our own tests talk to, and
//! what the accuracy proofs compare a load generator's numbers with. It speaks
//! HTTP/1 straight on the socket, with no library between: that is how it can
//! stamp first and last bytes where they are handed over, answer brokenly on
//! purpose, and disagree with the client's library where both would otherwise
//! share a mistake.
//!
//! # Routes
//!
//! A shop: `GET /`, `/items?page=`, `/item/{id}` (1 to 100), `/search?q=` (3 ms),
//! `/recommendations` (mix `web`), `POST /login` (form or JSON: `username`,
//! `password`; the password `wrong` is refused), `POST /logout`, and with the
//! cookie from there `GET /account`, `GET /cart`, `POST /cart` (`item`,
//! `quantity`), `POST /checkout` (20 ms; 5 % fail with 500, by the seed).
//! `POST /api/test/testForSignup`, `GET /api/test/timelinePage`,
//! `GET /api/test/mypage`.
//!
//! For trying out a client, with any method: `/echo`, `/status/{code}`,
//! `/bytes/{n}`, `/latency?ms=1.000` or `?mix=NAME`,
//! `/slow-body?chunks=&ms=&bytes=`, `/chunked?chunks=`, `/close-delimited`,
//! `/redirect/{n}?status=`, `/redirect-to?url=&status=`, `/relative-redirect`,
//! `/redirect-loop`, `/cookies`, `/cookies/set?k=v`, `/cookies/delete?k`,
//! `/basic-auth/{user}/{pass}`, `/gzip`, `/deflate`, `/br`, `/zstd`.
//!
//! `/drop-after/{n}?ms=` closes the connection, unannounced, once it has
//! answered n requests, `ms` after the last; with `?when=next` at the moment
//! the next request arrives, which is then neither read nor counted.
//! `/broken/{kind}` breaks HTTP: `close`, `reset`, `garbage`, `cut-length`,
//! `cut-chunk`, `bad-chunk`, `endless-headers`, `bad-length`, `huge-header`,
//! `bad-gzip`, `freeze`, `half-head`.
//!
//! # Latency mixes
//!
//! | name | answers take |
//! |---|---|
//! | `web` | 90 % 5 ms, 9 % 50 ms, 0.9 % 500 ms, 0.1 % 5 s |
//! | `api` | 50 % 1 ms, 40 % 3 ms, 9 % 10 ms, 1 % 100 ms |
//! | `bimodal` | 50 % 2 ms, 50 % 40 ms |
//! | `stall` | 99.9 % 1 ms, 0.1 % 2 s |
//!
//! # Ground truth
//!
//! `GET /_truth` tells as JSON how many requests came, by route and status and
//! by path (the first 10 000 different ones; the rest is `(other)`), and how
//! long each path took from the arrival of a request's first byte to the last
//! byte of its answer, exactly, in microseconds. A request is counted before
//! the first byte of its answer goes out, with the status it was to get (`none`
//! where no status line is sent), even if the client did not wait for it.
//! Requests of `/_truth` itself are not counted; `POST /_truth/reset` starts
//! again from zero.
//!
//! Arrival is when the target read the bytes; what they waited in the kernel
//! of a busy machine before is not known to it. An answer's last byte is out
//! when the kernel has taken it.

mod answer;
mod chance;
pub(crate) mod clock;
mod command;
mod connection;
mod fault;
mod lab;
pub(crate) mod request;
mod routes;
mod shop;
#[cfg(target_os = "linux")]
pub(crate) mod timer;
#[cfg(not(target_os = "linux"))]
#[path = "target/timer_portable.rs"]
pub(crate) mod timer;
mod tls;
mod truth;
mod worker;

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};
use tokio_util::sync::CancellationToken;

pub use command::main;

use routes::Site;
use timer::Timer;
use tls::Tls;
use truth::Truth;
use worker::{Door, Shared, Worker};

/// Connections the kernel queues before they are accepted.
const BACKLOG: i32 = 4096;

/// What kind of target to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address or name to listen on.
    pub host: String,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Serve https.
    pub tls: bool,
    /// With `tls`: let in only clients with a certificate of an authority in
    /// this PEM file.
    pub tls_client_ca: Option<PathBuf>,
    /// Where the random answers start from.
    pub seed: u64,
    /// Threads that serve, at least 1.
    pub threads: usize,
    /// Requests whose times are kept, 40 bytes each; the newest survive.
    pub truth_records: usize,
}

impl Default for Config {
    /// One thread on a free port of the loopback interface.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 0,
            tls: false,
            tls_client_ca: None,
            seed: 1,
            threads: 1,
            truth_records: 4_000_000,
        }
    }
}

/// Why the target cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is unknown, not ours or taken.
    #[error("cannot listen on {host}:{port}")]
    Listen {
        /// The host as configured.
        host: String,
        /// The port as configured.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The system gave no thread, timer or poll set.
    #[error("cannot start a worker thread")]
    Start(#[source] io::Error),
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The key that was made is of no use to the TLS library.
    #[error("cannot use the certificate's key")]
    Key,
    /// The TLS library refuses the configuration.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// The authorities for client certificates cannot be used.
    #[error("cannot check client certificates")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
    /// The file with the authorities for client certificates cannot be read.
    #[error("cannot read certificates from {path}")]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls_pki_types::pem::Error,
    },
}

/// A target that accepts connections; it ends when this is dropped.
pub struct Running {
    address: SocketAddr,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    shutdown: CancellationToken,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Starts a target on threads of its own; it accepts connections when this
/// returns, and ends when `shutdown` is cancelled.
///
/// ```
/// use katydid::target::{Config, run};
/// use tokio_util::sync::CancellationToken;
///
/// let target = run(Config::default(), &CancellationToken::new())?;
/// assert!(target.url().starts_with("http://127.0.0.1:"));
/// assert_eq!(target.truth()["total"], 0);
/// # Ok::<(), katydid::target::Error>(())
/// ```
pub fn run(config: Config, shutdown: &CancellationToken) -> Result<Running, Error> {
    let tls = if config.tls {
        Some(Tls::new(&config.host, config.tls_client_ca.as_deref())?)
    } else {
        None
    };
    let listener = listen(&config.host, config.port).map_err(|source| Error::Listen {
        host: config.host,
        port: config.port,
        source,
    })?;
    let count = config.threads.max(1);
    let shared = Arc::new(Shared {
        site: Site::new(config.seed, config.tls),
        truth: Truth::new(count, config.truth_records),
    });
    let shutdown = shutdown.child_token();
    let running = Running {
        address: listener.local_addr().map_err(Error::Start)?,
        ca_pem: tls.as_ref().map(|tls| tls.ca_pem.clone()),
        shared: Arc::clone(&shared),
        shutdown: shutdown.clone(),
        threads: Mutex::default(),
    };
    let (senders, receivers) = worker::deal(count);
    let mut listener = Some(listener);
    for (thread, receiver) in receivers.into_iter().enumerate() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Start)?;
        let entered = runtime.enter();
        let door = match listener.take() {
            Some(listener) => Some(Door {
                listener: tokio::net::TcpListener::from_std(listener).map_err(Error::Start)?,
                workers: senders.clone(),
            }),
            None => None,
        };
        let worker = Worker {
            thread,
            shared: Arc::clone(&shared),
            timer: Timer::new().map_err(Error::Start)?,
            tls: tls.as_ref().map(|tls| tls.acceptor.clone()),
        };
        drop(entered);
        let shutdown = shutdown.clone();
        let handle = std::thread::Builder::new()
            .name(format!("target-{thread}"))
            .spawn(move || runtime.block_on(worker::work(worker, door, receiver, shutdown)))
            .map_err(Error::Start)?;
        running.threads.lock().push(handle);
    }
    Ok(running)
}

/// Looks for a request at the front of bytes: its length, 0 for none. For the fuzzer alone.
#[doc(hidden)]
pub fn request_length(bytes: &[u8]) -> usize {
    match request::parse(bytes) {
        request::Parsed::Whole(request) => {
            // What a handler may look at.
            let _ = (request.path(), request.query(), request.field("q"));
            let _ = request.cookies().count();
            request.length
        }
        request::Parsed::Partial { .. } | request::Parsed::Bad(_) => 0,
    }
}

fn listen(host: &str, port: u16) -> io::Result<std::net::TcpListener> {
    let address = (host, port)
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such host"))?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(cfg!(unix))?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

impl Running {
    /// The address that it listens on, with the port really taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its root URL, without a slash at the end.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// With TLS: the certificate (PEM) that a client has to trust.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// What `GET /_truth` would say now.
    pub fn truth(&self) -> serde_json::Value {
        truth::report(&self.shared.truth)
    }

    /// Writes every kept request with its times as CSV.
    pub fn write_truth_log(&self, out: &mut impl Write) -> io::Result<()> {
        truth::write_log(&self.shared.truth, out)
    }

    /// Ends all connections and threads; the ground truth stays.
    pub fn stop(&self) {
        self.shutdown.cancel();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // A panic of a worker has been printed by its thread.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}
