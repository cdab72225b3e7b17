//! `katydid target`: the demo target on the command line.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use tokio_util::sync::CancellationToken;

use super::{Config, Running, run};

/// Serves a small demo shop with exact ground truth, to aim load tests at.
#[derive(Debug, Parser)]
#[command(name = "katydid target", version)]
struct Args {
    /// Address or name to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 9080)]
    port: u16,
    /// Serve https, with a certificate made at the start
    #[arg(long)]
    tls: bool,
    /// Write the certificate that clients have to trust to this file (PEM)
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_cert_out: Option<PathBuf>,
    /// Let in only clients with a certificate of this authority (PEM)
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_client_ca: Option<PathBuf>,
    /// Where the random answers start from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads that serve
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Requests whose times are kept
    #[arg(long, value_name = "COUNT", default_value_t = Config::default().truth_records)]
    truth_records: usize,
    /// Write every kept request and its times to this file at the end (CSV)
    #[arg(long, value_name = "FILE")]
    truth_log: Option<PathBuf>,
}

/// Runs the target until Ctrl-C or SIGTERM; the exit code.
///
/// `args` are the words after `katydid target`.
pub fn main(args: &[String]) -> i32 {
    let words = std::iter::once("katydid target").chain(args.iter().map(String::as_str));
    let args = match Args::try_parse_from(words) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return error.exit_code();
        }
    };
    match serve(args) {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(io::stderr(), "katydid target: {}", with_causes(&*error));
            1
        }
    }
}

fn serve(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    allow_many_connections();
    let config = Config {
        host: args.host,
        port: args.port,
        tls: args.tls,
        tls_client_ca: args.tls_client_ca,
        seed: args.seed,
        threads: args.threads.into(),
        truth_records: args.truth_records,
    };
    let signals = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let running = run(config, &CancellationToken::new())?;
    if let (Some(path), Some(pem)) = (&args.tls_cert_out, running.ca_pem()) {
        std::fs::write(path, pem).map_err(|error| unwritable(path, &error))?;
    }
    // The log is opened now: a path that does not exist should not show itself
    // only after an hour's test.
    let log = match &args.truth_log {
        Some(path) => Some(File::create(path).map_err(|error| unwritable(path, &error))?),
        None => None,
    };
    signals.block_on(async {
        let ended = ended();
        announce(&running)?;
        ended.await
    })?;
    running.stop();
    if let Some(file) = log {
        running.write_truth_log(&mut BufWriter::new(file))?;
    }
    Ok(())
}

fn announce(running: &Running) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "Target listening on {}", running.url())?;
    out.flush()
}

/// Returns at the first Ctrl-C or SIGTERM; both are caught from the call on.
#[cfg(unix)]
fn ended() -> impl Future<Output = io::Result<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async {
        let (mut interrupt, mut terminate) = (interrupt?, terminate?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    }
}

/// Returns at the first Ctrl-C.
#[cfg(not(unix))]
fn ended() -> impl Future<Output = io::Result<()>> {
    tokio::signal::ctrl_c()
}

/// Raises the limit of open files as far as the system lets us.
#[cfg(unix)]
fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
}

#[cfg(not(unix))]
fn allow_many_connections() {}

fn unwritable(path: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", path.display())
}

/// An error's message followed by those of its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    message
}
