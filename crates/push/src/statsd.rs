//! `StatsD`'s lines: each second, counts and percentiles of that second.
//!
//! Counts are counters, everything else gauges: percentiles come from our histograms, which
//! a server's own timers could not be as exact as. With tags, which Datadog's agent, Telegraf and
//! Prometheus' exporter read, method and name are tags; without, they are parts of the metric's name.

use std::fmt::Write;

use katydid_core::snapshot::Snapshot;
use katydid_core::window::Count;

use crate::influx::PERCENTILES;
use crate::interval::Counted;
use crate::settings::Statsd;

/// So many bytes of a datagram fit through every usual network in one piece.
const DATAGRAM: usize = 1_432;
/// So many letters of a name are kept.
const NAME: usize = 150;

/// A report as datagrams.
pub(crate) fn write(
    snapshot: &Snapshot,
    counted: &Counted,
    settings: &Statsd,
    tags: &[(String, String)],
) -> Vec<Vec<u8>> {
    let mut lines = Lines {
        out: Vec::new(),
        settings,
        tags: tags
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
    };
    let run = &snapshot.run;
    lines.add(&["users"], &[], f64::from(run.users), 'g');
    lines.add(&["users_wanted"], &[], f64::from(run.target_users), 'g');
    lines.add(&["requests_in_flight"], &[], f64::from(run.in_flight), 'g');
    lines.counts(&[], &[], &counted.total);
    for ((method, name), count) in &counted.by_name {
        if settings.is_tagged {
            let tags = [("method", &**method), ("name", &**name)];
            lines.counts(&["request"], &tags, count);
        } else {
            let parts: Vec<_> = [&**method, &**name].into_iter().map(part).collect();
            lines.counts(&["request", &parts[0], &parts[1]], &[], count);
        }
    }
    for (status, count) in &counted.statuses {
        let status = status.to_string();
        lines.by("responses", "code", &status, *count);
    }
    for (kind, count) in &counted.kinds {
        lines.by("failures_by_kind", "kind", kind, *count);
    }
    lines.out
}

struct Lines<'a> {
    out: Vec<Vec<u8>>,
    settings: &'a Statsd,
    /// Those of every line.
    tags: Vec<(&'a str, &'a str)>,
}

impl Lines<'_> {
    fn counts(&mut self, path: &[&str], tags: &[(&str, &str)], count: &Count) {
        let with = |last| path.iter().copied().chain([last]).collect::<Vec<_>>();
        for (name, number) in [
            ("requests", count.requests),
            ("failures", count.failures),
            ("bytes_in", count.bytes_in),
            ("bytes_out", count.bytes_out),
        ] {
            if number > 0 {
                self.add(&with(name), tags, number as f64, 'c');
            }
        }
        let times = count.times();
        if times.is_empty() {
            return;
        }
        let values = times.values_at(PERCENTILES.map(|(quantile, _)| quantile));
        for ((_, name), time) in PERCENTILES.iter().zip(values) {
            self.add(&with(name), tags, time.as_millis_f64(), 'g');
        }
    }

    fn by(&mut self, name: &str, label: &str, value: &str, count: u64) {
        if self.settings.is_tagged {
            self.add(&[name], &[(label, value)], count as f64, 'c');
        } else {
            self.add(&[name, &part(value)], &[], count as f64, 'c');
        }
    }

    fn add(&mut self, path: &[&str], tags: &[(&str, &str)], value: f64, kind: char) {
        let prefix = Some(self.settings.prefix.as_str()).filter(|prefix| !prefix.is_empty());
        let names: Vec<_> = prefix.into_iter().chain(path.iter().copied()).collect();
        let mut line = format!("{}:{value}|{kind}", names.join("."));
        if self.settings.is_tagged {
            let all = tags.iter().chain(&self.tags);
            let all: Vec<_> = all.map(|(name, value)| tag(name, value)).collect();
            if !all.is_empty() {
                write!(line, "|#{}", all.join(",")).expect("a string takes everything");
            }
        }
        match self.out.last_mut() {
            Some(datagram) if datagram.len() + 1 + line.len() <= DATAGRAM => {
                datagram.push(b'\n');
                datagram.extend(line.as_bytes());
            }
            _ => self.out.push(line.into_bytes()),
        }
    }
}

/// Text as a part of a metric's name: letters, digits, `_` and `-`, the rest `_`.
fn part(text: &str) -> String {
    let text = text.trim_matches('/');
    let kept: String = text
        .chars()
        .take(NAME)
        .map(|char| match char {
            char if char.is_ascii_alphanumeric() => char,
            '_' | '-' => char,
            _ => '_',
        })
        .collect();
    // The front page, and what has no method.
    if kept.is_empty() {
        "_".to_owned()
    } else {
        kept
    }
}

/// A tag; what would end it, or the line, becomes `_`.
fn tag(name: &str, value: &str) -> String {
    let clean = |text: &str| {
        text.chars()
            .take(NAME)
            .map(|char| match char {
                ',' | '|' | '#' => '_',
                char if char.is_control() => '_',
                char => char,
            })
            .collect::<String>()
    };
    format!("{}:{}", clean(name).replace(':', "_"), clean(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_one_part_of_a_name() {
        assert_eq!(part("/cart/{id}?x=1"), "cart__id__x_1");
        assert_eq!(part("/"), "_");
    }

    proptest! {
        #[test]
        fn no_name_or_tag_ends_a_line(text in ".{0,300}", value in 0.0_f64..1e9) {
            for is_tagged in [false, true] {
                let settings = Statsd {
                    host: String::new(),
                    port: 1,
                    prefix: "k".into(),
                    is_tagged,
                };
                let mut lines = Lines { out: Vec::new(), settings: &settings, tags: Vec::new() };
                lines.add(&[&part(&text)], &[("name", &text)], value, 'g');
                let line = String::from_utf8(lines.out.pop().unwrap()).unwrap();
                prop_assert!(!line.contains('\n'));
                let bars = line.matches('|').count();
                prop_assert_eq!(bars, 1 + usize::from(is_tagged));
                prop_assert_eq!(line.matches(',').count(), 0);
                prop_assert!(line.len() <= DATAGRAM);
            }
        }
    }
}
