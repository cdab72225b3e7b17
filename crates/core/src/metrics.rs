//! A run as metrics: what there is, whatever format it goes out in.
//!
//! `/metrics` and what is pushed are written from these, so they cannot disagree. Counters begin
//! again from zero with each run, as those of a process that was started again do.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::histogram::Histogram;
use crate::registry::KeyId;
use crate::snapshot::{self, Snapshot};
use crate::threshold::Standing;
use crate::window::Count;

/// So many names have series of their own, those that were met first; the others share one. A name never
/// changes sides, so no counter goes backwards.
pub const NAMES: usize = 200;
/// What the others go by.
pub const OTHERS: &str = "(other)";

/// Something that is measured, and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// What `OpenTelemetry` calls it.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// Its values.
    pub data: Data,
}

/// What a value is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Just a number.
    None,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Parts of a whole.
    Ratio,
}

/// Values of a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// What goes up and down.
    Gauge(Vec<Point<f64>>),
    /// What is counted since the run began, or since the statistics were reset.
    Counter(Vec<Point<u64>>),
    /// Lengths of time, counted since then.
    Histogram(Vec<Point<Histogram>>),
}

/// One value, and what it is the value of.
#[derive(Clone, Debug, PartialEq)]
pub struct Point<T> {
    /// Names and values of labels.
    pub labels: Labels,
    /// The value.
    pub value: T,
}

/// Names and values of labels.
pub type Labels = Vec<(&'static str, Arc<str>)>;

/// Method and name.
pub type SeriesName = (Arc<str>, Arc<str>);

/// What was counted under each name.
pub type ByName = BTreeMap<SeriesName, Count>;

impl Unit {
    /// The unit's code in UCUM, as `OpenTelemetry` has it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::Ratio => "1",
        }
    }

    /// The word at the end of a name of Prometheus'.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Seconds => Some("seconds"),
            Self::Bytes => Some("bytes"),
            Self::Ratio => Some("ratio"),
        }
    }
}

impl Metric {
    /// What Prometheus calls it, without the `_total` of a counter: the name that `OpenTelemetry`'s
    /// rules make of the other one.
    pub fn prometheus_name(&self) -> String {
        let mut name = self.name.replace('.', "_");
        if let Some(word) = self.unit.word()
            && !name.ends_with(word)
        {
            name.push('_');
            name.push_str(word);
        }
        name
    }
}

/// The metrics of a snapshot.
pub fn of(snapshot: &Snapshot) -> Vec<Metric> {
    let mut all = about_run(snapshot);
    all.extend(requests(snapshot));
    all.extend(iterations(snapshot));
    all.extend(generator(snapshot));
    all.extend(workers(snapshot));
    all
}

/// What was counted under each name, in the order of the names.
pub fn by_name(snapshot: &Snapshot) -> ByName {
    let mut named = ByName::new();
    for (place, (key, entry)) in snapshot.stats.entries().enumerate() {
        let name = series_name(snapshot, place, key);
        named.entry(name).or_default().merge(&Count::from(&**entry));
    }
    named
}

/// The method and name of the series that a name belongs to, by its place in [`Stats::entries`].
///
/// [`Stats::entries`]: crate::stats::Stats::entries
pub fn series_name(snapshot: &Snapshot, place: usize, key: KeyId) -> SeriesName {
    let name = snapshot.registry.name(key);
    if place < NAMES {
        (name.method, name.name)
    } else {
        ("".into(), OTHERS.into())
    }
}

/// How often failures of each kind occurred.
pub fn failures_by_kind(snapshot: &Snapshot) -> BTreeMap<&'static str, u64> {
    let mut kinds = BTreeMap::new();
    for (error, count) in snapshot.stats.errors() {
        let fingerprint = snapshot.registry.fingerprint_of(error);
        let kind = snapshot.registry.fingerprint(fingerprint).kind;
        *kinds.entry(kind).or_default() += count.occurrences;
    }
    kinds
}

