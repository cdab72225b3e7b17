//! The run as metrics, for Prometheus and whatever reads its format.
//!
//! The text is Prometheus' format 0.0.4, or `OpenMetrics` 1.0 for who asks for that. Everything is
//! made from one snapshot when it is asked for; nothing is computed while nobody looks. Counters
//! begin again from zero with each run, as those of a process that was started again do.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use katydid_core::histogram::Histogram;
use katydid_core::snapshot::{self, Snapshot};
use katydid_core::stats::Entry;
use katydid_core::threshold::Standing;
use katydid_core::units::Micros;

use crate::about::Answers;
use crate::gate;
use crate::site::Shared;

/// Upper ends of the buckets in microseconds, and as the format writes them in seconds.
const BUCKETS: [(u64, &str); 16] = [
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1.0"),
    (2_500_000, "2.5"),
    (5_000_000, "5.0"),
    (10_000_000, "10.0"),
    (30_000_000, "30.0"),
    (60_000_000, "60.0"),
    (120_000_000, "120.0"),
];
/// So many names have series of their own, those with the most requests; the others share one.
const NAMES: usize = 200;
/// What the others go by.
const OTHERS: &str = "(other)";

/// Answers with the metrics; a script that has some of its own at this path answers itself.
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let accepts = request.headers().get(ACCEPT);
    let accepts = accepts.and_then(|value| value.to_str().ok()).unwrap_or("");
    let is_open = accepts.contains("application/openmetrics-text");
    if shared.about.read().pages.answers != Answers::Nothing {
        let theirs = gate::unknown(State(Arc::clone(&shared)), request).await;
        if theirs.status() != StatusCode::NOT_FOUND {
            return theirs;
        }
    }
    let kind = if is_open {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; version=0.0.4; charset=utf-8"
    };
    let version = shared.about.read().version.clone();
    let text = text(&shared.snapshot(), &version, is_open);
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], text).into_response()
}

/// A name and a value of a label.
type Label<'a> = (&'static str, &'a str);

/// A metric's name, what it is, and where its value is read.
type Described<T, N> = (&'static str, &'static str, fn(&T) -> N);

struct Page {
    out: String,
    is_open: bool,
}

/// The metrics of a snapshot.
fn text(snapshot: &Snapshot, version: &str, is_open: bool) -> String {
    let mut page = Page {
        out: String::new(),
        is_open,
    };
    let run = &snapshot.run;
    page.head("katydid_build_info", "gauge", "Which Katydid this is.");
    page.number("katydid_build_info", &[("version", version)], 1.0);
    page.gauge(
        "katydid_run_active",
        "Whether users are, or are about to be, at work.",
        f64::from(u8::from(run.state.is_active())),
    );
    if let Some(started) = run.started_ms {
        page.gauge(
            "katydid_run_start_time_seconds",
            "When the run was started, since the Unix epoch.",
            started as f64 / 1e3,
        );
    }
    page.gauge(
        "katydid_users_wanted",
        "Users wanted.",
        run.target_users.into(),
    );
    page.head("katydid_users", "gauge", "Users running.");
    if run.users_by_class.is_empty() {
        page.number("katydid_users", &[("class", "")], run.users.into());
    }
    for (class, &users) in &run.users_by_class {
        page.number("katydid_users", &[("class", class)], users.into());
    }
    requests(&mut page, snapshot);
    page.gauge(
        "katydid_requests_in_flight",
        "Requests of this process that have no answer yet.",
        run.in_flight.into(),
    );
    page.gauge(
        "katydid_process_cpu_ratio",
        "Processor time this process uses, in cores.",
        run.cpu_percent / 100.0,
    );
    page.gauge(
        "katydid_process_memory_bytes",
        "Memory this process holds.",
        run.memory_bytes as f64,
    );
    page.head(
        "katydid_generator_findings",
        "gauge",
        "What limits or distorts the measurement now.",
    );
    for finding in snapshot.health.iter() {
        page.number("katydid_generator_findings", &[("code", finding.code)], 1.0);
    }
    page.head(
        "katydid_threshold_crossed",
        "gauge",
        "Whether the run fails by a threshold now.",
    );
    for watched in snapshot.thresholds.iter() {
        let crossed = watched.standing == Standing::Crossed;
        let labels = [("threshold", watched.threshold.text())];
        page.number(
            "katydid_threshold_crossed",
            &labels,
            f64::from(u8::from(crossed)),
        );
    }
    workers(&mut page, snapshot);
    if is_open {
        page.out.push_str("# EOF\n");
    }
    page.out
}

