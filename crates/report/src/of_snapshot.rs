//! A report of a run that is not kept, from the last picture of it.

use std::collections::BTreeMap;

use katydid_core::fingerprint;
use katydid_core::report::words;
use katydid_core::snapshot::{Snapshot, State};
use katydid_core::steps::{self, Steps};
use katydid_core::track;
use katydid_core::units::Micros;
use katydid_core::window::Count;
use katydid_store::Fault;
use serde_json::{Value, json};

use crate::model::{Found, Happened, Raised, Report, Row, Step, Worker};
use katydid_core::threshold::Standing;
use katydid_store::Judged;

/// Steps of which neighbours become one where there are too many, as the charts of a running test have them.
#[derive(Clone, Debug, Default)]
struct Joined(Step);

impl steps::Step for Joined {
    fn second(&self) -> u64 {
        self.0.t
    }

    fn set_second(&mut self, second: u64) {
        self.0.seconds += self.0.t - second;
        self.0.t = second;
    }

    fn join(&mut self, next: Self) {
        let (mine, next) = (&mut self.0, next.0);
        mine.seconds = (next.t + next.seconds)
            .saturating_sub(mine.t)
            .max(mine.seconds);
        (mine.users, mine.wanted) = (next.users, next.wanted);
        mine.ok += next.ok;
        mine.failed += next.failed;
        mine.bytes_in += next.bytes_in;
        mine.bytes_out += next.bytes_out;
        // The longer of both, so that no peak is lost: their histograms are gone.
        for (mine, next) in mine.times.iter_mut().zip(next.times) {
            *mine = (*mine).max(next);
        }
        mine.lateness_p99 = mine.lateness_p99.max(next.lateness_p99);
    }
}

impl Report {
    /// What has happened so far; `about` is what else is known of the run.
    pub fn of_snapshot(snapshot: &Snapshot, mut about: Value) -> Self {
        let run = &snapshot.run;
        let started_ms = run.started_ms.unwrap_or(snapshot.at_ms);
        let ended_ms = run.ended_ms.unwrap_or(snapshot.at_ms);
        if about["host"].is_null() {
            about["host"] = json!(run.host.as_deref().map(katydid_core::redact::url));
        }
        let stats = &snapshot.stats;
        let rows = stats
            .entries()
            .filter(|(_, entry)| entry.requests > 0 || entry.failures > 0);
        let mut rows: Vec<_> = rows
            .map(|(key, entry)| {
                let name = snapshot.registry.name(key);
                let track = snapshot.tracks.get(Some(key)).unwrap_or_default();
                Row {
                    method: name.method.to_string(),
                    name: name.name.to_string(),
                    count: Count::from(&**entry),
                    steps: track
                        .points
                        .iter()
                        .map(|point| of_track(point, track.step))
                        .collect(),
                }
            })
            .collect();
        rows.sort_by(|one, other| {
            crate::of_store::taken(other).total_cmp(&crate::of_store::taken(one))
        });
        let (step, steps) = steps(snapshot);
        let is_over = is_over(snapshot);
        let judged = snapshot.thresholds.iter().map(|watched| Judged {
            text: watched.threshold.text().to_owned(),
            standing: watched.standing.as_str().to_owned(),
            measured: watched.threshold.shown(&watched.verdict),
            // What cannot be measured yet may be so before the end.
            failed: watched.standing == Standing::Crossed || is_over && watched.verdict.failed,
        });
        let thresholds: Vec<_> = judged.collect();
        let from = started_ms / 1000;
        let last = snapshot
            .series
            .last()
            .map_or(0, |point| point.t + snapshot.series.step());
        Self {
            result: result(snapshot, &thresholds).to_owned(),
            started_ms,
            ended_ms,
            from,
            to: ended_ms.div_ceil(1000).max(last).max(from + 1),
            is_whole: true,
            about,
            step,
            steps,
            total: Count::from(&**stats.total()),
            rows,
            faults: faults(snapshot),
            lateness: stats.total().histograms.lateness.clone(),
            thresholds,
            marks: snapshot.marks.iter().map(happened).collect(),
            exceptions: snapshot.exceptions.iter().map(Raised::from).collect(),
            losses: words::losses(snapshot),
            findings: snapshot
                .health
                .iter()
                .map(|found| found_at(found, ended_ms))
                .collect(),
            workers: workers(snapshot),
            ..Self::default()
        }
    }
}

/// Whether no run is under way.
fn is_over(snapshot: &Snapshot) -> bool {
    match snapshot.run.state {
        State::Stopped | State::Ready | State::Cleanup | State::Missing => true,
        State::Spawning | State::Running | State::Stopping => false,
    }
}

fn result(snapshot: &Snapshot, thresholds: &[Judged]) -> &'static str {
    if !is_over(snapshot) {
        "running"
    } else if thresholds.iter().any(|it| it.failed) {
        "failed"
    } else if thresholds.is_empty() {
        "finished"
    } else {
        "passed"
    }
}

