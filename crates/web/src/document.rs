//! Everything that is read and not done, made from a snapshot: the page, its assets, and Locust's
//! statistics with the bytes that Locust's clients expect.
//!
//! Names, types and roundings are Locust's, and so are its oddities: a number is an integer while
//! nothing was counted and a float afterwards.

use katydid_core::locust::View;
use katydid_core::snapshot::{Snapshot, State};
use katydid_core::units::Nanos;
use serde_json::{Map, Value, json};

use crate::about::About;
use crate::{csv, flask, page};

/// How many entries, and how many errors, Locust lists at most.
const LISTED: usize = 500;

/// The paths of Locust's documents.
pub(crate) const PATHS: [&str; 6] = [
    "/stats/requests",
    "/stats/requests/csv",
    "/stats/failures/csv",
    "/stats/stats_history/csv",
    "/exceptions",
    "/exceptions/csv",
];

/// What is at a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Names and values of the response's headers.
    pub headers: Vec<(&'static str, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

impl Document {
    fn json(body: &Value) -> Self {
        Self {
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("cache-control", "no-store".to_owned()),
            ],
            body: flask::text(body).into_bytes(),
        }
    }

    fn csv(kind: &str, text: String, snapshot: &Snapshot, about: &About) -> Self {
        let name = csv::file_name(kind, snapshot, about);
        Self {
            headers: vec![
                ("content-type", "text/csv".to_owned()),
                (
                    "content-disposition",
                    format!("attachment;filename={name}.csv"),
                ),
            ],
            body: text.into_bytes(),
        }
    }
}

/// The document at a path, if there is one.
pub fn document(path: &str, snapshot: &Snapshot, about: &About) -> Option<Document> {
    let download = |kind, text| Document::csv(kind, text, snapshot, about);
    Some(match path {
        "/" => page::index(),
        "/stats/requests" => Document::json(&statistics(snapshot, about)),
        "/stats/requests/csv" => {
            let text = csv::requests(snapshot, &about.percentiles_to_report);
            download("requests", text)
        }
        "/stats/failures/csv" => download("failures", csv::failures(snapshot)),
        "/stats/stats_history/csv" => download("stats_history", csv::old_history(snapshot)),
        "/exceptions" => Document::json(&exceptions(snapshot)),
        "/exceptions/csv" => download("exceptions", csv::exceptions(snapshot)),
        _ => return page::asset(path.strip_prefix("/assets/")?),
    })
}

/// Exceptions that scripts did not catch.
pub(crate) fn exceptions(snapshot: &Snapshot) -> Value {
    let exceptions = snapshot.exceptions.iter().map(|exception| {
        json!({
            "count": exception.count,
            "msg": exception.msg,
            "traceback": exception.traceback,
            "nodes": csv::list(&exception.nodes),
        })
    });
    json!({ "exceptions": exceptions.collect::<Vec<_>>() })
}

/// The statistics and the state of the run.
fn statistics(snapshot: &Snapshot, about: &About) -> Value {
    let total = snapshot.stats.view(snapshot.stats.total());
    let current = about.percentiles_to_chart.iter();
    let current = current.map(|&part| (percentile_key(part), snapshot.current_percentile(part)));
    let mut body = json!({
        "stats": entries(snapshot, about, LISTED),
        "errors": errors(snapshot, LISTED),
        "current_rps": current_rate(total.current_rps(), total),
        "current_fail_per_sec": current_rate(total.current_fail_per_sec(), total),
        "total_rps": total.total_rps(),
        "total_fail_per_sec": total.total_fail_per_sec(),
        "fail_ratio": total.fail_ratio(),
        "current_response_time_percentiles":
            current.map(|(key, time)| (key, json!(time))).collect::<Map<_, _>>(),
        "state": snapshot.run.state.as_str(),
        "user_count": snapshot.run.users,
    });
    if let Some(workers) = &snapshot.workers {
        let listed = workers.iter().map(|worker| {
            json!({
                "id": worker.id,
                "state": worker.state.as_str(),
                "user_count": worker.users,
                "cpu_usage": worker.cpu_percent,
                "memory_usage": worker.memory_bytes,
            })
        });
        body["workers"] = listed.collect();
        body["worker_count"] = json!(worker_count(snapshot));
        if about.is_old {
            body["slaves"] = body["workers"].clone();
        }
    }
    if about.is_old {
        for (key, part) in [
            ("current_response_time_percentile_50", 0.5),
            ("current_response_time_percentile_95", 0.95),
        ] {
            body[key] = json!(snapshot.current_percentile(part));
        }
    }
    body
}

