//! `katydid export` and `katydid import`

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use katydid_store::Store;

use super::{Kept, Problem, choose, now_ms};

#[derive(Debug, Args)]
pub(super) struct ExportOptions {
    /// An id or the beginning of one, last, last~1
    run: String,
    /// The file; named by the run in this directory by default
    file: Option<PathBuf>,
    #[command(flatten)]
    kept: Kept,
}

#[derive(Debug, Args)]
pub(super) struct ImportOptions {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    kept: Kept,
}

/// Writes a run to a file of its own.
pub(super) fn export(options: &ExportOptions) -> Result<(), Problem> {
    let store = options.kept.look()?;
    let runs = store.runs(now_ms())?;
    let run = choose::one(&runs, &options.run)?;
    let file = options
        .file
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.run", run.id)));
    if file.exists() {
        let text = format!("{} is there already; name another file", file.display());
        return Err(Problem::Words(text));
    }
    store.export(&run.id, &file)?;
    writeln!(io::stdout(), "Wrote {}", file.display())?;
    Ok(())
}

/// Takes in the runs of a file.
pub(super) fn import(options: &ImportOptions) -> Result<(), Problem> {
    if !options.file.exists() {
        let text = format!("there is no {}", options.file.display());
        return Err(Problem::Words(text));
    }
    let other = Store::look(&options.file)?;
    let mut store = options.kept.open()?;
    let known = store.runs(now_ms())?;
    let runs = other.runs(now_ms())?;
    if runs.is_empty() {
        return Err(Problem::Words(format!(
            "{} has no run",
            options.file.display()
        )));
    }
    if let Some(run) = runs
        .iter()
        .find(|run| known.iter().any(|it| it.id == run.id))
    {
        let text = format!(
            "{} is kept here already; katydid delete {0} makes room",
            run.id
        );
        return Err(Problem::Words(text));
    }
    for run in runs {
        store.import(&other, &run.id)?;
        writeln!(io::stdout(), "Imported {}", run.id)?;
    }
    Ok(())
}
