//! What a kept run answers with, in the shapes of the run under way.

use std::collections::BTreeMap;

use katydid_core::fingerprint::{self, KINDS};
use katydid_core::heat;
use katydid_core::redact;
use katydid_core::threshold::{Metric, Threshold, Verdict};
use katydid_core::trip::PHASES;
use katydid_core::units::Micros;
use katydid_core::window::Count;
use katydid_store::{Name, RunState, Step};
use serde_json::{Value, json};

use super::Kept;
use super::facts::{Samples, shown};
use crate::endpoint::{bars, spectrum};
use crate::history::{listed, row};
use crate::rows::TOTAL;

/// How many messages of one fingerprint are told.
const TEXTS: usize = 20;

/// The whole state, as of the end of the stretch.
pub(super) fn snapshot(kept: &Kept, health: &Value, lost: &Value) -> Value {
    let course = &kept.course;
    let length = kept.run.length(course.from, course.to);
    let marks: Value = serde_json::from_str(&kept.run.marks).unwrap_or_default();
    let counts = course.sum.counts.iter();
    let entries = counts.map(|(&id, count)| row(id.into(), count, length));
    let names = course.sum.counts.keys().filter_map(|id| {
        let name = kept.names.get(id)?;
        Some((name.id, &name.method, &name.name))
    });
    let mut listed = listed(&kept.run, None);
    listed["baseline"] = json!(kept.baseline);
    json!({
        "boot": kept.run.id,
        "seq": 1,
        "since": 0,
        "t": kept.ended_ms(),
        "from": course.from,
        "to": course.to,
        "span": kept.span,
        "settled": kept.is_settled,
        "run": run(kept),
        "kept": listed,
        "names": names.collect::<Vec<_>>(),
        "step": course.step,
        "points": course.steps.iter().map(point).collect::<Vec<_>>(),
        "entries": entries.collect::<Vec<_>>(),
        "total": row(TOTAL, &course.sum.total(), length),
        "recent": null,
        "faults": { "kinds": groups(kept).len(), "last": last_failure(kept) },
        "marks": if marks.is_array() { marks } else { json!([]) },
        "health": health,
        "thresholds": thresholds(kept),
        "lost": lost,
        "truncated": null,
    })
}

/// State and settings, those of which nothing is kept at rest.
fn run(kept: &Kept) -> Value {
    let about: Value = serde_json::from_str(&kept.run.about).unwrap_or_default();
    let last = kept.course.steps.last();
    let is_over = kept.run.state != RunState::Running;
    json!({
        "state": if is_over { "stopped" } else { "running" },
        "revision": 0,
        "host": about["host"],
        "users": last.map_or(0, |step| step.users),
        "target_users": last.map_or(0, |step| step.wanted),
        "users_by_class": {},
        "spawn_rate": about["spawn_rate"].as_f64().unwrap_or(0.0),
        "started": kept.run.started_ms,
        "ended": is_over.then(|| kept.ended_ms()),
        "run_time": about["run_time"],
        "cpu_percent": 0,
        "memory_bytes": 0,
        "refused_connections": 0,
        "in_flight": 0,
        "oldest_ms": null,
        "open_files": null,
        "file_limit": null,
        "workers": null,
    })
}

fn point(step: &Step) -> Value {
    let ms = |time: fn(&katydid_store::Times) -> Micros| {
        step.times.as_ref().map(|times| time(times).as_millis_f64())
    };
    json!([
        step.t,
        step.ok(),
        step.failures,
        step.users,
        step.wanted,
        ms(|times| times.p50),
        ms(|times| times.p90),
        ms(|times| times.p95),
        ms(|times| times.p99),
        step.lateness_p99.map(Micros::as_millis_f64),
        step.seconds,
    ])
}

/// How many requests took how long in each step.
pub(super) fn heat(kept: &Kept) -> Value {
    let columns = kept.course.heat.iter();
    json!({
        "step": kept.course.step,
        "bars_per_doubling": heat::BARS,
        "columns": columns.map(|column| (column.t, &column.cells)).collect::<Vec<_>>(),
    })
}

/// How many requests failed in which way in each step.
pub(super) fn failures(kept: &Kept) -> Value {
    let course = &kept.course;
    let points = course.failures.iter().map(|it| (it.t, it.counts));
    json!({
        "kinds": KINDS,
        "step": course.step,
        "until": course.steps.last().map(|step| step.t),
        "points": points.collect::<Vec<_>>(),
    })
}

/// Everything about all names together.
pub(super) fn total(kept: &Kept) -> Value {
    let name = ("", "Aggregated");
    detail(
        kept,
        TOTAL,
        name,
        &kept.course.sum.total(),
        &kept.course.steps,
    )
}

/// Everything about one name.
pub(super) fn endpoint(kept: &Kept, name: &Name, steps: &[Step]) -> Value {
    let nothing = Count::default();
    let count = kept.course.sum.counts.get(&name.id).unwrap_or(&nothing);
    detail(
        kept,
        name.id.into(),
        (&name.method, &name.name),
        count,
        steps,
    )
}