/// How many workers a master can hear of; none where there is no master.
pub(crate) fn worker_count(snapshot: &Snapshot) -> usize {
    let workers = snapshot.workers.iter().flat_map(|workers| workers.iter());
    let heard_of = workers.filter(|worker| worker.state != State::Missing);
    heard_of.count()
}

/// The first entries by name, and that of all of them.
pub(crate) fn entries(snapshot: &Snapshot, about: &About, most: usize) -> Vec<Value> {
    let total = snapshot.stats.view(snapshot.stats.total());
    let named = csv::by_name(snapshot).into_iter().take(most);
    let mut entries: Vec<_> = named
        .map(|(name, view)| entry(&name.method, &name.name, view, total, about))
        .collect();
    entries.push(entry("", "Aggregated", total, total, about));
    entries
}

fn entry(method: &str, name: &str, view: View, total: View, about: &About) -> Value {
    let counted = view.entry();
    let mut fields = json!({
        "method": method,
        "name": name,
        "num_requests": counted.requests,
        "num_failures": counted.failures,
        "min_response_time": counted.min_time.map_or(json!(0), |min| json!(whole(min))),
        "max_response_time": whole(counted.max_time),
        "current_rps": current_rate(view.current_rps(), total),
        "current_fail_per_sec": current_rate(view.current_fail_per_sec(), total),
        "avg_response_time": view.avg_response_time(),
        "median_response_time": median(view),
        "total_rps": view.total_rps(),
        "total_fail_per_sec": view.total_fail_per_sec(),
        "avg_content_length": or_zero(counted.requests > 0, view.avg_content_length()),
    });
    for &part in &about.percentiles_to_statistics {
        fields[percentile_key(part)] = json!(view.percentile(part));
    }
    if about.is_old {
        fields["safe_name"] = json!(page::escaped(name));
        fields["ninetieth_response_time"] = json!(view.percentile(0.9));
    }
    fields
}

/// The first errors.
pub(crate) fn errors(snapshot: &Snapshot, most: usize) -> Vec<Value> {
    let errors = snapshot.stats.errors().take(most).map(|(error, count)| {
        let error = snapshot.registry.error_name(error);
        let name = snapshot.registry.name(error.key);
        json!({
            "method": &*name.method,
            "name": &*name.name,
            "error": &*error.text,
            "occurrences": count.occurrences,
            "first_seen": count.first_seen.as_secs_f64(),
            "last_seen": count.last_seen.as_secs_f64(),
        })
    });
    errors.collect()
}

fn percentile_key(part: f64) -> String {
    format!("response_time_percentile_{}", flask::float(part))
}

/// A time in whole milliseconds, half a millisecond rounded up; a float, as in Locust.
fn whole(time: Nanos) -> f64 {
    time.as_millis_f64().round()
}

/// The median: an integer where it is a rounded time, a float where it is an exact one.
pub(crate) fn median(view: View) -> Value {
    let (median, rounded) = (view.median_response_time(), view.percentile(0.5));
    let is_rounded = median.total_cmp(&(rounded as f64)).is_eq();
    or_integer(!is_rounded, median, rounded)
}

/// A rate of the last seconds, an integer until the first request.
fn current_rate(rate: f64, total: View) -> Value {
    or_zero(total.entry().last.is_some(), rate)
}

/// A float, or the integer zero where there is none.
pub(crate) fn or_zero(exists: bool, number: f64) -> Value {
    or_integer(exists, number, 0)
}

fn or_integer(is_float: bool, float: f64, integer: u64) -> Value {
    if is_float {
        json!(float)
    } else {
        json!(integer)
    }
}
