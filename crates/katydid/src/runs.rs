//! Kept runs on the command line: `katydid runs`, `show`, `report`, `compare`, `delete`, `export` and
//! `import`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand};
use katydid_store::{Run, RunState, Store, StoreError};
use serde_json::Value;
use thiserror::Error;

mod choose;
mod compare;
mod list;
mod png;
mod portable;
mod report;
mod show;
mod table;

/// The words that begin a command of this module.
pub const COMMANDS: [&str; 7] = [
    "runs", "show", "report", "compare", "delete", "export", "import",
];

/// What is kept of earlier runs.
#[derive(Debug, Parser)]
#[command(name = "katydid", disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the runs that are kept, the newest first
    Runs(list::Options),
    /// Show what was counted in a run, or in a part of it
    Show(show::Options),
    /// Write what a run came to, with charts, to one file
    Report(report::Options),
    /// Say whether a run was worse than another, better, or no different
    Compare(compare::Options),
    /// Forget runs
    Delete(DeleteOptions),
    /// Write a run to a file that another machine can import
    Export(portable::ExportOptions),
    /// Add a run that was exported
    Import(portable::ImportOptions),
}

/// Where runs are kept.
#[derive(Clone, Debug, Args)]
struct Kept {
    /// File in which runs are kept
    #[arg(long, value_name = "FILE", env = "LOCUST_STORE")]
    store: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct DeleteOptions {
    /// Runs: an id or the beginning of one, last, last~1
    #[arg(required = true)]
    runs: Vec<String>,
    #[command(flatten)]
    kept: Kept,
}

/// Why a command was not carried out.
#[derive(Debug, Error)]
enum Problem {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Words(String),
    /// The command line asks for what there is not.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Kept {
    fn path(&self) -> Result<PathBuf, Problem> {
        if let Some(path) = &self.store {
            return Ok(path.clone());
        }
        let unknown =
            || Problem::Words("there is no home directory; say where with --store".into());
        usual_store().ok_or_else(unknown)
    }

    /// The store, to be read.
    fn look(&self) -> Result<Store, Problem> {
        let path = self.path()?;
        if !path.exists() {
            let text = format!("no run is kept yet: there is no {}", path.display());
            return Err(Problem::Words(text));
        }
        Ok(Store::look(&path)?)
    }

    /// The store, to be changed.
    fn open(&self) -> Result<Store, Problem> {
        Ok(Store::open(&self.path()?)?)
    }
}

/// An environment variable that says something.
fn set(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// Where runs are kept if nothing else is said; none without a home directory.
pub(crate) fn usual_store() -> Option<PathBuf> {
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
    Some(data?.join("katydid").join("runs.db"))
}

/// A path as a shell would give it.
pub(crate) fn expanded(path: &str) -> PathBuf {
    match path.strip_prefix("~/").zip(set("HOME")) {
        Some((rest, home)) => home.join(rest),
        None => PathBuf::from(path),
    }
}

/// Carries out a command and gives its exit code: 1 if it failed or a run was worse, 2 for a wrong
/// command line.
///
/// `args` are the words after `katydid`, the command's own included.
pub fn main(args: &[String]) -> i32 {
    let words = std::iter::once("katydid").chain(args.iter().map(String::as_str));
    let line = match Line::try_parse_from(words) {
        Ok(line) => line,
        Err(error) => {
            // Nobody is left to tell if that fails, too.
            let _ = error.print();
            return error.exit_code();
        }
    };
    let done = match line.command {
        Command::Runs(options) => list::run(&options).map(|()| 0),
        Command::Show(options) => show::run(&options).map(|()| 0),
        Command::Report(options) => report::run(&options).map(|()| 0),
        Command::Compare(options) => compare::run(&options),
        Command::Delete(options) => delete(&options).map(|()| 0),
        Command::Export(options) => portable::export(&options).map(|()| 0),
        Command::Import(options) => portable::import(&options).map(|()| 0),
    };
    match done {
        Ok(code) => code,
        // Who reads the output has enough of it.
        Err(Problem::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "katydid: {problem}");
            if matches!(problem, Problem::Usage(_)) {
                2
            } else {
                1
            }
        }
    }
}

fn delete(options: &DeleteOptions) -> Result<(), Problem> {
    let mut store = options.kept.open()?;
    let runs = store.runs(now_ms())?;
    let mut chosen: Vec<&Run> = Vec::new();
    for wanted in &options.runs {
        let run = choose::one(&runs, wanted)?;
        if run.state == RunState::Running {
            let text = format!("{} is under way and cannot be deleted", run.id);
            return Err(Problem::Words(text));
        }
        if !chosen.iter().any(|it| it.id == run.id) {
            chosen.push(run);
        }
    }
    for run in chosen {
        store.delete_run(&run.id)?;
        writeln!(io::stdout(), "Deleted {}", run.id)?;
    }
    while store.tidy()? {}
    Ok(())
}

/// What was read of a run. If it is damaged, that is said of the run and not of all the store.
fn read_of<T>(run: &Run, read: Result<T, StoreError>) -> Result<T, Problem> {
    read.map_err(|error| match error {
        StoreError::Foreign(path) => Problem::Words(format!(
            "{0} is damaged, and not all of it can be read. Parts of it (--from, --to) and the other runs of {1} \
             may be whole: katydid runs lists them, and katydid delete {0} removes it",
            run.id,
            path.display()
        )),
        error => error.into(),
    })
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// What else is known of a run.
fn about(run: &Run) -> Value {
    serde_json::from_str(&run.about).unwrap_or_default()
}