fn about_run(snapshot: &Snapshot) -> Vec<Metric> {
    let run = &snapshot.run;
    let classes = run.users_by_class.iter();
    let mut users: Vec<_> = classes
        .map(|(class, &users)| labelled("class", class, users.into()))
        .collect();
    if users.is_empty() {
        users.push(labelled("class", "", run.users.into()));
    }
    let mut all = vec![gauge(
        "katydid.run.active",
        "Whether users are, or are about to be, at work.",
        Unit::None,
        flag(run.state.is_active()),
    )];
    all.extend(run.started_ms.map(|started| {
        gauge(
            "katydid.run.start_time",
            "When the run was started, since the Unix epoch.",
            Unit::Seconds,
            started as f64 / 1e3,
        )
    }));
    all.push(gauge(
        "katydid.users_wanted",
        "Users wanted.",
        Unit::None,
        run.target_users.into(),
    ));
    all.push(Metric {
        name: "katydid.users",
        help: "Users running.",
        unit: Unit::None,
        data: Data::Gauge(users),
    });
    all
}

/// Everything that is counted.
fn requests(snapshot: &Snapshot) -> Vec<Metric> {
    type Counted = (&'static str, &'static str, Unit, fn(&Count) -> u64);
    let counters: [Counted; 4] = [
        (
            "katydid.requests",
            "Finished requests, failed ones included.",
            Unit::None,
            |it| it.requests,
        ),
        ("katydid.failures", "Failed requests.", Unit::None, |it| {
            it.failures
        }),
        (
            "katydid.response.bytes",
            "Bytes of responses.",
            Unit::Bytes,
            |it| it.bytes_in,
        ),
        (
            "katydid.request.bytes",
            "Bytes of requests.",
            Unit::Bytes,
            |it| it.bytes_out,
        ),
    ];
    let named = by_name(snapshot);
    let mut all: Vec<_> = counters
        .into_iter()
        .map(|(name, help, unit, count)| {
            let points = named.iter().map(|(name, counted)| Point {
                labels: labels(name),
                value: count(counted),
            });
            Metric {
                name,
                help,
                unit,
                data: Data::Counter(points.collect()),
            }
        })
        .collect();
    let (mut durations, mut responses) = (Vec::new(), Vec::new());
    for (name, it) in named {
        by_outcome(&mut durations, &name, it.ok, it.failed);
        by_outcome(&mut responses, &name, it.response_ok, it.response_failed);
    }
    let total = snapshot.stats.total();
    let statuses = total.trips.statuses().iter();
    let statuses = statuses.map(|(status, count)| labelled("code", &status.to_string(), *count));
    let kinds = failures_by_kind(snapshot).into_iter();
    let kinds = kinds.map(|(kind, count)| labelled("kind", kind, count));
    all.extend([
        Metric {
            name: "katydid.request.duration",
            help: "Time from a request's start to its last byte.",
            unit: Unit::Seconds,
            data: Data::Histogram(durations),
        },
        Metric {
            name: "katydid.response.duration",
            help: "Time from when a request was due to its last byte.",
            unit: Unit::Seconds,
            data: Data::Histogram(responses),
        },
        Metric {
            name: "katydid.lateness",
            help: "How long requests waited for the generator itself.",
            unit: Unit::Seconds,
            data: Data::Histogram(vec![unlabelled(total.histograms.lateness.clone())]),
        },
        Metric {
            name: "katydid.responses",
            help: "Responses by status; 0 for none.",
            unit: Unit::None,
            data: Data::Counter(statuses.collect()),
        },
        Metric {
            name: "katydid.failures_by_kind",
            help: "Failures by their kind.",
            unit: Unit::None,
            data: Data::Counter(kinds.collect()),
        },
    ]);
    all
}

/// Times of the requests of a name that went well and of those that failed, as series of their own.
fn by_outcome(
    points: &mut Vec<Point<Histogram>>,
    name: &SeriesName,
    ok: Histogram,
    failed: Histogram,
) {
    for (outcome, value) in [("ok", ok), ("failed", failed)] {
        // A name that nothing has failed under is not to look as if something had.
        if outcome == "ok" || !value.is_empty() {
            let mut labels = labels(name);
            labels.push(("outcome", outcome.into()));
            points.push(Point { labels, value });
        }
    }
}

