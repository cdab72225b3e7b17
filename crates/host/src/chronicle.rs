//! Gathers what is to be kept of a run besides what was counted, as it becomes known.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use katydid_core::crew::Moment;
use katydid_core::fault::Example;
use katydid_core::log::{Line, logs};
use katydid_core::redact;
use katydid_core::registry::{FingerprintId, KeyId};
use katydid_core::snapshot::{Exception, Loss, Snapshot};
use katydid_core::steps::Step as _;
use katydid_store::{Fact, Finding, FreeNumbers, Sample, Script, Worker};
use serde_json::Value;

/// Seconds that make up one moment.
const MOMENT: u64 = 5;
/// Every so many looks, what changes all the time is looked at.
const LOOKS: u64 = 10;
/// Log lines that are taken at a time.
const LINES: usize = 1_000;
/// Numbers for the examples of one kind of failure.
const EXAMPLES: u64 = 4;
/// Workers that are told apart.
const WORKERS: u32 = 10_000;

/// Facts by their numbers.
type Facts = Vec<(u64, Fact)>;

/// What is known of a run, and what of it was told already.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    free: FreeNumbers,
    /// By kind of failure: the first number of its examples, and those that were told.
    samples: HashMap<FingerprintId, (u64, Vec<Arc<Example>>)>,
    exceptions: Arc<Vec<Exception>>,
    workers: HashMap<u32, Worker>,
    lost: Arc<Vec<Loss>>,
    /// What is wrong, by number.
    findings: Vec<(u64, Finding)>,
    moment: Option<Moment>,
    looks: u64,
}

impl Chronicle {
    /// Of a run that may have been begun by another process.
    pub(crate) fn new(free: FreeNumbers) -> Self {
        Self {
            free,
            ..Self::default()
        }
    }

    /// What is new; with `all` also what is looked at only now and then. `number` knows names' numbers.
    pub(crate) fn look(
        &mut self,
        snapshot: &Snapshot,
        crew: Vec<Moment>,
        all: bool,
        number: impl FnMut(KeyId) -> u32,
    ) -> Facts {
        let mut facts = Facts::new();
        self.look_at_crew(crew, all, &mut facts);
        self.look_at_findings(snapshot, &mut facts);
        if !Arc::ptr_eq(&self.lost, &snapshot.lost) && self.lost != snapshot.lost {
            facts.push((0, Fact::Losses(snapshot.lost.to_vec())));
        }
        self.lost = Arc::clone(&snapshot.lost);
        if all || self.looks.is_multiple_of(LOOKS) {
            self.look_at_samples(snapshot, number, &mut facts);
            self.look_at_exceptions(snapshot, &mut facts);
            self.look_at_workers(snapshot, all, &mut facts);
        }
        self.looks += 1;
        facts
    }

    /// The lines that were logged since the last time; `next` is the number of the first of them.
    pub(crate) fn lines(&mut self, next: &mut u64, facts: &mut Facts) {
        let logged = logs().after(Some(*next), LINES);
        *next = logged.next;
        self.free.lines += logged.dropped;
        for line in logged.lines {
            let seq = self.free.lines;
            self.free.lines += 1;
            let line = Line {
                seq,
                ..Line::clone(&line)
            };
            facts.push((seq, Fact::Line(line)));
        }
    }

    fn look_at_crew(&mut self, crew: Vec<Moment>, all: bool, facts: &mut Facts) {
        for mut second in crew {
            second.t -= second.t % MOMENT;
            match &mut self.moment {
                Some(moment) if moment.t >= second.t => moment.join(second),
                moment => {
                    let over = moment.replace(second);
                    facts.extend(over.map(|it| (it.t, Fact::Moment(it))));
                }
            }
        }
        if all {
            let last = self.moment.clone();
            facts.extend(last.map(|it| (it.t, Fact::Moment(it))));
        }
    }