fn detail(
    kept: &Kept,
    id: i64,
    (method, name): (&str, &str),
    count: &Count,
    steps: &[Step],
) -> Value {
    let times = count.times();
    let points = steps.iter().filter(|step| step.requests > 0).map(|step| {
        let [p50, p95, p99] = match step.times {
            Some(times) => [times.p50, times.p95, times.p99].map(|time| Some(time.as_millis_f64())),
            None => [None; 3],
        };
        let (bytes_in, bytes_out) = (step.bytes_in, step.bytes_out);
        json!([
            step.t,
            step.ok(),
            step.failures,
            p50,
            p95,
            p99,
            bytes_in,
            bytes_out,
            step.statuses,
            step.phases.map(Micros::as_millis_f64),
            step.seconds,
        ])
    });
    let phases = PHASES
        .iter()
        .zip(count.trips.phases())
        .map(|(name, phase)| {
            json!({
                "name": name,
                "count": phase.count,
                "sum_ms": phase.sum.as_millis_f64(),
                "max_ms": phase.max.as_millis_f64(),
            })
        });
    json!({
        "id": id,
        "method": method,
        "name": name,
        "requests": count.requests,
        "failures": count.failures,
        "bytes_in": count.bytes_in,
        "bytes_out": count.bytes_out,
        "last": null,
        "statuses": count.trips.statuses(),
        "phases": phases.collect::<Vec<_>>(),
        "percentiles": spectrum(&times, times.max().unwrap_or(Micros::ZERO)),
        "histogram": bars(&count.ok, &count.failed),
        "series": { "step": kept.course.step, "points": points.collect::<Vec<_>>() },
    })
}

/// What the run is judged by. Of all of it, how it stood at its end; of a stretch, how that stands.
fn thresholds(kept: &Kept) -> Vec<Value> {
    let about: Value = serde_json::from_str(&kept.run.about).unwrap_or_default();
    let is_whole = (kept.course.from, kept.course.to) == kept.span;
    let judged = about["thresholds"].as_array().into_iter().flatten();
    let shown = judged.filter_map(|judged| {
        let threshold = Threshold::parse(judged["text"].as_str()?).ok()?;
        let verdict = judge(kept, &threshold);
        let standing = threshold.standing(&verdict).as_str();
        let (metric, words) = (threshold.metric(), threshold.shown(&verdict));
        let part = match metric {
            Metric::Quantile(part) => Some(part),
            _ => None,
        };
        Some(json!({
            "text": threshold.text(),
            "standing": if is_whole { judged["standing"].clone() } else { json!(standing) },
            "metric": metric.as_str(),
            "clock": threshold.clock().as_str(),
            "part": part,
            "limit": threshold.limit(),
            "ceiling": threshold.is_ceiling(),
            "all": threshold.selects_all(),
            "value": verdict.value,
            "shown": if is_whole { judged["measured"].clone() } else { json!(words) },
            "first_crossed": null,
            "crossed_seconds": 0,
            "added": null,
        }))
    });
    shown.collect()
}

fn judge(kept: &Kept, threshold: &Threshold) -> Verdict {
    let course = &kept.course;
    let counts = course.sum.counts.iter().filter_map(|(id, count)| {
        let name = kept.names.get(id)?;
        Some((&*name.method, &*name.name, count))
    });
    threshold.judge_counts(counts, &course.sum, course.to - course.from)
}

/// Errors of the stretch with one fingerprint.
#[derive(Default)]
struct Group<'a> {
    id: u32,
    texts: Vec<(u64, &'a str)>,
    seen: Option<(u64, u64)>,
}

/// By name and pattern.
fn groups(kept: &Kept) -> BTreeMap<(u32, String), Group<'_>> {
    let mut groups = BTreeMap::<_, Group<'_>>::new();
    for error in &kept.errors {
        let Some(&count) = kept.course.sum.errors.get(&error.id) else {
            continue;
        };
        let key = (error.name, fingerprint::pattern(&error.text));
        let group = groups.entry(key).or_insert_with(|| Group {
            id: error.id,
            ..Group::default()
        });
        group.texts.push((count, &error.text));
        if let Some(&(first, last)) = kept.course.seen.get(&error.id) {
            let (earliest, latest) = group.seen.unwrap_or((first, last));
            group.seen = Some((earliest.min(first), latest.max(last)));
        }
    }
    groups
}

fn last_failure(kept: &Kept) -> Option<u64> {
    let last = kept.course.seen.values().map(|(_, last)| last * 1_000);
    last.max()
}

/// All errors, the most frequent first.
pub(super) fn faults(kept: &Kept, samples: &Samples) -> Value {
    let errors = groups(kept).into_iter().map(|(key, mut group)| {
        let name = kept.names.get(&key.0);
        group
            .texts
            .sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let count: u64 = group.texts.iter().map(|(count, _)| count).sum();
        let texts = group.texts.iter().take(TEXTS);
        let (first, last) = group.seen.unwrap_or_default();
        let kind = group
            .texts
            .first()
            .map_or("", |(_, text)| fingerprint::kind(text));
        let error = json!({
            "id": group.id,
            "method": name.map(|it| &it.method),
            "name": name.map(|it| &it.name),
            "kind": kind,
            "pattern": key.1,
            "texts": texts.map(|(count, text)| (redact::text(text), count)).collect::<Vec<_>>(),
            "variants": group.texts.len(),
            "count": count,
            "first_seen": first * 1_000,
            "last_seen": last * 1_000,
            "workers": {},
            "samples": shown(samples.get(&key)),
        });
        (count, error)
    });
    let mut errors: Vec<_> = errors.collect();
    errors.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let errors: Vec<_> = errors.into_iter().map(|(_, error)| error).collect();
    json!({ "t": kept.ended_ms(), "errors": errors, "others": 0 })
}
