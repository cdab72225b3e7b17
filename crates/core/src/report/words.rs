//! A run in a few words: while it lasts on one line, at its end in some sentences.

use std::fmt::Write as _;

use crate::health::{self, BUSY_PERCENT, LATE, MORE_USERS};
use crate::histogram::Histogram;
use crate::iteration::{Iterations, LATE as LATE_ITERATION};
use crate::series::Point;
use crate::snapshot::{Loss, Snapshot};
use crate::units::Micros;

/// Seconds between two reports of a worker.
const REPORT_SECONDS: usize = 3;

/// One line: time left, users, requests per second, failures and the 95th percentile.
pub fn line(snapshot: &Snapshot) -> String {
    let run = &snapshot.run;
    let elapsed = run
        .started_ms
        .map_or(0, |start| snapshot.at_ms.saturating_sub(start));
    let time = match run.run_time {
        Some(length) => {
            let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            format!("{} left", clock(length.saturating_sub(elapsed)))
        }
        None => clock(elapsed),
    };
    let users = if run.users == run.target_users {
        many(run.users, "user")
    } else {
        let running = count(u64::from(run.users));
        format!("{running} of {}", many(run.target_users, "user"))
    };
    let mut out = format!("{time}   {users}");
    let total = snapshot.stats.total();
    let points = &snapshot.series;
    if let Some(newest) = points.last() {
        // Workers report for some seconds at once.
        let seconds = if snapshot.workers.is_some() {
            REPORT_SECONDS.min(points.len())
        } else {
            1
        };
        let made: u64 = points
            .iter_from(points.len() - seconds)
            .map(|point| point.ok + point.failed)
            .sum();
        let made = made / (seconds as u64 * points.step());
        write!(out, "   {} requests/s", count(made)).expect("a string takes everything");
        #[expect(clippy::cast_precision_loss, reason = "milliseconds are not that many")]
        let p95 = newest.p95.map(Micros::as_millis_f64).or_else(|| {
            snapshot.workers.as_ref()?;
            snapshot.current_percentile(0.95).map(|ms| ms as f64)
        });
        if let Some(p95) = p95 {
            write!(out, "   p95 {}", millis(p95)).expect("a string takes everything");
        }
    }
    write!(out, "   {} failed", percent(total.failures, total.requests))
        .expect("a string takes everything");
    let all = snapshot.stats.iterations();
    for (number, word) in [(all.late, "late"), (all.dropped, "dropped")] {
        if number > 0 {
            write!(out, "   {} {word}", count(number)).expect("a string takes everything");
        }
    }
    out
}

/// Some sentences: what was asked for, what was reached, what limited it, and what to look at.
///
/// The processor time is the most that was seen, 100 for one core.
pub fn summary(snapshot: &Snapshot, peak_cpu_percent: f64) -> String {
    let run = &snapshot.run;
    let total = snapshot.stats.total();
    let most = |of: fn(&Point) -> u32, now| snapshot.series.iter().map(of).fold(now, u32::max);
    let users = most(|point| point.users, run.users);
    let wanted = most(|point| point.target, run.target_users);
    let lasted = match (run.started_ms, run.ended_ms.unwrap_or(snapshot.at_ms)) {
        (Some(start), end) => clock(end.saturating_sub(start)),
        _ => "no time".to_owned(),
    };
    let view = snapshot.stats.view(total);
    let mut out = format!("{} ran for {lasted} and made ", many(users, "user"));
    match total.requests {
        0 => out.push_str("no request.\n"),
        requests => writeln!(
            out,
            "{} requests, {:.1} per second; {} of them failed.",
            count(requests),
            view.total_rps(),
            percent(total.failures, requests),
        )
        .expect("a string takes everything"),
    }
    writeln!(out, "{}", asked(snapshot, wanted)).expect("a string takes everything");
    let service = total.histograms.service();
    if !service.is_empty() {
        let [half, most, nearly] = service
            .values_at([0.5, 0.95, 0.99])
            .map(Micros::as_millis_f64);
        writeln!(
            out,
            "Half of the answers took at most {}, 95 % {}, 99 % {}, the longest {}.",
            millis(half),
            millis(most),
            millis(nearly),
            millis(total.max_time.as_millis_f64()),
        )
        .expect("a string takes everything");
    }
    for sentence in clocks(snapshot) {
        writeln!(out, "{sentence}").expect("a string takes everything");
    }
    if users < wanted {
        out.push_str("The run ended, or users did, before all had been started.\n");
    }
    let workers = snapshot.workers.iter().flat_map(|workers| workers.iter());
    let rounded: Vec<_> = workers.filter(|worker| !worker.is_exact).collect();
    if !rounded.is_empty() {
        let names: Vec<_> = rounded.iter().map(|worker| worker.id.as_str()).collect();
        writeln!(
            out,
            "Response times of {} have only Locust's two digits.",
            names.join(", ")
        )
        .expect("a string takes everything");
    }
    for loss in losses(snapshot) {
        writeln!(out, "{loss}").expect("a string takes everything");
    }
    for reason in limits(snapshot, peak_cpu_percent) {
        writeln!(out, "{reason}").expect("a string takes everything");
    }
    out
}

