//! `katydid report`

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use katydid_report::{Look, Report, hgrm};
use katydid_store::{Run, Store};

use super::png::{self, Painter};
use super::show::Part;
use super::{Kept, Problem, choose, now_ms, read_of};

/// Letters of a name that a file's name takes over.
const LONGEST_NAME: usize = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One page that stands by itself
    Html,
    /// A short form, for pull requests
    Markdown,
    /// A row for each endpoint
    Csv,
    /// Everything but the charts
    Json,
    /// The thresholds, for CI servers
    Junit,
    /// Percentiles as `HdrHistogram`'s tools read them; in a folder, for each endpoint, or without
    /// --output those of all requests
    Hgrm,
    /// Each chart as a picture, in a folder
    Svg,
    /// The same in pixels
    Png,
}

impl Format {
    /// Whether it can be written there.
    fn check(self, path: &Path) -> Result<(), Problem> {
        if !matches!(self, Self::Hgrm | Self::Svg | Self::Png) {
            return Ok(());
        }
        if path == Path::new("-") {
            let hint = match self {
                Self::Hgrm => {
                    "name a folder, or leave --output out for the percentiles of all requests"
                }
                _ => "name a folder for them with --output",
            };
            let text = format!("these are several files, which cannot go to the terminal: {hint}");
            return Err(Problem::Usage(text));
        }
        if path.is_file() {
            let text = format!(
                "these are several files, and {} is one: name a folder",
                path.display()
            );
            return Err(Problem::Words(text));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Theme {
    Light,
    Dark,
}

#[derive(Debug, Args)]
pub(super) struct Options {
    /// An id or the beginning of one, last, last~1
    #[arg(default_value = "last")]
    run: String,
    #[command(flatten)]
    part: Part,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// Where to: a file, a folder for several, or - for the terminal
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Put an earlier run beside it: an id or the beginning of one, last~1
    #[arg(long, value_name = "RUN")]
    baseline: Option<String>,
    /// Light or dark, whatever the reader prefers
    #[arg(long, value_enum)]
    theme: Option<Theme>,
    #[command(flatten)]
    kept: Kept,
}

/// Writes what a run came to.
pub(super) fn run(options: &Options) -> Result<(), Problem> {
    if let Some(path) = &options.output {
        options.format.check(path)?;
    }
    let store = options.kept.look()?;
    let runs = store.runs(now_ms())?;
    let run = choose::one(&runs, &options.run)?;
    let mut report = of(&store, run, &options.part)?;
    if let Some(baseline) = &options.baseline {
        let earlier = choose::one(&runs, baseline)?;
        if earlier.id == run.id {
            let text = format!("{} cannot be its own baseline; name another run", run.id);
            return Err(Problem::Words(text));
        }
        read_of(earlier, report.compare_with(&store, run, earlier))?;
    }
    let text = match options.format {
        Format::Html => {
            let look = Look {
                theme: match options.theme {
                    None => String::new(),
                    Some(Theme::Light) => "light".to_owned(),
                    Some(Theme::Dark) => "dark".to_owned(),
                },
                ..Look::default()
            };
            let html = report.html(&look);
            let file = PathBuf::from(format!("katydid-{}.html", run.id));
            return put(options.output.as_deref().or(Some(&file)), &html);
        }
        Format::Markdown => report.markdown(),
        Format::Csv => report.requests_csv(),
        Format::Json => format!("{:#}\n", report.json()),
        Format::Junit => report.junit(),
        Format::Hgrm => match options.output.as_deref() {
            None => hgrm(&report.total.times()),
            Some(folder) => return each_name(folder, &report),
        },
        Format::Svg | Format::Png => {
            return each_chart(options.output.as_deref(), &report, options.format);
        }
    };
    put(options.output.as_deref(), &text)
}

/// The report of a part of a run.
pub(super) fn of(store: &Store, run: &Run, part: &Part) -> Result<Report, Problem> {
    let span = read_of(run, store.span(&run.id))?;
    let span = span.ok_or_else(|| Problem::Words(format!("nothing was counted in {}", run.id)))?;
    let (from, to) = part.of(run, span)?;
    read_of(run, Report::of_run(store, run, from, to))
}

/// Writes a text to a file, whole or not at all, or to the terminal.
fn put(path: Option<&Path>, text: &str) -> Result<(), Problem> {
    match path {
        None => io::stdout().write_all(text.as_bytes())?,
        Some(path) if path == Path::new("-") => io::stdout().write_all(text.as_bytes())?,
        Some(path) => {
            write_file(path, text)?;
            writeln!(io::stderr(), "Wrote {}", path.display())?;
        }
    }
    Ok(())
}

fn write_file(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Problem> {
    let failed =
        |error: io::Error| Problem::Words(format!("{} cannot be written: {error}", path.display()));
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    fs::write(&part, content).map_err(failed)?;
    fs::rename(&part, path).map_err(|error| {
        // What is left of it is of no use; that the file was not written is told.
        fs::remove_file(&part).ok();
        failed(error)
    })
}

fn each_name(folder: &Path, report: &Report) -> Result<(), Problem> {
    write_file(&folder.join("all.hgrm"), hgrm(&report.total.times()))?;
    for (place, row) in report.rows.iter().enumerate() {
        let name = format!(
            "{:03}-{}.hgrm",
            place + 1,
            harmless(&format!("{} {}", row.method, row.name))
        );
        write_file(&folder.join(name), hgrm(&row.count.times()))?;
    }
    writeln!(
        io::stderr(),
        "Wrote {} files to {}",
        report.rows.len() + 1,
        folder.display()
    )?;
    Ok(())
}

fn each_chart(folder: Option<&Path>, report: &Report, format: Format) -> Result<(), Problem> {
    let Some(folder) = folder else {
        let text = "there are several charts: name a folder for them with --output".to_owned();
        return Err(Problem::Words(text));
    };
    let words = |error: png::Error| Problem::Words(error.to_string());
    let painter = match format {
        Format::Png => Some(Painter::new().map_err(words)?),
        _ => None,
    };
    let charts = report.charts();
    for chart in &charts {
        match &painter {
            Some(painter) => {
                let png = painter.png(&chart.svg).map_err(words)?;
                write_file(&folder.join(format!("{}.png", chart.id)), &png)?;
            }
            None => write_file(&folder.join(format!("{}.svg", chart.id)), &chart.svg)?,
        }
        if let Some(over_time) = &chart.over_time {
            write_file(&folder.join(format!("{}.csv", chart.id)), over_time.csv())?;
        }
    }
    writeln!(
        io::stderr(),
        "Wrote {} charts to {}",
        charts.len(),
        folder.display()
    )?;
    Ok(())
}

/// A name that any file system takes.
fn harmless(name: &str) -> String {
    let letters = name.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    });
    letters.take(LONGEST_NAME).collect()
}