/// Everything that is counted.
fn requests(page: &mut Page, snapshot: &Snapshot) {
    let named = named(snapshot);
    let total = snapshot.stats.total();
    let counters: [Described<Entry, u64>; 4] = [
        (
            "katydid_requests",
            "Finished requests, failed ones included.",
            |it| it.requests,
        ),
        ("katydid_failures", "Failed requests.", |it| it.failures),
        ("katydid_response_bytes", "Bytes of responses.", |it| {
            it.bytes_in
        }),
        ("katydid_request_bytes", "Bytes of requests.", |it| {
            it.bytes_out
        }),
    ];
    for (name, help, count) in counters {
        page.counter_head(name, help);
        for ((method, request), entry) in &named {
            let labels = [("method", &**method), ("name", &**request)];
            page.counter(name, &labels, count(entry));
        }
    }
    let name = "katydid_request_duration_seconds";
    page.head(
        name,
        "histogram",
        "Time from a request's start to its last byte.",
    );
    for ((method, request), entry) in &named {
        let labels = [("method", &**method), ("name", &**request)];
        page.histogram(name, &labels, &entry.histograms.service());
    }
    let name = "katydid_response_duration_seconds";
    page.head(
        name,
        "histogram",
        "Time from when a request was due to its last byte.",
    );
    for ((method, request), entry) in &named {
        let labels = [("method", &**method), ("name", &**request)];
        page.histogram(name, &labels, &entry.histograms.response());
    }
    iterations(page, snapshot);
    let name = "katydid_lateness_seconds";
    page.head(
        name,
        "histogram",
        "How long requests waited for the generator itself.",
    );
    page.histogram(name, &[], &total.histograms.lateness);
    page.counter_head("katydid_responses", "Responses by status; 0 for none.");
    for (status, count) in total.trips.statuses() {
        let status = status.to_string();
        page.counter("katydid_responses", &[("code", &status)], *count);
    }
    page.counter_head("katydid_failures_by_kind", "Failures by their kind.");
    let mut kinds = BTreeMap::<&str, u64>::new();
    for (error, count) in snapshot.stats.errors() {
        let fingerprint = snapshot.registry.fingerprint_of(error);
        let kind = snapshot.registry.fingerprint(fingerprint).kind;
        *kinds.entry(kind).or_default() += count.occurrences;
    }
    for (kind, count) in kinds {
        page.counter("katydid_failures_by_kind", &[("kind", kind)], count);
    }
}

/// How often users ran tasks, and whether they began when they were due.
fn iterations(page: &mut Page, snapshot: &Snapshot) {
    let all = snapshot.stats.iterations();
    let counters = [
        (
            "katydid_iterations",
            "Iterations that have begun.",
            all.started,
        ),
        (
            "katydid_iterations_finished",
            "Iterations that have ended.",
            all.finished,
        ),
        (
            "katydid_iterations_due",
            "Iterations that became due by a rate.",
            all.due,
        ),
        (
            "katydid_iterations_late",
            "Iterations that began over 10 ms after they were due.",
            all.late,
        ),
        (
            "katydid_iterations_dropped",
            "Iterations that were due and never began.",
            all.dropped,
        ),
    ];
    for (name, help, count) in counters {
        page.counter_head(name, help);
        page.counter(name, &[], count);
    }
    let run = &snapshot.run;
    if let Some(rate) = run.rate.as_ref().filter(|_| run.state.is_active()) {
        page.gauge(
            "katydid_rate_wanted",
            "Iterations a second that the rate asks for now.",
            rate.at(snapshot.at_ms),
        );
    }
    let name = "katydid_iteration_lateness_seconds";
    page.head(
        name,
        "histogram",
        "Time from when an iteration was due until it began.",
    );
    page.histogram(name, &[], &all.lateness);
}

