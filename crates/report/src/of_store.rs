//! A report of a run that is kept.

use std::collections::{BTreeMap, BTreeSet};

use katydid_core::compare::{self, Settings, compare};
use katydid_core::fault::Example;
use katydid_core::fingerprint::{self, KINDS};
use katydid_core::heat::Column;
use katydid_core::histogram::Histogram;
use katydid_core::mark::Kind;
use katydid_core::report::words;
use katydid_store::{Run, Store, StoreError};
use serde_json::Value;

use crate::model::{Baseline, Found, Happened, Raised, Report, Row, Sample, Step, Worker};
use crate::numbers::write;

/// How many points a chart has at most.
const POINTS: u64 = 300;
/// So many failures have an example.
const SAMPLES: usize = 50;
/// So many names have charts of their own.
pub(crate) const CHARTED: usize = 100;
/// Lengths of a step that read well, in seconds.
const STEPS: [u64; 13] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];

impl Report {
    /// What was counted in a run from one second of the Unix epoch up to another, that one not included.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn of_run(store: &Store, run: &Run, from: u64, to: u64) -> Result<Self, StoreError> {
        let about: Value = serde_json::from_str(&run.about).unwrap_or_default();
        let summary = store.summary(&run.id, from, to)?;
        let step = step_of(to.saturating_sub(from));
        let kinds = kinds_of(store, run)?;
        let mut rows: BTreeMap<u32, Row> = summary
            .rows
            .iter()
            .map(|(name, count)| {
                let row = Row {
                    method: name.method.clone(),
                    name: name.name.clone(),
                    count: count.clone(),
                    steps: Vec::new(),
                };
                (name.id, row)
            })
            .collect();
        let charted = charted(&rows);
        let mut steps = Vec::new();
        let mut lateness = Histogram::default();
        store.each_step(&run.id, from, to, step, |moment| {
            lateness.merge(&moment.window.lateness);
            let of = |count: &_| Step {
                t: moment.t,
                seconds: moment.seconds,
                users: moment.users,
                wanted: moment.wanted,
                ..Step::of(count)
            };
            let total = moment.window.total();
            let mut all = of(&total);
            all.all = total.times();
            all.cells = Column::of(moment.t, &all.all).cells;
            let late = &moment.window.lateness;
            all.lateness_p99 = late
                .max()
                .map(|most| late.value_at_quantile(0.99).min(most));
            for (&id, count) in &moment.window.counts {
                if charted.contains(&id)
                    && let Some(row) = rows.get_mut(&id)
                {
                    row.steps.push(of(count));
                }
            }
            for (error, &count) in &moment.window.errors {
                let Some(&(name, place)) = kinds.get(error) else {
                    continue;
                };
                all.kinds[place] += count;
                let row = rows.get_mut(&name).and_then(|row| row.steps.last_mut());
                if let Some(last) = row.filter(|last| last.t == moment.t) {
                    last.kinds[place] += count;
                }
            }
            steps.push(all);
        })?;
        let mut rows: Vec<_> = rows.into_values().collect();
        rows.sort_by(|one, other| taken(other).total_cmp(&taken(one)));
        let span = store.span(&run.id)?.unwrap_or_default();
        Ok(Self {
            run: Some(run.id.clone()),
            result: run.result().to_owned(),
            started_ms: run.started_ms,
            ended_ms: run.ended_ms,
            from,
            to,
            is_whole: from <= span.0 && to >= span.1,
            thresholds: run.judged(),
            about,
            step,
            steps,
            iterations: summary.iterations,
            total: summary.total,
            rows,
            faults: summary.faults,
            lateness,
            marks: happened(&run.marks),
            exceptions: store
                .exceptions(&run.id)?
                .iter()
                .map(Raised::from)
                .collect(),
            losses: store.losses(&run.id)?.iter().map(words::loss).collect(),
            findings: findings(store, run)?,
            samples: samples(store, run)?,
            workers: workers(store, run, from, to)?,
            ..Self::default()
        })
    }

    /// Puts an earlier run beside this one.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn compare_with(
        &mut self,
        store: &Store,
        run: &Run,
        earlier: &Run,
    ) -> Result<(), StoreError> {
        let cut = |run: &Run, (from, to): (u64, u64)| {
            store.stretches(run, from, to, compare::stretches(to - from))
        };
        let before = store.span(&earlier.id)?.unwrap_or_default();
        let one = cut(earlier, before)?;
        let other = cut(run, (self.from, self.to))?;
        self.baseline = Some(Baseline {
            run: earlier.id.clone(),
            warnings: earlier.unlike(run),
            found: compare(&one, &other, Settings::default()),
        });
        Ok(())
    }
}

/// Time that all requests of a name took together, in microseconds.
pub(crate) fn taken(row: &Row) -> f64 {
    let times = row.count.times();
    times.mean().unwrap_or(0.0) * times.count() as f64
}

