//! What a run came to, in sentences.

use katydid_core::calendar::rounded;
use katydid_core::health::{BUSY_PERCENT, LATE};
use katydid_core::report::words::{self, many};

use katydid_store::Judged;

use crate::model::{Found, Report, fail_ratio, quantile};
use crate::numbers::{clock, count, millis, percent, span, three, write};

/// How far the numbers of a run can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nothing is known that speaks against them.
    Sound,
    /// The generator may have distorted them.
    Suspect,
    /// Something is missing from them.
    Incomplete,
}

impl Trust {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Suspect => "suspect",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Report {
    /// The verdict in one sentence.
    pub fn verdict(&self) -> String {
        let all = self.thresholds.len();
        let failed = self.failed_by().count();
        match (self.result.as_str(), all, failed) {
            ("running", ..) => "The run is still under way.".to_owned(),
            ("interrupted", ..) => {
                "The run was interrupted: its process was gone before it ended. What was counted until then is here.".to_owned()
            }
            (_, 0, _) => "No thresholds were set, so nothing was decided.".to_owned(),
            (_, 1, 0) => "Passed: its threshold was met.".to_owned(),
            (_, all, 0) => format!("Passed: all {all} thresholds were met."),
            (_, all, failed) => {
                let first = self.failed_by().next();
                let measured = |it: &Judged| match it.standing.as_str() {
                    "unmeasured" => it.measured.clone(),
                    _ => format!("measured {}", it.measured),
                };
                let first = first.map_or_else(String::new, |it| format!("{} ({})", it.text, measured(it)));
                let others = match failed {
                    1 => String::new(),
                    more => format!(", and {} more", more - 1),
                };
                format!("Failed by {failed} of {all} thresholds: {first}{others}.")
            }
        }
    }

    /// What was done and how it went, in some sentences.
    pub fn summary(&self) -> String {
        let mut out = String::new();
        let target = match self.host() {
            "" => String::new(),
            host => format!(" against {host}"),
        };
        let requests = self.total.requests;
        let length = span(rounded(self.length()));
        let users = many(self.peak_users(), "user");
        let stretch = if self.is_whole {
            format!("{users} ran for {length}{target}")
        } else {
            let (from, to) = (
                self.elapsed(self.from).max(0.0),
                self.elapsed(self.to).max(0.0),
            );
            format!(
                "In {length} of the run, from {} to {}, up to {users} ran{target}",
                at(from),
                at(to)
            )
        };
        out.push_str(&stretch);
        if requests == 0 {
            out.push_str(" and made no request.");
            return out;
        }
        let rate = three(self.per_second(requests));
        let failed = match self.total.failures {
            0 => "none of them failed".to_owned(),
            failures => format!(
                "{} of them failed ({})",
                count(failures),
                percent(fail_ratio(&self.total))
            ),
        };
        write(
            &mut out,
            format_args!(
                " and made {} requests, {rate} per second; {failed}.",
                count(requests)
            ),
        );
        let times = self.total.times();
        if !times.is_empty() {
            let at = |part| millis(quantile(&times, part));
            write(
                &mut out,
                format_args!(
                    " Half of the answers took at most {}, 95 % {}, 99 % {}, the longest {}.",
                    at(0.5),
                    at(0.95),
                    at(0.99),
                    at(1.0)
                ),
            );
        }
        if let Some(row) = self.rows.first().filter(|_| self.rows.len() > 1) {
            let share = share(row, &self.rows);
            write(
                &mut out,
                format_args!(
                    " Most of the time, {}, went into {}.",
                    percent(Some(share)),
                    format!("{} {}", row.method, row.name).trim()
                ),
            );
        }
        if let Some(fault) = self.faults.first() {
            let pattern: String = fault.pattern.chars().take(160).collect();
            write(
                &mut out,
                format_args!(
                    " The most frequent failure, {} times: {} ({}).",
                    count(fault.count),
                    pattern,
                    format!("{} {}", fault.method, fault.name).trim()
                ),
            );
        }
        out
    }

    /// How far the numbers can be trusted, and why.
    pub fn trust(&self) -> (Trust, Vec<String>) {
        let mut trust = Trust::Sound;
        let mut reasons = Vec::new();
        let inside =
            |found: &&Found| found.to_ms / 1000 >= self.from && found.from_ms / 1000 <= self.to;
        for found in self.findings.iter().filter(inside) {
            trust = Trust::Suspect;
            let (from, to) = (found.from_ms / 1000, found.to_ms / 1000);
            let (from, to) = (at(self.elapsed(from)), at(self.elapsed(to)));
            reasons.push(format!("From {from} to {to}: {}", found.text));
        }
        for worker in self
            .workers
            .iter()
            .filter(|worker| worker.peak_cpu_percent >= BUSY_PERCENT)
        {
            trust = Trust::Suspect;
            reasons.push(format!(
                "{} used up to {:.0} % of a core: the generator, not the target, may have limited the rate.",
                worker.id, worker.peak_cpu_percent
            ));
        }
        let late = self
            .lateness
            .max()
            .map(|most| self.lateness.value_at_quantile(0.99).min(most));
        match late {
            Some(late) if late > LATE => {
                trust = Trust::Suspect;
                reasons.push(format!(
                    "1 % of the requests waited more than {} for the generator itself.",
                    millis(Some(late.as_millis_f64()))
                ));
            }
            Some(late) => reasons.push(format!(
                "99 % of the requests waited at most {} for the generator itself; that is not part of the response times.",
                millis(Some(late.as_millis_f64()))
            )),
            None => {}
        }
        if !self.losses.is_empty() {
            trust = Trust::Incomplete;
            reasons.extend(self.losses.iter().cloned());
        }
        if self.iterations.dropped > 0 {
            trust = Trust::Incomplete;
            reasons.push(words::dropped(&self.iterations));
        }
        if self.result == "interrupted" {
            trust = Trust::Incomplete;
            reasons.push("The last two seconds before the interruption may be missing.".to_owned());
        }
        if trust == Trust::Sound {
            let plain =
                "Nothing on the generator's side is known to have limited or distorted the run.";
            reasons.insert(0, plain.to_owned());
        }
        reasons.push(
            "Percentiles are read from merged histograms of all requests, three digits, microseconds; none is an average of percentiles.".to_owned(),
        );
        reasons.push(if self.iterations.are_scheduled() {
            "Open model: iterations were due at a rate, whatever the target did. Response times count from when the request was due, service times from when the engine took it up.".to_owned()
        } else {
            "Closed model: each user waits for an answer before it asks again, so response times are service times.".to_owned()
        });
        (trust, reasons)
    }
}

/// The part of all requests' time that went into a name.
pub(crate) fn share(row: &crate::model::Row, rows: &[crate::model::Row]) -> f64 {
    let taken = |row: &crate::model::Row| {
        let times = row.count.times();
        times.mean().unwrap_or(0.0) * times.count() as f64
    };
    let all: f64 = rows.iter().map(taken).sum();
    if all > 0.0 { taken(row) / all } else { 0.0 }
}

/// A moment of the run.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run, not below zero"
)]
pub(crate) fn at(elapsed: f64) -> String {
    clock(elapsed.max(0.0) as u64)
}
