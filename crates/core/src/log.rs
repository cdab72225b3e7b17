//! The last lines that this process and its workers have logged, for the page.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHasher};
use serde::{Deserialize, Serialize};

use crate::redact;

/// Lines that are kept.
const KEPT: usize = 5_000;
/// Characters of a line that are kept.
const LONGEST: usize = 8_000;
/// How many of the newest lines of a worker tell where its next ones begin.
const REMEMBERED: usize = 8;

/// One line, or several that were logged as one; secrets hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number; numbers grow by one.
    pub seq: u64,
    /// When it was logged, of a worker when it arrived, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`, or what else a script calls it.
    pub level: String,
    /// The worker; empty for this process.
    pub source: String,
    /// The logger's name.
    pub logger: String,
    /// What was logged.
    pub text: String,
}

/// Some of the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The oldest first.
    pub lines: Vec<Arc<Line>>,
    /// The number of the line after these.
    pub next: u64,
    /// How many lines before these were asked for and are kept no longer.
    pub dropped: u64,
}

/// The last lines.
#[derive(Debug, Default)]
pub struct Logs {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    lines: VecDeque<Arc<Line>>,
    next: u64,
    /// What the newest lines of each worker were.
    seen: FxHashMap<String, Vec<u64>>,
}

/// The lines of this process; logging is of a process, whatever runs in it.
pub fn logs() -> &'static Logs {
    static LOGS: LazyLock<Logs> = LazyLock::new(Logs::default);
    &LOGS
}

impl Logs {
    /// Keeps a line of this process.
    pub fn add(&self, at_ms: u64, level: &str, logger: &str, text: &str) {
        self.inner.lock().add(at_ms, level, "", logger, text);
    }

    /// Keeps the lines of a worker that are new among the last ones it has logged.
    pub fn add_of_worker(&self, at_ms: u64, worker: &str, lines: &[String]) {
        let hashes: Vec<_> = lines.iter().map(|line| hash(line)).collect();
        let mut inner = self.inner.lock();
        let seen = inner.seen.get(worker).map_or(&[][..], Vec::as_slice);
        let new = first_new(seen, &hashes);
        for line in &lines[new..] {
            let (level, logger, text) = parts(line);
            inner.add(at_ms, level, worker, logger, text);
        }
        let remembered = hashes[hashes.len().saturating_sub(REMEMBERED)..].to_vec();
        inner.seen.insert(worker.to_owned(), remembered);
    }

    /// The lines from a number on, at most so many; without a number the newest ones.
    pub fn after(&self, seq: Option<u64>, most: usize) -> Lines {
        let inner = self.inner.lock();
        let oldest = inner.lines.front().map_or(inner.next, |line| line.seq);
        let newest = inner.next.saturating_sub(most as u64).max(oldest);
        let asked = seq.unwrap_or(newest);
        let from = asked.clamp(oldest, inner.next);
        let skipped = usize::try_from(from - oldest).unwrap_or(usize::MAX);
        let lines: Vec<_> = inner
            .lines
            .iter()
            .skip(skipped)
            .take(most)
            .cloned()
            .collect();
        Lines {
            next: from + lines.len() as u64,
            dropped: from.saturating_sub(asked),
            lines,
        }
    }
}

impl Inner {
    fn add(&mut self, at_ms: u64, level: &str, source: &str, logger: &str, text: &str) {
        let text: String = text.chars().take(LONGEST).collect();
        self.lines.push_back(Arc::new(Line {
            seq: self.next,
            at_ms,
            level: level.to_owned(),
            source: source.to_owned(),
            logger: logger.to_owned(),
            text: redact::text(&text),
        }));
        self.next += 1;
        if self.lines.len() > KEPT {
            self.lines.pop_front();
        }
    }
}

/// Where lines begin that were not seen: behind the last place where those that were end.
fn first_new(seen: &[u64], lines: &[u64]) -> usize {
    if seen.is_empty() {
        return 0;
    }
    let ends = (1..=lines.len()).rev().find(|&end| {
        let known = seen.len().min(end);
        lines[end - known..end] == seen[seen.len() - known..]
    });
    ends.unwrap_or(0)
}

fn hash(line: &str) -> u64 {
    let mut hasher = FxHasher::default();
    line.hash(&mut hasher);
    hasher.finish()
}

/// Level, logger and text of a line as Locust's workers write it: `[time] host/LEVEL/logger: text`.
fn parts(line: &str) -> (&str, &str, &str) {
    let found = line.strip_prefix('[').and_then(|rest| {
        let (_, rest) = rest.split_once("] ")?;
        let (origin, text) = rest.split_once(": ")?;
        let (origin, logger) = origin.rsplit_once('/')?;
        let (_, level) = origin.rsplit_once('/')?;
        Some((level, logger, text))
    });
    found.unwrap_or(("INFO", "", line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &Lines) -> Vec<&str> {
        lines.lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn readers_go_on_where_they_were_and_are_told_what_they_missed() {
        let logs = Logs::default();
        for number in 0..KEPT + 10 {
            logs.add(0, "INFO", "test", &number.to_string());
        }
        let first = logs.after(Some(3), 2);
        assert_eq!(
            (texts(&first), first.next, first.dropped),
            (vec!["10", "11"], 12, 7)
        );
        let then = logs.after(Some(first.next), 2);
        assert_eq!((texts(&then), then.dropped), (vec!["12", "13"], 0));
        assert_eq!(texts(&logs.after(None, 1)), ["5009"]);
        assert_eq!(logs.after(Some(KEPT as u64 + 10), 5).lines, []);
    }

    #[test]
    fn a_worker_repeats_itself_and_only_its_new_lines_are_kept() {
        let logs = Logs::default();
        let line = |text: &str| format!("[2026-01-01 00:00:00,000] host/WARNING/a.b: {text}");
        let lines = |texts: &[&str]| texts.iter().map(|text| line(text)).collect::<Vec<_>>();
        logs.add_of_worker(1, "w", &lines(&["one", "two: 2"]));
        logs.add_of_worker(2, "w", &lines(&["one", "two: 2", "three"]));
        logs.add_of_worker(3, "w", &lines(&["two: 2", "three", "three", "token=abc"]));
        logs.add_of_worker(4, "v", &["no line of ours".to_owned()]);
        let all = logs.after(Some(0), 100);
        assert_eq!(
            texts(&all),
            [
                "one",
                "two: 2",
                "three",
                "three",
                "token=***",
                "no line of ours"
            ]
        );
        let first = &all.lines[0];
        assert_eq!(
            (&*first.level, &*first.logger, &*first.source),
            ("WARNING", "a.b", "w")
        );
    }
}