    fn look_at_findings(&mut self, snapshot: &Snapshot, facts: &mut Facts) {
        let is_there = |known: &Finding| {
            let mut now = snapshot.health.iter();
            now.any(|it| it.code == known.code && it.since_ms == known.since_ms)
        };
        self.findings.retain_mut(|(id, known)| {
            let stays = is_there(known);
            if !stays {
                known.until_ms = Some(snapshot.at_ms);
                facts.push((*id, Fact::Finding(known.clone())));
            }
            stays
        });
        for now in snapshot.health.iter() {
            let finding = Finding {
                level: now.level.as_str().to_owned(),
                code: now.code.to_owned(),
                text: now.text.clone(),
                since_ms: now.since_ms,
                until_ms: None,
            };
            let known = self
                .findings
                .iter_mut()
                .find(|(_, known)| known.code == finding.code);
            match known {
                // Its words change all the time; how bad it is does not.
                Some((_, known)) if known.level == finding.level => {}
                Some((id, known)) => {
                    *known = finding.clone();
                    facts.push((*id, Fact::Finding(finding)));
                }
                None => {
                    let id = self.free.findings;
                    self.free.findings += 1;
                    self.findings.push((id, finding.clone()));
                    facts.push((id, Fact::Finding(finding)));
                }
            }
        }
    }

    fn look_at_samples(
        &mut self,
        snapshot: &Snapshot,
        mut number: impl FnMut(KeyId) -> u32,
        facts: &mut Facts,
    ) {
        let registry = &snapshot.registry;
        let errors = snapshot.stats.errors();
        let kinds: BTreeSet<_> = errors
            .map(|(error, _)| registry.fingerprint_of(error))
            .collect();
        for kind in kinds {
            let examples = registry.faults().examples(kind);
            if examples.is_empty() {
                continue;
            }
            let (first, told) = self.samples.entry(kind).or_insert_with(|| {
                let first = self.free.samples;
                self.free.samples += EXAMPLES;
                (first, Vec::new())
            });
            let fingerprint = registry.fingerprint(kind);
            for (place, example) in examples.iter().enumerate() {
                if told
                    .get(place)
                    .is_some_and(|told| Arc::ptr_eq(told, example))
                {
                    continue;
                }
                let sample = Sample {
                    name: number(fingerprint.key),
                    pattern: fingerprint.pattern.to_string(),
                    example: Example::clone(example),
                };
                facts.push((*first + place as u64, Fact::Sample(sample)));
            }
            *told = examples;
        }
    }

    fn look_at_exceptions(&mut self, snapshot: &Snapshot, facts: &mut Facts) {
        for (place, exception) in snapshot.exceptions.iter().enumerate() {
            if self.exceptions.get(place) != Some(exception) {
                let exception = Exception {
                    msg: redact::text(&exception.msg),
                    traceback: redact::text(&exception.traceback),
                    ..exception.clone()
                };
                facts.push((place as u64, Fact::Exception(exception)));
            }
        }
        self.exceptions = Arc::clone(&snapshot.exceptions);
    }

    fn look_at_workers(&mut self, snapshot: &Snapshot, all: bool, facts: &mut Facts) {
        let workers = snapshot.workers.iter().flat_map(|all| all.iter());
        for worker in workers.filter(|worker| worker.index < WORKERS) {
            let told = Worker {
                id: worker.id.clone(),
                index: worker.index,
                version: worker.version.clone(),
                state: worker.state.as_str().to_owned(),
                is_exact: worker.is_exact,
                clock_ahead_ms: worker.clock_ahead_ms,
                heard_ms: worker.heard_ms,
            };
            let known = self.workers.get(&worker.index);
            // When it was heard of changes all the time.
            let is_news = known.is_none_or(|known| {
                let known = Worker {
                    heard_ms: told.heard_ms,
                    ..known.clone()
                };
                known != told
            });
            if is_news || all {
                self.workers.insert(worker.index, told.clone());
                facts.push((worker.index.into(), Fact::Worker(told)));
            }
        }
    }
}

/// The scripts that stand among what is known of a run, taken out of it; secrets in them are hidden.
pub(crate) fn take_scripts(about: &mut serde_json::Map<String, Value>) -> Facts {
    let scripts = about.remove("scripts").unwrap_or_default();
    let scripts: Vec<Script> = serde_json::from_value(scripts).unwrap_or_default();
    let scripts = scripts.into_iter().map(|script| Script {
        text: redact::text(&script.text),
        ..script
    });
    (0..).zip(scripts.map(Fact::Script)).collect()
}