/// What is to be said of the other two clocks, and of iterations that were due.
fn clocks(snapshot: &Snapshot) -> Vec<String> {
    let stats = &snapshot.stats;
    let histograms = &stats.total().histograms;
    let all = stats.iterations();
    if !all.are_scheduled() {
        let has_times =
            !histograms.response_ok.is_empty() || !histograms.response_failed.is_empty();
        let words = "Closed model: users wait for answers, so these are service times; a target that \
                     stalls is asked less. --rate asks whatever it answers.";
        return has_times.then(|| words.to_owned()).into_iter().collect();
    }
    let mut said = Vec::new();
    let quantiles = |times: &Histogram| {
        let longest = times.max()?;
        let [half, most, nearly] = times
            .values_at([0.5, 0.95, 0.99])
            .map(|time| millis(time.min(longest).as_millis_f64()));
        let longest = millis(longest.as_millis_f64());
        Some(format!(
            "{half}, 95 % {most}, 99 % {nearly}, the longest {longest}"
        ))
    };
    if let Some(times) = quantiles(&histograms.response()) {
        said.push(format!(
            "Counted from when they were due, half of the answers took at most {times}."
        ));
    }
    if let Some(times) = quantiles(&histograms.lateness) {
        said.push(format!(
            "Of that, the generator's own delay was for half of them at most {times}."
        ));
    }
    let mut begun = format!(
        "{} of {} iterations that were due have begun",
        count(all.lateness.count()),
        count(all.due)
    );
    if let Some(times) = quantiles(&all.lateness) {
        write!(begun, ", half of them at most {times} after that")
            .expect("a string takes everything");
    }
    said.push(format!("{begun}."));
    if all.late > 0 || all.dropped > 0 {
        let settled = all.lateness.count() + all.dropped;
        said.push(format!(
            "{} of them were late (over {} ms): {}; dropped, as no user was free in time: {} ({}).",
            count(all.late),
            LATE_ITERATION.as_millis(),
            percent(all.late, settled),
            count(all.dropped),
            percent(all.dropped, settled),
        ));
    }
    said
}

/// What is missing from the numbers because workers went with it, a sentence for each.
pub fn losses(snapshot: &Snapshot) -> Vec<String> {
    snapshot.lost.iter().map(loss).collect()
}

/// What the run has not done of what was asked for, and what is missing from its numbers, a sentence for each.
pub fn shortfalls(snapshot: &Snapshot) -> Vec<String> {
    let all = snapshot.stats.iterations();
    let dropped = (all.dropped > 0).then(|| dropped(all));
    losses(snapshot).into_iter().chain(dropped).collect()
}

/// Iterations were dropped.
pub fn dropped(all: &Iterations) -> String {
    format!(
        "{} of {} iterations that were due did not begin, because no user was free in time: the load was less than asked for. {MORE_USERS}",
        count(all.dropped),
        count(all.due),
    )
}

/// What is missing from the numbers because a worker went with it.
pub fn loss(loss: &Loss) -> String {
    let seconds = loss.until_ms.saturating_sub(loss.from_ms).div_ceil(1_000);
    let missing = match loss.requests {
        0 => format!("what it did in {seconds} s is not counted"),
        requests => format!(
            "about {} requests that it made in {seconds} s are not counted",
            count(requests)
        ),
    };
    let users = many(loss.users, "user");
    format!("Worker {} was lost with {users}: {missing}.", loss.worker)
}

/// What was asked for.
fn asked(snapshot: &Snapshot, users: u32) -> String {
    let run = &snapshot.run;
    let time = run.run_time.map_or_else(
        || "until stopped".to_owned(),
        |time| {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            format!("for {}", clock(ms))
        },
    );
    if let Some(rate) = &run.rate {
        let most = rate.most_users.map_or_else(String::new, |most| {
            format!(", on {} at most", many(most, "user"))
        });
        return format!("Asked for: iterations at {}{most}, {time}.", rate.schedule);
    }
    let rate = if run.spawn_rate > 0.0 {
        format!(", {} more per second", run.spawn_rate)
    } else {
        String::new()
    };
    format!("Asked for: {}{rate}, {time}.", many(users, "user"))
}

