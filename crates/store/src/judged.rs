//! What became of a run by its thresholds.

use serde::Serialize;
use serde_json::Value;

use crate::{Run, RunState};

/// A threshold, and how the whole run stands by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// When the run has failed.
    pub text: String,
    /// unmeasured, kept, near or crossed.
    pub standing: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether the run has failed by it: it is crossed, or nothing could be measured up to the end.
    pub failed: bool,
}

impl Run {
    /// Its thresholds.
    pub fn judged(&self) -> Vec<Judged> {
        let about: Value = serde_json::from_str(&self.about).unwrap_or_default();
        let all = about["thresholds"].as_array();
        let all = all.map_or(&[][..], Vec::as_slice);
        let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
        let judged = all.iter().map(|one| {
            let standing = text(one, "standing");
            // An older program has not written it.
            let failed = one["failed"].as_bool().unwrap_or_else(|| {
                let is_unmeasured = standing == "unmeasured" && self.state == RunState::Finished;
                standing == "crossed" || is_unmeasured
            });
            Judged {
                text: text(one, "text"),
                standing,
                measured: text(one, "measured"),
                failed,
            }
        });
        judged.collect()
    }

    /// What became of it, in a word: running, interrupted, failed or passed by its thresholds, or
    /// finished.
    pub fn result(&self) -> &'static str {
        let judged = self.judged();
        match self.state {
            RunState::Running => "running",
            RunState::Interrupted => "interrupted",
            RunState::Finished if judged.iter().any(|it| it.failed) => "failed",
            RunState::Finished if !judged.is_empty() => "passed",
            RunState::Finished => "finished",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;

    fn run(state: RunState, thresholds: &str) -> Run {
        Run {
            id: "a".into(),
            started_ms: 0,
            ended_ms: 0,
            state,
            about: format!("{{\"thresholds\": [{thresholds}]}}"),
            marks: "[]".into(),
            is_pinned: false,
            label: Label::default(),
        }
    }

    #[test]
    fn a_run_has_failed_by_what_could_not_be_measured() {
        let said = r#"{"text": "p95>1s", "standing": "unmeasured", "failed": true}"#;
        assert_eq!(run(RunState::Finished, said).result(), "failed");
        let old = r#"{"text": "p95>1s", "standing": "unmeasured"}"#;
        assert_eq!(run(RunState::Finished, old).result(), "failed");
        let interrupted = run(RunState::Interrupted, old);
        assert_eq!(interrupted.result(), "interrupted");
        assert!(!interrupted.judged()[0].failed);
        let near = r#"{"text": "p95>1s", "standing": "near"}"#;
        assert_eq!(run(RunState::Finished, near).result(), "passed");
        let crossed = r#"{"text": "p95>1s", "standing": "crossed"}"#;
        assert_eq!(run(RunState::Finished, crossed).result(), "failed");
        assert_eq!(run(RunState::Finished, "").result(), "finished");
    }
}
