//! What was counted in a stretch of a run, as people ask for it.

use std::collections::BTreeMap;

use std::time::Duration;

use katydid_core::calendar::under_way;
use katydid_core::compare::Stretch;
use katydid_core::fingerprint;
use katydid_core::histogram::Histogram;
use katydid_core::iteration::Iterations;
use katydid_core::window::{Count, Window};
use serde_json::Value;

use crate::windows::span;
use crate::{Name, Run, Store, StoreError};

/// A stretch of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The first second of the Unix epoch that is in it.
    pub from: u64,
    /// The first second after it.
    pub to: u64,
    /// Under all names.
    pub total: Count,
    /// By name, those without requests left out.
    pub rows: Vec<(Name, Count)>,
    /// How long requests of all names waited for the generator; empty for runs that were kept before
    /// this was.
    pub lateness: Histogram,
    /// How often users ran tasks.
    pub iterations: Iterations,
    /// Failures, those together that tell the same, the most frequent first.
    pub faults: Vec<Fault>,
}

/// Failures that tell the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The method and the name whose requests failed.
    pub method: String,
    /// The name.
    pub name: String,
    /// The kind, see [`fingerprint::kind`].
    pub kind: &'static str,
    /// The error's text, with placeholders where they differ.
    pub pattern: String,
    /// How many.
    pub count: u64,
}

impl Store {
    /// What was counted from one second up to another, that one not included.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn summary(&self, run: &str, from: u64, to: u64) -> Result<Summary, StoreError> {
        let window = self.window(run, from, to)?;
        let names: BTreeMap<_, _> = self.names(run)?.into_iter().map(|it| (it.id, it)).collect();
        let rows = window.counts.iter().filter_map(|(id, count)| {
            let name = names.get(id)?;
            Some((name.clone(), count.clone()))
        });
        Ok(Summary {
            from,
            to,
            total: window.total(),
            rows: rows.collect(),
            lateness: window.lateness.clone(),
            iterations: window.iterations.clone(),
            faults: self.faults(run, &window, &names)?,
        })
    }

    /// The first second that a run has, and the first one after it; none if nothing was counted yet.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn span(&self, run: &str) -> Result<Option<(u64, u64)>, StoreError> {
        let span = span(&self.connection, run);
        span.map_err(|error| self.unread(error))
    }

    /// A stretch of a run, cut into so many shorter ones of about equal length, of whole seconds each, to be
    /// compared with another run.
    ///
    /// # Errors
    ///
    /// A [`StoreError`].
    pub fn stretches(
        &self,
        run: &Run,
        from: u64,
        to: u64,
        count: usize,
    ) -> Result<Vec<Stretch>, StoreError> {
        let names = self.names(&run.id)?;
        let names: BTreeMap<_, _> = names.into_iter().map(|it| (it.id, it)).collect();
        let length = to.saturating_sub(from);
        let count = length.min(count as u64);
        let mut stretches = Vec::new();
        for place in 0..count {
            let bounds = [place, place + 1].map(|place| from + length * place / count);
            let window = self.window(&run.id, bounds[0], bounds[1])?;
            let counts = window.counts.into_iter().filter_map(|(id, count)| {
                let name = names.get(&id)?;
                Some(((name.method.clone(), name.name.clone()), count))
            });
            stretches.push(Stretch {
                counts: counts.collect(),
                seconds: run.length(bounds[0], bounds[1]).as_secs_f64(),
            });
        }
        Ok(stretches)
    }

    fn faults(
        &self,
        run: &str,
        window: &Window,
        names: &BTreeMap<u32, Name>,
    ) -> Result<Vec<Fault>, StoreError> {
        let mut groups = BTreeMap::<(u32, String), (&'static str, u64)>::new();
        for error in self.errors(run)? {
            if let Some(&count) = window.errors.get(&error.id) {
                let kind = fingerprint::kind(&error.text);
                let group = groups.entry((error.name, fingerprint::pattern(&error.text)));
                group.or_insert((kind, 0)).1 += count;
            }
        }
        let faults = groups.into_iter().map(|((id, pattern), (kind, count))| {
            let name = names.get(&id);
            Fault {
                method: name.map(|it| it.method.clone()).unwrap_or_default(),
                name: name.map(|it| it.name.clone()).unwrap_or_default(),
                kind,
                pattern,
                count,
            }
        });
        let mut faults: Vec<_> = faults.collect();
        faults.sort_by_key(|fault| std::cmp::Reverse(fault.count));
        Ok(faults)
    }
}

impl Run {
    /// How much of a stretch (`from` to `to`, in seconds of the Unix epoch) it was under way; it begins and ends
    /// within a second, and what is counted per second is counted per this.
    pub fn length(&self, from: u64, to: u64) -> Duration {
        under_way((self.started_ms, self.ended_ms), (from, to))
    }

    /// What two runs do not have in common, in words, so that their numbers may differ for that reason.
    pub fn unlike(&self, other: &Self) -> Vec<String> {
        const SAME: [(&str, &str); 9] = [
            ("script_sha256", "scripts"),
            ("host", "hosts"),
            ("users", "numbers of users"),
            ("spawn_rate", "spawn rates"),
            ("run_time", "run times"),
            ("user_classes", "user classes"),
            ("shape", "load shapes"),
            ("version", "versions of Katydid"),
            ("cores", "numbers of cores"),
        ];
        let [mine, theirs] = [self, other].map(|run| {
            let about: Value = serde_json::from_str(&run.about).unwrap_or_default();
            about
        });
        let differ = SAME
            .iter()
            .filter(|(field, _)| mine[field] != theirs[field]);
        let told = differ.map(|(field, words)| match *field {
            "script_sha256" => "the runs have different scripts".to_owned(),
            field => format!(
                "the runs have different {words}: {} and {}",
                mine[field], theirs[field]
            ),
        });
        told.collect()
    }

    /// What its script is called; runs of one script have one baseline, also after it was changed.
    pub fn script(&self) -> String {
        let about: Value = serde_json::from_str(&self.about).unwrap_or_default();
        about["name"].as_str().unwrap_or_default().to_owned()
    }
}