/// The names that have charts of their own: those whose requests took the most time.
fn charted(rows: &BTreeMap<u32, Row>) -> Vec<u32> {
    let mut all: Vec<_> = rows.iter().map(|(id, row)| (*id, taken(row))).collect();
    all.sort_by(|one, other| other.1.total_cmp(&one.1));
    all.into_iter().take(CHARTED).map(|one| one.0).collect()
}

fn step_of(seconds: u64) -> u64 {
    let wanted = seconds.div_ceil(POINTS);
    STEPS
        .into_iter()
        .find(|step| *step >= wanted)
        .unwrap_or_else(|| wanted.next_multiple_of(3_600))
}

/// By the number of the error, the name whose requests failed so and the place of its kind in [`KINDS`].
fn kinds_of(store: &Store, run: &Run) -> Result<BTreeMap<u32, (u32, usize)>, StoreError> {
    let errors = store.errors(&run.id)?.into_iter().map(|error| {
        let kind = fingerprint::kind(&error.text);
        let place = KINDS.iter().position(|known| *known == kind);
        (error.id, (error.name, place.unwrap_or(KINDS.len() - 1)))
    });
    Ok(errors.collect())
}

/// What was wrong with the generator, and when.
fn findings(store: &Store, run: &Run) -> Result<Vec<Found>, StoreError> {
    let findings = store.findings(&run.id)?.into_iter().map(|found| Found {
        from_ms: found.since_ms,
        to_ms: found.until_ms.unwrap_or(run.ended_ms),
        text: found.text,
    });
    Ok(findings.collect())
}

/// The first example of each failure, as it went over the wire.
fn samples(store: &Store, run: &Run) -> Result<Vec<Sample>, StoreError> {
    let mut known = BTreeSet::new();
    let samples = store.samples(&run.id)?;
    let first = samples
        .into_iter()
        .filter(|sample| known.insert((sample.name, sample.pattern.clone())));
    Ok(first
        .take(SAMPLES)
        .map(|sample| Sample {
            at_ms: sample.example.at_ms,
            title: sample.pattern,
            text: wire(&sample.example),
        })
        .collect())
}

/// A request and its response, as text.
fn wire(example: &Example) -> String {
    let mut out = format!("{} {}\n", example.method, example.url);
    let headers = |out: &mut String, headers: &[(String, String)]| {
        for (name, value) in headers {
            write(out, format_args!("{name}: {value}\n"));
        }
    };
    headers(&mut out, &example.request_headers);
    let took = crate::numbers::millis(Some(example.duration.as_millis_f64()));
    let answer = example
        .status
        .map_or_else(|| "no response".to_owned(), |status| status.to_string());
    write(
        &mut out,
        format_args!("\n{answer} after {took}: {}\n", example.error),
    );
    headers(&mut out, &example.response_headers);
    if !example.body.is_empty() {
        write(&mut out, format_args!("\n{}", example.body));
    }
    out
}

/// Those who ran users, with how each fared.
fn workers(store: &Store, run: &Run, from: u64, to: u64) -> Result<Vec<Worker>, StoreError> {
    let mut workers: BTreeMap<u32, Worker> = store
        .workers(&run.id)?
        .into_iter()
        .map(|worker| {
            let mut told = vec![worker.version.unwrap_or_default(), worker.state];
            if !worker.is_exact {
                told.push("times have two digits only".to_owned());
            }
            told.retain(|text| !text.is_empty());
            let of = Worker {
                id: worker.id,
                told: told.join(", "),
                ..Worker::default()
            };
            (worker.index, of)
        })
        .collect();
    for moment in store.moments(&run.id)? {
        if moment.t < from || moment.t >= to {
            continue;
        }
        for member in moment.members {
            if let Some(worker) = workers.get_mut(&member.index) {
                worker.peak_cpu_percent = worker.peak_cpu_percent.max(member.cpu_percent);
                worker.peak_memory = worker.peak_memory.max(member.memory_bytes);
                worker
                    .course
                    .push((moment.t, member.cpu_percent, member.lateness_p99));
            }
        }
    }
    Ok(workers.into_values().collect())
}

fn happened(marks: &str) -> Vec<Happened> {
    let marks: Value = serde_json::from_str(marks).unwrap_or_default();
    let marks = marks.as_array().map_or(&[][..], Vec::as_slice);
    let marks = marks.iter().filter_map(|mark| {
        Some(Happened {
            at_ms: mark["t"].as_u64()?,
            kind: Kind::from_word(mark["kind"].as_str()?)?,
            text: mark["text"].as_str().unwrap_or_default().to_owned(),
            by: mark["by"].as_str().map(str::to_owned),
        })
    });
    marks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_have_few_points() {
        for (seconds, step) in [(1, 1), (300, 1), (301, 2), (3_600, 15), (21_600, 120)] {
            assert_eq!(step_of(seconds), step, "{seconds}");
        }
        assert!(10_000_000 / step_of(10_000_000) <= POINTS);
    }
}
