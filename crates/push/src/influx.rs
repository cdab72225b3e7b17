//! `InfluxDB`'s line protocol: each second, counts and percentiles of that second.
//!
//! `katydid_run` has the state of the run and what was counted under all names, `katydid_requests` the same by
//! name, and by outcome (`all`, `ok`, `failed`), `katydid_responses` and `katydid_failures` how many of each
//! status and kind there were. What did not happen has no line. Times are in milliseconds.

use std::fmt::Write;

use katydid_core::calendar::run_id;
use katydid_core::histogram::Histogram;
use katydid_core::snapshot::Snapshot;
use katydid_core::window::Count;

use crate::interval::Counted;

/// The percentiles, and what they are called.
pub(crate) const PERCENTILES: [(f64, &str); 5] = [
    (0.5, "p50"),
    (0.9, "p90"),
    (0.95, "p95"),
    (0.99, "p99"),
    (1.0, "max"),
];

/// A report as lines.
pub(crate) fn write(snapshot: &Snapshot, counted: &Counted, tags: &[(String, String)]) -> String {
    let mut lines = Lines::new(snapshot, tags);
    let run = &snapshot.run;
    let stats = snapshot.stats.total();
    let mut fields = vec![
        ("users", format!("{}i", run.users)),
        ("users_wanted", format!("{}i", run.target_users)),
        ("in_flight", format!("{}i", run.in_flight)),
        ("cpu", float(run.cpu_percent / 100.0)),
        ("memory_bytes", format!("{}i", run.memory_bytes)),
        ("total_requests", format!("{}i", stats.requests)),
        ("total_failures", format!("{}i", stats.failures)),
    ];
    fields.extend(of_count(&counted.total, counted.seconds));
    lines.add("katydid_run", &[], &fields);
    for ((method, name), count) in &counted.by_name {
        let mut fields = of_count(count, counted.seconds);
        let tags = |outcome| {
            [
                ("method", &**method),
                ("name", &**name),
                ("outcome", outcome),
            ]
        };
        lines.add("katydid_requests", &tags("all"), &fields);
        if count.failures == 0 {
            continue;
        }
        for (outcome, times) in [("ok", &count.ok), ("failed", &count.failed)] {
            fields = of_times(times);
            if !fields.is_empty() {
                fields.push(("requests", format!("{}i", times.count())));
                lines.add("katydid_requests", &tags(outcome), &fields);
            }
        }
    }
    for (status, count) in &counted.statuses {
        let (code, count) = (status.to_string(), format!("{count}i"));
        lines.add(
            "katydid_responses",
            &[("code", &code)],
            &[("responses", count)],
        );
    }
    for (kind, count) in &counted.kinds {
        let count = format!("{count}i");
        lines.add(
            "katydid_failures",
            &[("kind", kind)],
            &[("failures", count)],
        );
    }
    lines.out
}

fn of_count(count: &Count, seconds: f64) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("requests", format!("{}i", count.requests)),
        ("failures", format!("{}i", count.failures)),
        ("bytes_in", format!("{}i", count.bytes_in)),
        ("bytes_out", format!("{}i", count.bytes_out)),
    ];
    if seconds > 0.0 {
        let rate = |count: u64| float(count as f64 / seconds);
        fields.push(("requests_per_second", rate(count.requests)));
        fields.push(("failures_per_second", rate(count.failures)));
    }
    fields.extend(of_times(&count.times()));
    fields
}

/// Mean and percentiles; nothing of no times.
fn of_times(times: &Histogram) -> Vec<(&'static str, String)> {
    let Some(mean) = times.mean() else {
        return Vec::new();
    };
    let values = times.values_at(PERCENTILES.map(|(quantile, _)| quantile));
    let names = PERCENTILES.iter().map(|(_, name)| *name);
    let values = values.iter().map(|time| float(time.as_millis_f64()));
    std::iter::once(("mean", float(mean / 1e3)))
        .chain(names.zip(values))
        .collect()
}

struct Lines {
    out: String,
    /// Tags of every line, with the comma before them.
    tags: String,
    at_ms: u64,
}

impl Lines {
    fn new(snapshot: &Snapshot, tags: &[(String, String)]) -> Self {
        let mut lines = Self {
            out: String::new(),
            tags: String::new(),
            at_ms: snapshot.at_ms,
        };
        if let Some(started_ms) = snapshot.run.started_ms {
            tag(&mut lines.tags, "run", &run_id(started_ms));
        }
        for (name, value) in tags {
            tag(&mut lines.tags, name, value);
        }
        lines
    }

    fn add(&mut self, measurement: &str, tags: &[(&str, &str)], fields: &[(&str, String)]) {
        self.out.push_str(measurement);
        for (name, value) in tags {
            tag(&mut self.out, name, value);
        }
        self.out.push_str(&self.tags);
        let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
        let fields = fields.collect::<Vec<_>>().join(",");
        writeln!(self.out, " {fields} {}", self.at_ms).expect("a string takes everything");
    }
}

/// A tag with the comma before it; one that says nothing is left out, as the format demands.
fn tag(out: &mut String, name: &str, value: &str) {
    if value.is_empty() || name.is_empty() {
        return;
    }
    out.push(',');
    escape(out, name);
    out.push('=');
    escape(out, value);
}

/// A key or a value of a tag. What ends a line cannot stand in it, and neither can a backslash that would
/// take the meaning of what follows: they become a blank, and a slash.
fn escape(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            ',' | '=' | ' ' => out.extend(['\\', char]),
            '\\' => out.push('/'),
            char if char.is_control() => out.push_str("\\ "),
            char => out.push(char),
        }
    }
}

fn float(number: f64) -> String {
    format!("{number:?}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_means_something_is_escaped() {
        let mut out = String::new();
        tag(&mut out, "name", "a, b=c\\\nd");
        assert_eq!(out, ",name=a\\,\\ b\\=c/\\ d");
        tag(&mut out, "method", "");
        assert!(!out.contains("method"));
    }

    /// The value of the only tag, read as the format says.
    fn read(tag: &str) -> String {
        let mut chars = tag.strip_prefix(",n=").unwrap().chars();
        let mut value = String::new();
        while let Some(char) = chars.next() {
            value.push(match char {
                '\\' => chars.next().unwrap(),
                ',' | '=' | ' ' => panic!("the value ends early: {tag:?}"),
                char => char,
            });
        }
        value
    }

    proptest! {
        #[test]
        fn any_name_is_one_value(text in ".{1,30}") {
            let mut out = String::new();
            tag(&mut out, "n", &text);
            let kept: String = text.chars().map(|char| match char {
                '\\' => '/',
                char if char.is_control() => ' ',
                char => char,
            }).collect();
            prop_assert_eq!(read(&out), kept);
        }
    }
}
