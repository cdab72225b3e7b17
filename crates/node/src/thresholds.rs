//! The thresholds of a run, judged once a second.

use std::sync::Arc;

use katydid_core::registry::Registry;
use katydid_core::stats::Stats;
use katydid_core::threshold::{Standing, Threshold, Watched};

/// What every run of a node is judged by, and how the one under way stands.
#[derive(Debug, Default)]
pub(crate) struct Thresholds {
    all: Arc<Vec<Watched>>,
    /// When they were judged last, in milliseconds since the Unix epoch.
    judged_ms: Option<u64>,
}

impl Thresholds {
    pub(crate) fn all(&self) -> &Arc<Vec<Watched>> {
        &self.all
    }

    /// A run begins: nothing is known of it yet.
    pub(crate) fn begin(&mut self) {
        let thresholds = self.all.iter().map(|known| known.threshold.clone());
        self.all = Arc::new(thresholds.map(Watched::new).collect());
        self.judged_ms = None;
    }

    /// Replaces them; what is known of those that stay is kept. Says what has changed.
    pub(crate) fn set(&mut self, wanted: Vec<Threshold>, now_ms: u64) -> Vec<String> {
        let mut known: Vec<Watched> = self.all.to_vec();
        let mut said = Vec::new();
        let mut all: Vec<Watched> = Vec::new();
        for threshold in wanted {
            if all.iter().any(|other| other.threshold == threshold) {
                continue;
            }
            let place = known.iter().position(|it| it.threshold == threshold);
            all.push(if let Some(place) = place {
                known.swap_remove(place)
            } else {
                said.push(format!("added: {threshold}"));
                Watched {
                    added_ms: Some(now_ms),
                    ..Watched::new(threshold)
                }
            });
        }
        said.extend(
            known
                .iter()
                .map(|gone| format!("removed: {}", gone.threshold)),
        );
        self.all = Arc::new(all);
        said
    }

    /// Judges what was counted so far, and says which are crossed now and were not, or the other
    /// way round.
    pub(crate) fn judge(&mut self, stats: &Stats, registry: &Registry, now_ms: u64) -> Vec<String> {
        let passed = self
            .judged_ms
            .map_or(0, |before| now_ms.saturating_sub(before));
        self.judged_ms = Some(now_ms);
        let mut said = Vec::new();
        if self.all.is_empty() {
            return said;
        }
        for watched in Arc::make_mut(&mut self.all) {
            let was_crossed = watched.standing == Standing::Crossed;
            let threshold = &watched.threshold;
            watched.verdict = threshold.judge(stats, registry);
            watched.standing = threshold.standing(&watched.verdict);
            let is_crossed = watched.standing == Standing::Crossed;
            if is_crossed {
                watched.first_crossed_ms.get_or_insert(now_ms);
            }
            if was_crossed {
                watched.crossed_ms += passed;
            }
            if is_crossed != was_crossed && watched.standing != Standing::Unmeasured {
                let word = if is_crossed { "crossed" } else { "met again" };
                let shown = threshold.shown(&watched.verdict);
                said.push(format!("{word}: {threshold} ({shown})"));
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use katydid_core::recorder::Recorder;
    use katydid_core::sample::{Sample, Times};
    use katydid_core::units::Nanos;

    use super::*;

    fn parsed(texts: &[&str]) -> Vec<Threshold> {
        let parsed = texts.iter().map(|text| Threshold::parse(text).unwrap());
        parsed.collect()
    }

    fn counted(registry: &Registry, millis: &[u64]) -> Stats {
        let mut recorder = Recorder::default();
        for &millis in millis {
            recorder.record(&Sample {
                key: registry.key("GET", "/"),
                error: None,
                times: Some(Times {
                    service: Nanos::from_millis(millis),
                    ..Times::default()
                }),
                bytes_in: 0,
                bytes_out: 0,
                at: Nanos::from_secs(1),
                counts_request: true,
            });
        }
        recorder.take()
    }

    #[test]
    fn a_run_crosses_a_threshold_and_meets_it_again() {
        let registry = Registry::new();
        let mut thresholds = Thresholds::default();
        thresholds.set(parsed(&["avg>100ms"]), 0);
        thresholds.begin();
        let stats = Stats::default();
        assert!(thresholds.judge(&stats, &registry, 1000).is_empty());
        assert_eq!(thresholds.all()[0].standing, Standing::Unmeasured);
        let slow = counted(&registry, &[150]);
        assert_eq!(
            thresholds.judge(&slow, &registry, 2000),
            ["crossed: avg>100ms (150.00 ms)"]
        );
        assert!(thresholds.judge(&slow, &registry, 3000).is_empty());
        let quick = counted(&registry, &[150, 30]);
        assert_eq!(
            thresholds.judge(&quick, &registry, 4000),
            ["met again: avg>100ms (90.00 ms)"]
        );
        let watched = &thresholds.all()[0];
        assert_eq!(watched.standing, Standing::Near);
        assert_eq!(watched.first_crossed_ms, Some(2000));
        assert_eq!(watched.crossed_ms, 2000);
        thresholds.begin();
        assert_eq!(thresholds.all()[0].first_crossed_ms, None);
    }

    #[test]
    fn those_that_stay_keep_what_is_known_of_them() {
        let registry = Registry::new();
        let mut thresholds = Thresholds::default();
        thresholds.set(parsed(&["max>1s", "max>50ms"]), 0);
        thresholds.judge(&counted(&registry, &[100]), &registry, 1000);
        let said = thresholds.set(parsed(&["max>50ms", "p95>1s", "p95>1s"]), 2000);
        assert_eq!(said, ["added: p95>1s", "removed: max>1s"]);
        let all = thresholds.all();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].first_crossed_ms, Some(1000));
        assert_eq!(all[1].added_ms, Some(2000));
    }
}
