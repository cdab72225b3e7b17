//! Numbers for spreadsheets and programs.

use katydid_core::report::thresholds::{Case, junit_of};
use katydid_core::trip::PHASES;
use katydid_core::units::Micros;
use katydid_core::window::Count;
use serde_json::{Value, json};

use crate::model::{Report, quantile};
use crate::numbers::{seconds, write};

/// A text that no spreadsheet takes for a formula.
pub(crate) fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = text.replace('"', "\"\"");
    format!("\"{}{text}\"", if formula { "'" } else { "" })
}

impl Report {
    /// Names with what was counted under them, in their order, and all together at the end.
    pub fn counted(&self) -> impl Iterator<Item = (&str, &str, &Count)> {
        let rows = self
            .rows
            .iter()
            .map(|row| (&*row.method, &*row.name, &row.count));
        rows.chain([("", "Aggregated", &self.total)])
    }

    /// A row for each name, and one for all.
    pub fn requests_csv(&self) -> String {
        let mut out = "method,name,requests,failures,requests_per_second,p50_ms,p90_ms,p95_ms,p99_ms,p99.9_ms,\
            min_ms,mean_ms,max_ms,bytes_in,bytes_out\n"
            .to_owned();
        for (method, name, count) in self.counted() {
            let times = count.times();
            let number =
                |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            write(
                &mut out,
                format_args!(
                    "{},{},{},{},{}",
                    quoted(method),
                    quoted(name),
                    count.requests,
                    count.failures,
                    self.per_second(count.requests)
                ),
            );
            let parts = [0.5, 0.9, 0.95, 0.99, 0.999].map(|part| quantile(&times, part));
            let ends = [
                times.min().map(Micros::as_millis_f64),
                times.mean().map(|micros| micros / 1e3),
                times.max().map(Micros::as_millis_f64),
            ];
            for value in parts.into_iter().chain(ends) {
                write(&mut out, format_args!(",{}", number(value)));
            }
            write(
                &mut out,
                format_args!(",{},{}\n", count.bytes_in, count.bytes_out),
            );
        }
        out
    }

    /// A row for each kind of failure.
    pub fn failures_csv(&self) -> String {
        let mut out = "method,name,kind,error,occurrences\n".to_owned();
        for fault in &self.faults {
            write(
                &mut out,
                format_args!(
                    "{},{},{},{},{}\n",
                    quoted(&fault.method),
                    quoted(&fault.name),
                    quoted(fault.kind),
                    quoted(&fault.pattern),
                    fault.count
                ),
            );
        }
        out
    }

    /// A row for each step, of all requests together.
    pub fn seconds_csv(&self) -> String {
        let mut out = "time,elapsed_s,seconds,users,wanted,ok,failed,p50_ms,p90_ms,p95_ms,p99_ms,max_ms,bytes_in,bytes_out\n".to_owned();
        for step in &self.steps {
            write(
                &mut out,
                format_args!(
                    "{},{},{},{},{},{},{}",
                    step.t,
                    seconds(self.elapsed(step.t)),
                    step.seconds,
                    step.users,
                    step.wanted,
                    step.ok,
                    step.failed
                ),
            );
            for place in 0..5 {
                let time = step.times[place].map(|time| time.as_millis_f64().to_string());
                write(&mut out, format_args!(",{}", time.unwrap_or_default()));
            }
            write(
                &mut out,
                format_args!(",{},{}\n", step.bytes_in, step.bytes_out),
            );
        }
        out
    }

    /// The thresholds as `JUnit`'s XML.
    pub fn junit(&self) -> String {
        let cases = self.thresholds.iter().map(|judged| Case {
            text: judged.text.clone(),
            measured: judged.measured.clone(),
            failed: judged.failed,
        });
        junit_of(&cases.collect::<Vec<_>>(), self.title())
    }

    /// Everything but the charts, for programs.
    pub fn json(&self) -> Value {
        let row = |(method, name, count): (&str, &str, &Count)| {
            let (times, response) = (count.times(), count.response_times());
            json!({
                "method": method,
                "name": name,
                "requests": count.requests,
                "failures": count.failures,
                "requests_per_second": self.per_second(count.requests),
                "p50": quantile(&times, 0.5),
                "p90": quantile(&times, 0.9),
                "p95": quantile(&times, 0.95),
                "p99": quantile(&times, 0.99),
                "p999": quantile(&times, 0.999),
                "min": times.min().map(Micros::as_millis_f64),
                "mean": times.mean().map(|micros| micros / 1e3),
                "max": times.max().map(Micros::as_millis_f64),
                "response_p50": quantile(&response, 0.5),
                "response_p95": quantile(&response, 0.95),
                "response_p99": quantile(&response, 0.99),
                "response_max": response.max().map(Micros::as_millis_f64),
                "success_p50": quantile(&count.ok, 0.5),
                "success_p95": quantile(&count.ok, 0.95),
                "success_p99": quantile(&count.ok, 0.99),
                "bytes_in": count.bytes_in,
                "bytes_out": count.bytes_out,
                "statuses": count.trips.statuses(),
                "phases": phases(count),
            })
        };
        let mut entries: Vec<_> = self.counted().map(row).collect();
        let total = entries.pop();
        let (trust, reasons) = self.trust();
        json!({
            "id": self.run,
            "result": self.result,
            "verdict": self.verdict(),
            "summary": self.summary(),
            "trust": { "is": trust.as_str(), "reasons": reasons },
            "started_ms": self.started_ms,
            "ended_ms": self.ended_ms,
            "from": self.from,
            "to": self.to,
            "total": total,
            "entries": entries,
            "lateness_p99": quantile(&self.lateness, 0.99),
            "iterations": {
                "due": self.iterations.due,
                "started": self.iterations.started,
                "finished": self.iterations.finished,
                "late": self.iterations.late,
                "dropped": self.iterations.dropped,
                "lateness_p50": quantile(&self.iterations.lateness, 0.5),
                "lateness_p99": quantile(&self.iterations.lateness, 0.99),
            },
            "errors": self.faults.iter().map(|fault| json!({
                "method": fault.method,
                "name": fault.name,
                "kind": fault.kind,
                "pattern": fault.pattern,
                "count": fault.count,
            })).collect::<Vec<_>>(),
            "thresholds": self.thresholds,
            "marks": self.marks.iter().map(|mark| json!({
                "t": mark.at_ms,
                "kind": mark.kind.as_str(),
                "text": mark.text,
                "by": mark.by,
            })).collect::<Vec<_>>(),
            "about": self.about,
        })
    }
}

/// How many requests had each phase, how long it took on average and at the most.
fn phases(count: &Count) -> Value {
    let all = PHASES.iter().zip(count.trips.phases());
    let some = all.filter(|(_, phase)| phase.count > 0);
    let some = some.map(|(name, phase)| {
        let mean = phase.sum.as_millis_f64() / phase.count as f64;
        let shown = json!({ "count": phase.count, "mean": mean, "max": phase.max.as_millis_f64() });
        ((*name).to_owned(), shown)
    });
    Value::Object(some.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_a_formula() {
        assert_eq!(quoted("=cmd"), "\"'=cmd\"");
        assert_eq!(quoted("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
