//! What is kept of a run besides what was counted, in the shapes of the run under way.

use std::collections::BTreeMap;

use katydid_core::crew::Moment;
use katydid_core::fault::Example;
use katydid_core::steps::Steps;
use katydid_core::units::Micros;
use katydid_store::{Store, StoreError, Worker};
use serde_json::{Value, json};

use super::Kept;
use crate::csv;
use crate::faults;
use crate::rows::rounded;

/// Seconds from one moment of the workers to the next.
const STEP: u64 = 5;

/// What scripts did not catch.
pub(super) fn exceptions(store: &Store, kept: &Kept) -> Result<Value, StoreError> {
    let exceptions = store.exceptions(&kept.run.id)?;
    let exceptions = exceptions.iter().map(|exception| {
        json!({
            "count": exception.count,
            "msg": exception.msg,
            "traceback": exception.traceback,
            "nodes": csv::list(&exception.nodes),
        })
    });
    Ok(json!({ "exceptions": exceptions.collect::<Vec<_>>() }))
}

/// What was logged.
pub(super) fn logs(store: &Store, kept: &Kept) -> Result<Value, StoreError> {
    let logs = store.logs(&kept.run.id)?;
    let lines = logs.lines.iter().map(|line| {
        json!({
            "seq": line.seq,
            "t": line.at_ms,
            "level": line.level,
            "source": line.source,
            "logger": line.logger,
            "text": line.text,
        })
    });
    let next = logs.lines.last().map_or(0, |line| line.seq + 1);
    let lines: Vec<_> = lines.collect();
    Ok(json!({ "lines": lines, "next": next, "dropped": logs.dropped }))
}

/// How those who ran the users fared over the stretch.
pub(super) fn crew(store: &Store, kept: &Kept) -> Result<Value, StoreError> {
    let mut steps = Steps {
        step: STEP,
        points: Vec::new(),
    };
    for moment in moments(store, kept)? {
        steps.push(moment);
    }
    let points = steps.points.iter().map(|moment| {
        let members = moment.members.iter().map(|member| {
            json!([
                member.index,
                member.users,
                rounded(member.requests_per_second, 100.0),
                rounded(member.cpu_percent, 10.0),
                (member.memory_bytes > 0).then_some(member.memory_bytes),
                member.lateness_p99.map(Micros::as_millis_f64),
            ])
        });
        json!([moment.t, members.collect::<Vec<_>>()])
    });
    let points: Vec<_> = points.collect();
    let ids: BTreeMap<_, _> = people(store, kept)?
        .into_iter()
        .map(|worker| (worker.index, worker.id))
        .collect();
    Ok(json!({ "ids": ids, "step": steps.step, "points": points }))
}

/// Who ran the users: of the stretch, the most users, processor time and memory, and the mean rate.
pub(super) fn workers(store: &Store, kept: &Kept) -> Result<Value, StoreError> {
    let moments = moments(store, kept)?;
    let workers = people(store, kept)?.into_iter().map(|worker| {
        let of_it = moments.iter().flat_map(|moment| &moment.members);
        let of_it = of_it.filter(|member| member.index == worker.index);
        let (mut users, mut cpu, mut memory, mut rate, mut count) = (0, 0.0_f64, 0, 0.0, 0_u32);
        for member in of_it {
            users = users.max(member.users);
            cpu = cpu.max(member.cpu_percent);
            memory = memory.max(member.memory_bytes);
            rate += member.requests_per_second;
            count += 1;
        }
        // Ids are made of the host's name and something unique.
        let host = worker.id.rsplit_once('_').map_or(&*worker.id, |id| id.0);
        json!({
            "id": worker.id,
            "index": worker.index,
            "host": host,
            "state": worker.state,
            "users": users,
            "users_by_class": {},
            "cpu_percent": rounded(cpu, 10.0),
            "memory_bytes": memory,
            "rps": rounded(rate / f64::from(count.max(1)), 100.0),
            "heartbeat_age": null,
            "version": worker.version,
            "precision": if worker.is_exact { "exact" } else { "two digits" },
            "clock_offset_ms": worker.clock_ahead_ms,
            "in_flight": null,
            "oldest_ms": null,
            "open_files": null,
            "file_limit": null,
        })
    });
    Ok(json!({ "t": kept.ended_ms(), "workers": workers.collect::<Vec<_>>() }))
}

/// What was wrong with the generator in the stretch, and what workers that were gone have not told.
pub(super) fn troubles(store: &Store, kept: &Kept) -> Result<(Value, Value), StoreError> {
    let (from, to) = (kept.course.from * 1_000, kept.course.to * 1_000);
    let findings = store.findings(&kept.run.id)?;
    let findings = findings
        .iter()
        .filter(|it| it.since_ms < to && it.until_ms.is_none_or(|until| until >= from));
    let findings = findings.map(|finding| {
        json!({
            "level": finding.level,
            "code": finding.code,
            "text": finding.text,
            "since": finding.since_ms,
            "until": finding.until_ms,
        })
    });
    let losses = store.losses(&kept.run.id)?;
    let losses = losses.iter().map(|loss| {
        json!({
            "worker": loss.worker,
            "users": loss.users,
            "from": loss.from_ms,
            "until": loss.until_ms,
            "requests": loss.requests,
        })
    });
    Ok((findings.collect(), losses.collect()))
}

/// Requests that failed, by the number of their name and what their errors have in common.
pub(super) type Samples = BTreeMap<(u32, String), Vec<Example>>;

pub(super) fn samples(store: &Store, kept: &Kept) -> Result<Samples, StoreError> {
    let mut samples = Samples::new();
    for sample in store.samples(&kept.run.id)? {
        let of_kind = samples.entry((sample.name, sample.pattern)).or_default();
        of_kind.push(sample.example);
    }
    Ok(samples)
}

/// The samples of one kind, as the page reads them.
pub(super) fn shown(samples: Option<&Vec<Example>>) -> Value {
    let shown = samples.into_iter().flatten().map(faults::Sample::from);
    json!(shown.collect::<Vec<_>>())
}

fn moments(store: &Store, kept: &Kept) -> Result<Vec<Moment>, StoreError> {
    let mut moments = store.moments(&kept.run.id)?;
    moments.retain(|moment| (kept.course.from..kept.course.to).contains(&moment.t));
    Ok(moments)
}

/// The workers, or this one process where the users ran in it and something is kept of that.
fn people(store: &Store, kept: &Kept) -> Result<Vec<Worker>, StoreError> {
    let mut workers = store.workers(&kept.run.id)?;
    if workers.is_empty() && !store.moments(&kept.run.id)?.is_empty() {
        workers.push(Worker {
            id: "local".into(),
            is_exact: true,
            ..Worker::default()
        });
    }
    Ok(workers)
}
