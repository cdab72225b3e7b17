//! What a person at a terminal sees: the log, the tables, and a line that is always current.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;

use katydid_core::log::logs;
use katydid_core::units::Nanos;
use katydid_host::machine;
use katydid_node::run::Node;
use parking_lot::Mutex;

/// How severe something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }

    fn parse(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "DEBUG" => Self::Debug,
            "WARNING" => Self::Warning,
            "ERROR" | "CRITICAL" => Self::Error,
            _ => Self::Info,
        }
    }
}

/// The terminal and the log.
pub(crate) struct Console {
    node: Arc<Node>,
    /// The machine's name, as Locust's log has it.
    machine: String,
    least: Level,
    file: Option<Mutex<File>>,
    line: Mutex<Line>,
    pub(crate) has_line: bool,
}

/// The line that is always current.
#[derive(Default)]
struct Line {
    text: String,
    is_shown: bool,
}

const CLEAR: &str = "\r\x1b[2K";

impl Console {
    pub(crate) fn new(
        node: Arc<Node>,
        machine: String,
        level: &str,
        logfile: Option<&Path>,
        wants_line: bool,
    ) -> io::Result<Self> {
        let file = logfile.map(|path| {
            let mut options = File::options();
            options.append(true).create(true).open(path)
        });
        let is_dumb = std::env::var("TERM").map_or(true, |term| term == "dumb");
        Ok(Self {
            node,
            machine,
            least: Level::parse(level),
            file: file.transpose()?.map(Mutex::new),
            line: Mutex::default(),
            has_line: wants_line && io::stderr().is_terminal() && !is_dumb,
        })
    }

    pub(crate) fn debug(&self, text: impl Display) {
        self.log(Level::Debug, &text.to_string());
    }

    pub(crate) fn info(&self, text: impl Display) {
        self.log(Level::Info, &text.to_string());
    }

    pub(crate) fn warn(&self, text: impl Display) {
        self.log(Level::Warning, &text.to_string());
    }

    pub(crate) fn error(&self, text: impl Display) {
        self.log(Level::Error, &text.to_string());
    }

    fn log(&self, level: Level, text: &str) {
        let now = self.node.now();
        logs().add(now.as_millis(), level.as_str(), "katydid", text);
        if level < self.least {
            return;
        }
        let line = format!(
            "[{}] {}/{}/katydid: {text}\n",
            stamp(now),
            self.machine,
            level.as_str()
        );
        match &self.file {
            // A log that cannot be written must not end a test.
            Some(file) => drop(file.lock().write_all(line.as_bytes())),
            None => self.above(&mut io::stderr(), &line),
        }
    }

    /// Prints tables, to stderr as Locust does, which is not its log.
    pub(crate) fn tables(&self, text: &str) {
        self.above(&mut io::stderr(), text);
    }

    /// Prints what was asked for.
    pub(crate) fn print(&self, text: &str) {
        self.above(&mut io::stdout(), text);
    }

    /// Writes above the line.
    fn above(&self, out: &mut dyn Write, text: &str) {
        let mut line = self.line.lock();
        line.erase();
        // Nobody may read it.
        out.write_all(text.as_bytes()).ok();
        out.flush().ok();
        line.draw();
    }

    /// Draws the line anew.
    pub(crate) fn draw(&self, text: &str) {
        if self.has_line {
            let mut line = self.line.lock();
            line.erase();
            text.clone_into(&mut line.text);
            line.draw();
        }
    }

    /// Takes the line away for good.
    pub(crate) fn end_line(&self) {
        let mut line = self.line.lock();
        line.erase();
        line.text.clear();
    }
}

impl Line {
    fn erase(&mut self) {
        if self.is_shown {
            write!(io::stderr(), "{CLEAR}").ok();
            self.is_shown = false;
        }
    }

    fn draw(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let columns = terminal_size::terminal_size_of(io::stderr())
            .map_or(80, |(terminal_size::Width(columns), _)| columns.max(1));
        let text: String = self.text.chars().take(usize::from(columns) - 1).collect();
        let (dim, plain) = match std::env::var_os("NO_COLOR").filter(|value| !value.is_empty()) {
            Some(_) => ("", ""),
            None => ("\x1b[2m", "\x1b[0m"),
        };
        let mut out = io::stderr();
        write!(out, "{dim}{text}{plain}").ok();
        out.flush().ok();
        self.is_shown = true;
    }
}

/// A moment as Locust's log writes it, in local time.
fn stamp(at: Nanos) -> String {
    let local = at
        .as_secs()
        .saturating_add_signed(machine::offset(at.as_secs()).into());
    let second = katydid_web::utc(Nanos::from_secs(local));
    let second = second.trim_end_matches('Z').replace('T', " ");
    format!("{second},{:03}", at.as_millis() % 1_000)
}
