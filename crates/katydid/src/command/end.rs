//! The end of a run: the last counts, the files, the tables, the exit code.

use std::io;
use std::path::Path;
use std::time::Duration;

use katydid_core::report::{thresholds, words};
use katydid_core::snapshot::Snapshot;
use katydid_core::threshold::{Threshold, Verdict};
use katydid_web::Telling;

use super::output;
use super::run::Run;
use super::settings::Part;

/// Exit code of a run that has failed by a threshold.
const FAILED_BY_THRESHOLD: i32 = 3;
/// How long the last metrics may take to arrive, once the test is over.
const PUSHING: Duration = Duration::from_secs(5);

impl Run {
    /// Ends everything, prints what is to be printed; the exit code.
    pub(super) async fn shut_down(&self) -> i32 {
        // A master's workers end their users when they are told to quit. Locust's report what they have not yet
        // reported only then, and not when they are told to stop.
        let is_master = self.settings.part == Part::Master;
        if !is_master || self.is_stopping.get() {
            self.stop(self.patience.get()).await;
        }
        self.leave().await;
        let children = self.children.take();
        if let Some(children) = children {
            children.end().await;
        }
        if let Some(recorder) = self.recorder.get() {
            recorder.flush();
        }
        if let Some(push) = self.push.get() {
            push.finish(PUSHING);
        }
        let snapshot = self.node.snapshot_now();
        let verdicts = judged(&snapshot);
        let code = self.exit_code(&snapshot, &verdicts);
        self.console.end_line();
        if self.settings.part != Part::Worker {
            for sentence in words::shortfalls(&snapshot) {
                self.console.warn(sentence);
            }
        }
        self.console
            .info(format_args!("Shutting down (exit code {code})"));
        if self.settings.part != Part::Worker {
            self.print(&snapshot, &verdicts);
        }
        self.service.stop();
        code
    }

    pub(super) fn exit_code(&self, snapshot: &Snapshot, verdicts: &[(Threshold, Verdict)]) -> i32 {
        if let Some(code) = self.code.get() {
            return code;
        }
        if verdicts.iter().any(|(_, verdict)| verdict.failed) {
            return FAILED_BY_THRESHOLD;
        }
        let of_failures =
            |(threshold, _): &(Threshold, Verdict)| threshold.metric().is_of_failures();
        let counts = !verdicts.iter().any(of_failures);
        let has_failed = counts && snapshot.stats.total().failures > 0;
        if self.settings.part != Part::Worker && (has_failed || !snapshot.exceptions.is_empty()) {
            return self
                .settings
                .given
                .number("exit_code_on_error")
                .unwrap_or(1);
        }
        0
    }

    pub(super) fn print(&self, snapshot: &Snapshot, verdicts: &[(Threshold, Verdict)]) {
        let given = &self.settings.given;
        let could_not = |path: &str, error: io::Error| {
            self.console
                .error(format_args!("Could not write {path}: {error}"));
        };
        self.write_csv(snapshot);
        if given.flag("json") {
            self.console.print(&output::json(snapshot));
        }
        if let Some(path) = given.text("json_file") {
            let path = format!("{path}.json");
            if let Err(error) = output::write_whole(Path::new(&path), &output::json(snapshot)) {
                could_not(&path, error);
                // Not to lose the numbers.
                self.console.tables(&output::tables(snapshot));
            }
        } else {
            self.console.tables(&output::tables(snapshot));
        }
        self.console.tables(&thresholds::table(verdicts));
        if let Some(path) = given.text("junit_file") {
            let xml = thresholds::junit(verdicts, &self.settings.name);
            if let Err(error) = output::write_whole(Path::new(path), &xml) {
                could_not(path, error);
            }
        }
        if let Some(path) = given.text("html_file") {
            let chosen = self.chosen.borrow();
            let path = output::html_path(path, chosen.users, chosen.spawn_rate, chosen.run_time);
            let report = self.service.report(&Telling::default());
            if let Err(error) = output::write_whole(Path::new(&path), &report) {
                could_not(&path, error);
            }
        }
        for exception in snapshot.exceptions.iter() {
            self.console.tables(&format!(
                "Exception, {} times: {}\n\n",
                exception.count, exception.msg
            ));
        }
        if self.console.has_line {
            self.console
                .tables(&words::summary(snapshot, self.peak_cpu.get()));
        }
    }
}

/// What became of the conditions that a run is judged by.
fn judged(snapshot: &Snapshot) -> Vec<(Threshold, Verdict)> {
    let judged = snapshot.thresholds.iter().map(|watched| {
        let threshold = watched.threshold.clone();
        let verdict = threshold.judge(&snapshot.stats, &snapshot.registry);
        (threshold, verdict)
    });
    judged.collect()
}