/// How often users ran tasks, and whether they began when they were due.
fn iterations(snapshot: &Snapshot) -> Vec<Metric> {
    let it = snapshot.stats.iterations();
    let counters = [
        (
            "katydid.iterations",
            "Iterations that have begun.",
            it.started,
        ),
        (
            "katydid.iterations_finished",
            "Iterations that have ended.",
            it.finished,
        ),
        (
            "katydid.iterations_due",
            "Iterations that became due by a rate.",
            it.due,
        ),
        (
            "katydid.iterations_late",
            "Iterations that began over 10 ms after they were due.",
            it.late,
        ),
        (
            "katydid.iterations_dropped",
            "Iterations that were due and never began.",
            it.dropped,
        ),
    ];
    let mut all: Vec<_> = counters
        .into_iter()
        .map(|(name, help, count)| Metric {
            name,
            help,
            unit: Unit::None,
            data: Data::Counter(vec![unlabelled(count)]),
        })
        .collect();
    let run = &snapshot.run;
    if let Some(rate) = run.rate.as_ref().filter(|_| run.state.is_active()) {
        all.push(gauge(
            "katydid.rate_wanted",
            "Iterations a second that the rate asks for now.",
            Unit::None,
            rate.at(snapshot.at_ms),
        ));
    }
    all.push(Metric {
        name: "katydid.iteration.lateness",
        help: "Time from when an iteration was due until it began.",
        unit: Unit::Seconds,
        data: Data::Histogram(vec![unlabelled(it.lateness.clone())]),
    });
    all
}

fn generator(snapshot: &Snapshot) -> [Metric; 5] {
    let run = &snapshot.run;
    let findings = snapshot.health.iter();
    let findings = findings.map(|finding| labelled("code", finding.code, 1.0));
    let thresholds = snapshot.thresholds.iter().map(|watched| {
        let crossed = watched.standing == Standing::Crossed;
        labelled("threshold", watched.threshold.text(), flag(crossed))
    });
    [
        gauge(
            "katydid.requests_in_flight",
            "Requests of this process that have no answer yet.",
            Unit::None,
            run.in_flight.into(),
        ),
        gauge(
            "katydid.process.cpu",
            "Processor time this process uses, in cores.",
            Unit::Ratio,
            run.cpu_percent / 100.0,
        ),
        gauge(
            "katydid.process.memory",
            "Memory this process holds.",
            Unit::Bytes,
            run.memory_bytes as f64,
        ),
        Metric {
            name: "katydid.generator_findings",
            help: "What limits or distorts the measurement now.",
            unit: Unit::None,
            data: Data::Gauge(findings.collect()),
        },
        Metric {
            name: "katydid.threshold_crossed",
            help: "Whether the run fails by a threshold now.",
            unit: Unit::None,
            data: Data::Gauge(thresholds.collect()),
        },
    ]
}

fn workers(snapshot: &Snapshot) -> Vec<Metric> {
    type Told = (
        &'static str,
        &'static str,
        Unit,
        fn(&snapshot::Worker) -> f64,
    );
    let Some(workers) = &snapshot.workers else {
        return Vec::new();
    };
    let gauges: [Told; 4] = [
        (
            "katydid.worker.up",
            "Whether a worker is heard of.",
            Unit::None,
            |worker| flag(worker.state != snapshot::State::Missing),
        ),
        (
            "katydid.worker.users",
            "Users a worker runs.",
            Unit::None,
            |worker| worker.users.into(),
        ),
        (
            "katydid.worker.cpu",
            "Processor time a worker uses, in cores.",
            Unit::Ratio,
            |worker| worker.cpu_percent / 100.0,
        ),
        (
            "katydid.worker.memory",
            "Memory a worker holds.",
            Unit::Bytes,
            |worker| worker.memory_bytes as f64,
        ),
    ];
    let all = gauges.into_iter().map(|(name, help, unit, value)| {
        let points = workers.iter();
        let points = points.map(|worker| labelled("worker", &worker.id, value(worker)));
        Metric {
            name,
            help,
            unit,
            data: Data::Gauge(points.collect()),
        }
    });
    all.collect()
}

fn gauge(name: &'static str, help: &'static str, unit: Unit, value: f64) -> Metric {
    Metric {
        name,
        help,
        unit,
        data: Data::Gauge(vec![unlabelled(value)]),
    }
}

fn unlabelled<T>(value: T) -> Point<T> {
    Point {
        labels: Vec::new(),
        value,
    }
}

fn labelled<T>(name: &'static str, label: &str, value: T) -> Point<T> {
    Point {
        labels: vec![(name, label.into())],
        value,
    }
}

fn labels((method, name): &SeriesName) -> Labels {
    vec![("method", Arc::clone(method)), ("name", Arc::clone(name))]
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