/// The most processor time that this process or a worker uses now, 100 for one core.
pub fn busiest(snapshot: &Snapshot) -> f64 {
    let workers = snapshot.workers.iter().flat_map(|workers| workers.iter());
    workers
        .map(|worker| worker.cpu_percent)
        .fold(snapshot.run.cpu_percent, f64::max)
}

/// The part of their time that users waited for answers, if it is known.
#[expect(clippy::cast_precision_loss, reason = "what is shown has two digits")]
fn waiting(snapshot: &Snapshot) -> Option<f64> {
    let users: u64 = snapshot
        .series
        .iter()
        .map(|point| u64::from(point.users))
        .sum();
    let lived = (users * snapshot.series.step()) as f64;
    let waited = snapshot.stats.total().total_time.as_millis_f64() / 1e3;
    (lived > 0.0 && waited > 0.0).then(|| (waited / lived).min(1.0))
}

/// What kept the generator, or the target, from doing better.
fn limits(snapshot: &Snapshot, peak_cpu_percent: f64) -> Vec<String> {
    let mut reasons = Vec::new();
    if peak_cpu_percent >= BUSY_PERCENT {
        reasons.push(health::busy(peak_cpu_percent));
    }
    let lateness = snapshot
        .stats
        .total()
        .histograms
        .lateness
        .value_at_quantile(0.99);
    if lateness > LATE {
        reasons.push(health::late(lateness));
    }
    let mut most: Option<(u64, String)> = None;
    let (mut wants_files, mut wants_ports) = (false, false);
    for (id, errors) in snapshot.stats.errors() {
        let error = snapshot.registry.error_name(id);
        let (files, ports) = health::lacks(&error.text);
        wants_files |= files;
        wants_ports |= ports;
        if most
            .as_ref()
            .is_none_or(|(count, _)| errors.occurrences > *count)
        {
            let name = snapshot.registry.name(error.key);
            most = Some((
                errors.occurrences,
                format!("{} {}: {}", name.method, name.name, error.text),
            ));
        }
    }
    if wants_files {
        reasons.push(health::no_files().to_owned());
    }
    if wants_ports {
        reasons.push(health::no_ports().to_owned());
    }
    if reasons.is_empty() {
        let seen = "Nothing on this machine limited the run as far as could be seen";
        reasons.push(match waiting(snapshot) {
            Some(part) if part >= 0.5 => format!(
                "{seen}: users spent about {:.0} % of their time waiting for the target, whose answers set the rate.",
                part * 100.0
            ),
            Some(part) => format!(
                "{seen}: users spent about {:.0} % of their time waiting for the target, so more of them (-u), \
                 or shorter waits, make more load.",
                (part * 100.0).max(1.0)
            ),
            None => format!("{seen}."),
        });
    }
    if let Some((times, what)) = most {
        let what: String = what.chars().take(160).collect();
        reasons.push(format!(
            "The most frequent failure, {} times: {what}",
            count(times)
        ));
    }
    reasons
}

/// Hours, minutes and seconds.
fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, s) => format!("{h} h {m:02} min {s:02} s"),
    }
}

/// Milliseconds with about three digits.
pub(crate) fn millis(ms: f64) -> String {
    if ms >= 10_000.0 {
        format!("{:.1} s", ms / 1e3)
    } else if ms >= 100.0 {
        format!("{ms:.0} ms")
    } else if ms >= 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.2} ms")
    }
}

/// A number of things, in the singular where it is one.
pub fn many(number: u32, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", count(u64::from(number)))
}

/// A count with commas between thousands.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "what is shown has two digits")]
fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (0, _) | (_, 0) => "none".to_owned(),
        (part, whole) => format!("{:.2} %", part as f64 * 100.0 / whole as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_people_write_them() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567]
                .map(count)
                .each_ref()
                .map(String::as_str)
        );
        assert_eq!(many(1, "user"), "1 user");
        assert_eq!(many(2_000, "user"), "2,000 users");
        assert_eq!(clock(59_999), "59 s");
        assert_eq!(clock(61_000), "1 min 01 s");
        assert_eq!(clock(3_661_000), "1 h 01 min 01 s");
        assert_eq!(percent(1, 8), "12.50 %");
        assert_eq!(percent(0, 8), "none");
        assert_eq!(millis(1.234), "1.23 ms");
        assert_eq!(millis(12_345.0), "12.3 s");
    }
}