/// What was counted under each name, in the order of the names.
fn named(snapshot: &Snapshot) -> BTreeMap<(Arc<str>, Arc<str>), Entry> {
    let mut entries: Vec<_> = snapshot.stats.entries().collect();
    entries.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.requests));
    let mut named = BTreeMap::<_, Entry>::new();
    for (place, (key, entry)) in entries.into_iter().enumerate() {
        let name = snapshot.registry.name(key);
        let name = if place < NAMES {
            (name.method, name.name)
        } else {
            ("".into(), OTHERS.into())
        };
        named.entry(name).or_default().merge(entry);
    }
    named
}

fn workers(page: &mut Page, snapshot: &Snapshot) {
    let Some(workers) = &snapshot.workers else {
        return;
    };
    let gauges: [Described<snapshot::Worker, f64>; 4] = [
        (
            "katydid_worker_up",
            "Whether a worker is heard of.",
            |worker| f64::from(u8::from(worker.state != snapshot::State::Missing)),
        ),
        ("katydid_worker_users", "Users a worker runs.", |worker| {
            worker.users.into()
        }),
        (
            "katydid_worker_cpu_ratio",
            "Processor time a worker uses, in cores.",
            |worker| worker.cpu_percent / 100.0,
        ),
        (
            "katydid_worker_memory_bytes",
            "Memory a worker holds.",
            |worker| worker.memory_bytes as f64,
        ),
    ];
    for (name, help, value) in gauges {
        page.head(name, "gauge", help);
        for worker in workers.iter() {
            page.number(name, &[("worker", &worker.id)], value(worker));
        }
    }
}

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// Where `OpenMetrics` names the family, the older format names the series.
    fn counter_head(&mut self, name: &str, help: &str) {
        let suffix = if self.is_open { "" } else { "_total" };
        self.head(&format!("{name}{suffix}"), "counter", help);
    }

    fn counter(&mut self, name: &str, labels: &[Label<'_>], count: u64) {
        let labels = labelled(labels, None);
        self.line(format_args!("{name}_total{labels} {count}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        self.number(name, &[], value);
    }

    fn number(&mut self, name: &str, labels: &[Label<'_>], value: f64) {
        let labels = labelled(labels, None);
        self.line(format_args!("{name}{labels} {value}"));
    }

    fn histogram(&mut self, name: &str, labels: &[Label<'_>], times: &Histogram) {
        for (end, le) in BUCKETS {
            let count = times.count_up_to(Micros::from_micros(end));
            let labels = labelled(labels, Some(le));
            self.line(format_args!("{name}_bucket{labels} {count}"));
        }
        let (all, count) = (labelled(labels, Some("+Inf")), times.count());
        self.line(format_args!("{name}_bucket{all} {count}"));
        let labels = labelled(labels, None);
        let sum = times.mean().unwrap_or(0.0) * count as f64 / 1e6;
        self.line(format_args!("{name}_sum{labels} {sum}"));
        self.line(format_args!("{name}_count{labels} {count}"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.out, "{text}").expect("a string takes everything");
    }
}

fn labelled(labels: &[Label<'_>], le: Option<&str>) -> String {
    let le = le.map(|le| ("le", le));
    let all: Vec<_> = labels
        .iter()
        .copied()
        .chain(le)
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