/// All requests step by step, from the series, with what only the tracks have.
fn steps(snapshot: &Snapshot) -> (u64, Vec<Step>) {
    let step = snapshot.series.step();
    let mut joined = Steps::<Joined>::default();
    for point in snapshot.series.iter() {
        joined.push(Joined(Step {
            t: point.t,
            seconds: step,
            users: point.users,
            wanted: point.target,
            ok: point.ok,
            failed: point.failed,
            times: [point.p50, point.p90, point.p95, point.p99, None],
            lateness_p99: point.lateness_p99,
            ..Step::default()
        }));
    }
    let step = joined.step.max(step);
    let mut steps: Vec<_> = joined.points.into_iter().map(|joined| joined.0).collect();
    let place = |steps: &[Step], t: u64| steps.partition_point(|known| known.t <= t).checked_sub(1);
    for column in snapshot.tracks.heat.since(0).points {
        if let Some(place) = place(&steps, column.t) {
            steps[place].cells.extend(column.cells);
        }
    }
    for failures in snapshot.tracks.failures.all().points {
        if let Some(place) = place(&steps, failures.t) {
            for (mine, more) in steps[place].kinds.iter_mut().zip(failures.counts) {
                *mine += more;
            }
        }
    }
    for point in snapshot.tracks.get(None).unwrap_or_default().points {
        let Some(place) = place(&steps, point.t) else {
            continue;
        };
        let step = &mut steps[place];
        step.bytes_in += point.bytes_in;
        step.bytes_out += point.bytes_out;
        for (mine, more) in step.statuses.iter_mut().zip(point.statuses) {
            *mine += more;
        }
        for (mine, more) in step.phases.iter_mut().zip(point.phases) {
            *mine = Micros::from_micros(mine.as_micros() + more.as_micros());
        }
    }
    for step in &mut steps {
        let mut cells = BTreeMap::<i32, u64>::new();
        for (bar, count) in std::mem::take(&mut step.cells) {
            *cells.entry(bar).or_default() += count;
        }
        step.cells = cells.into_iter().collect();
    }
    (step, steps)
}

fn of_track(point: &track::Point, seconds: u64) -> Step {
    Step {
        t: point.t,
        seconds,
        ok: point.ok,
        failed: point.failed,
        times: point.times.map_or([None; 5], |[p50, p95, p99]| {
            [Some(p50), None, Some(p95), Some(p99), None]
        }),
        bytes_in: point.bytes_in,
        bytes_out: point.bytes_out,
        statuses: point.statuses,
        phases: point.phases,
        ..Step::default()
    }
}

fn found_at(found: &katydid_core::health::Finding, ended_ms: u64) -> Found {
    Found {
        from_ms: found.since_ms,
        to_ms: ended_ms,
        text: found.text.clone(),
    }
}

fn happened(mark: &katydid_core::mark::Mark) -> Happened {
    Happened {
        at_ms: mark.at_ms,
        kind: mark.kind,
        text: mark.text.clone(),
        by: mark.by.clone(),
    }
}

/// Failures, those together that tell the same, the most frequent first.
fn faults(snapshot: &Snapshot) -> Vec<Fault> {
    let mut groups = BTreeMap::<(String, String, String), (&'static str, u64)>::new();
    for (id, seen) in snapshot.stats.errors() {
        let error = snapshot.registry.error_name(id);
        let name = snapshot.registry.name(error.key);
        let text = katydid_core::redact::text(&error.text);
        let group = (
            name.method.to_string(),
            name.name.to_string(),
            fingerprint::pattern(&text),
        );
        let kind = fingerprint::kind(&text);
        groups.entry(group).or_insert((kind, 0)).1 += seen.occurrences;
    }
    let faults = groups
        .into_iter()
        .map(|((method, name, pattern), (kind, count))| Fault {
            method,
            name,
            kind,
            pattern,
            count,
        });
    let mut faults: Vec<_> = faults.collect();
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.count));
    faults
}

fn workers(snapshot: &Snapshot) -> Vec<Worker> {
    let crew = snapshot.tracks.crew.since(0);
    let mut workers: BTreeMap<u32, Worker> = crew
        .ids
        .iter()
        .map(|(index, id)| {
            (
                *index,
                Worker {
                    id: id.clone(),
                    ..Worker::default()
                },
            )
        })
        .collect();
    for moment in &crew.steps.points {
        for member in &moment.members {
            if let Some(worker) = workers.get_mut(&member.index) {
                worker.peak_cpu_percent = worker.peak_cpu_percent.max(member.cpu_percent);
                worker.peak_memory = worker.peak_memory.max(member.memory_bytes);
                worker
                    .course
                    .push((moment.t, member.cpu_percent, member.lateness_p99));
            }
        }
    }
    workers.into_values().collect()
}
