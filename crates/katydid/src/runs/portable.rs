//! `katydid export` and `katydid import`

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use katydid_store::{Run, Store};

use super::{Kept, Problem, choose, now_ms, read_of};

#[derive(Debug, Args)]
pub(super) struct ExportOptions {
    /// An id or the beginning of one, last, last~1
    run: String,
    /// The file, or - for the standard output; named by the run in this directory by default
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
    let is_piped = options.file.as_deref() == Some(Path::new("-"));
    if is_piped && io::stdout().is_terminal() {
        let text = "a run is no text for a terminal; name a file, or pipe it into another program";
        return Err(Problem::Usage(text.into()));
    }
    let store = options.kept.look()?;
    let runs = store.runs(now_ms())?;
    let run = choose::one(&runs, &options.run)?;
    if is_piped {
        return pipe(&store, run);
    }
    let file = options
        .file
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.run", run.id)));
    if file.exists() {
        let text = format!("{} is there already; name another file", file.display());
        return Err(Problem::Words(text));
    }
    read_of(run, store.export(&run.id, &file))?;
    writeln!(io::stdout(), "Wrote {}", file.display())?;
    Ok(())
}

/// Writes a run to the standard output. It is a database, and those are written in files.
fn pipe(store: &Store, run: &Run) -> Result<(), Problem> {
    let folder = std::env::temp_dir().join(format!("katydid-{}-{}", std::process::id(), run.id));
    let failed = |error: io::Error| {
        let text = format!("{} cannot be made: {error}", folder.display());
        Problem::Words(text)
    };
    new_folder(&folder).map_err(failed)?;
    let file = folder.join("one.run");
    let written = read_of(run, store.export(&run.id, &file)).and_then(|()| {
        io::copy(&mut File::open(&file)?, &mut io::stdout().lock())?;
        Ok(())
    });
    // What is left of it is of no use; whether the run was written is told.
    fs::remove_dir_all(&folder).ok();
    written
}

/// Makes a folder that was not there, for its owner only.
fn new_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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
        read_of(&run, store.import(&other, &run.id))?;
        writeln!(io::stdout(), "Imported {}", run.id)?;
    }
    Ok(())
}
