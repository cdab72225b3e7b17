//! Prometheus' text format, and `OpenMetrics`.

use std::fmt::Write;

use katydid_core::histogram::Histogram;
use katydid_core::metrics::{Data, Labels, Metric};
use katydid_core::units::Micros;

use super::BUCKETS;

struct Page {
    out: String,
    is_open: bool,
}

/// The metrics as text.
pub(super) fn write(metrics: &[Metric], is_open: bool) -> String {
    let mut page = Page {
        out: String::new(),
        is_open,
    };
    for metric in metrics {
        page.metric(metric);
    }
    if is_open {
        page.out.push_str("# EOF\n");
    }
    page.out
}

impl Page {
    fn metric(&mut self, metric: &Metric) {
        let name = metric.prometheus_name();
        match &metric.data {
            Data::Gauge(points) => {
                self.head(&name, "gauge", metric.help);
                for point in points {
                    let labels = labelled(&point.labels, None);
                    self.line(format_args!("{name}{labels} {}", point.value));
                }
            }
            Data::Counter(points) => {
                // Where `OpenMetrics` names the family, the older format names the series.
                let suffix = if self.is_open { "" } else { "_total" };
                self.head(&format!("{name}{suffix}"), "counter", metric.help);
                for point in points {
                    let labels = labelled(&point.labels, None);
                    self.line(format_args!("{name}_total{labels} {}", point.value));
                }
            }
            Data::Histogram(points) => {
                self.head(&name, "histogram", metric.help);
                for point in points {
                    self.histogram(&name, &point.labels, &point.value);
                }
            }
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn histogram(&mut self, name: &str, labels: &Labels, times: &Histogram) {
        for (end, le) in BUCKETS {
            let count = times.count_up_to(Micros::from_micros(end));
            let labels = labelled(labels, Some(le));
            self.line(format_args!("{name}_bucket{labels} {count}"));
        }
        let (all, count) = (labelled(labels, Some("+Inf")), times.count());
        self.line(format_args!("{name}_bucket{all} {count}"));
        let labels = labelled(labels, None);
        let sum = times.sum().as_micros() as f64 / 1e6;
        self.line(format_args!("{name}_sum{labels} {sum}"));
        self.line(format_args!("{name}_count{labels} {count}"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.out, "{text}").expect("a string takes everything");
    }
}

fn labelled(labels: &Labels, le: Option<&str>) -> String {
    let labels = labels.iter().map(|(name, value)| (*name, &**value));
    let all: Vec<_> = labels
        .chain(le.map(|le| ("le", le)))
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    format!("{{{}}}", all.join(","))
}

/// A label's value as the format has it.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            letter => out.push(letter),
        }
    }
    out
}
