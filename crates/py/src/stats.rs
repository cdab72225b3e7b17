//! Statistics as Python dictionaries, in Locust's words.

use katydid_core::iteration::Iterations;
use katydid_core::locust::View;
use katydid_core::per_second::PerSecond;
use katydid_core::registry::Registry;
use katydid_core::report::text;
use katydid_core::snapshot::Snapshot;
use katydid_core::stats::{Entry, Stats};
use katydid_core::threshold::{Threshold, Verdict};
use katydid_core::units::Nanos;
use katydid_wire::report;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::values::from_python;

pub(crate) fn dict<'py>(
    py: Python<'py>,
    stats: &Stats,
    registry: &Registry,
) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("total", entry(py, stats, stats.total(), "", "Aggregated")?)?;
    let mut entries = Vec::new();
    for (key, counted) in stats.entries() {
        let name = registry.name(key);
        entries.push(entry(py, stats, counted, &name.method, &name.name)?);
    }
    all.set_item("entries", entries)?;
    let mut errors = Vec::new();
    for (id, count) in stats.errors() {
        let named = registry.error_name(id);
        let name = registry.name(named.key);
        let error = PyDict::new(py);
        error.set_item("method", &*name.method)?;
        error.set_item("name", &*name.name)?;
        error.set_item("error", &*named.text)?;
        error.set_item("occurrences", count.occurrences)?;
        error.set_item("first_seen", count.first_seen.as_secs_f64())?;
        error.set_item("last_seen", count.last_seen.as_secs_f64())?;
        errors.push(error);
    }
    all.set_item("errors", errors)?;
    Ok(all)
}

fn entry<'py>(
    py: Python<'py>,
    stats: &Stats,
    counted: &Entry,
    method: &str,
    name: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let view: View<'_> = stats.view(counted);
    let dict = PyDict::new(py);
    dict.set_item("name", name)?;
    dict.set_item("method", method)?;
    dict.set_item("num_requests", counted.requests)?;
    dict.set_item("num_none_requests", counted.none_requests)?;
    dict.set_item("num_failures", counted.failures)?;
    dict.set_item("total_response_time", counted.total_time.as_millis_f64())?;
    dict.set_item("max_response_time", counted.max_time.as_millis_f64())?;
    dict.set_item(
        "min_response_time",
        counted.min_time.map(Nanos::as_millis_f64),
    )?;
    dict.set_item("total_content_length", counted.bytes_in)?;
    dict.set_item("start_time", counted.start.map(Nanos::as_secs_f64))?;
    dict.set_item(
        "last_request_timestamp",
        counted.last.map(Nanos::as_secs_f64),
    )?;
    let times = PyDict::new(py);
    for (time, count) in counted.buckets.iter() {
        times.set_item(time, count)?;
    }
    dict.set_item("response_times", times)?;
    dict.set_item(
        "num_reqs_per_sec",
        seconds(py, &counted.requests_by_second)?,
    )?;
    dict.set_item(
        "num_fail_per_sec",
        seconds(py, &counted.failures_by_second)?,
    )?;
    dict.set_item("fail_ratio", view.fail_ratio())?;
    dict.set_item("avg_response_time", view.avg_response_time())?;
    dict.set_item("median_response_time", view.median_response_time())?;
    dict.set_item("current_rps", view.current_rps())?;
    dict.set_item("current_fail_per_sec", view.current_fail_per_sec())?;
    dict.set_item("total_rps", view.total_rps())?;
    dict.set_item("total_fail_per_sec", view.total_fail_per_sec())?;
    dict.set_item("avg_content_length", view.avg_content_length())?;
    dict.set_item("true", true_times(py, counted)?)?;
    Ok(dict)
}

/// Counts of iterations, and milliseconds from due to begun by quantile.
pub(crate) fn iterations<'py>(py: Python<'py>, all: &Iterations) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("due", all.due)?;
    dict.set_item("started", all.started)?;
    dict.set_item("finished", all.finished)?;
    dict.set_item("late", all.late)?;
    dict.set_item("dropped", all.dropped)?;
    let quantiles = PyDict::new(py);
    for part in [0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
        let time = all.lateness.value_at_quantile(part);
        quantiles.set_item(format!("{part:?}"), time.as_millis_f64())?;
    }
    dict.set_item("lateness", quantiles)?;
    Ok(dict)
}

/// Counts by second of the Unix epoch.
fn seconds<'py>(py: Python<'py>, counts: &PerSecond) -> PyResult<Bound<'py, PyDict>> {
    let seconds = PyDict::new(py);
    for (second, count) in counts.iter() {
        seconds.set_item(second, count)?;
    }
    Ok(seconds)
}

/// The unrounded times in milliseconds: kind of time to quantile to value.
fn true_times<'py>(py: Python<'py>, counted: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let kinds = PyDict::new(py);
    let histograms = [
        ("service", counted.histograms.service()),
        ("service_ok", counted.histograms.service_ok.clone()),
        ("response", counted.histograms.response()),
        ("first_byte", counted.histograms.first_byte.clone()),
        ("lateness", counted.histograms.lateness.clone()),
    ];
    for (kind, histogram) in histograms {
        let quantiles = PyDict::new(py);
        for part in [0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let value =
                (histogram.count() > 0).then(|| histogram.value_at_quantile(part).as_millis_f64());
            quantiles.set_item(part, value)?;
        }
        kinds.set_item(kind, quantiles)?;
    }
    Ok(kinds)
}

pub(crate) fn exceptions<'py>(
    py: Python<'py>,
    snapshot: &Snapshot,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    snapshot
        .exceptions
        .iter()
        .map(|exception| {
            let dict = PyDict::new(py);
            dict.set_item("count", exception.count)?;
            dict.set_item("msg", &exception.msg)?;
            dict.set_item("traceback", &exception.traceback)?;
            dict.set_item("nodes", exception.nodes.iter().collect::<Vec<_>>())?;
            Ok(dict)
        })
        .collect()
}

/// Statistics out of Locust's dictionaries.
pub(crate) fn delta_of(data: &Bound<'_, PyAny>, registry: &Registry) -> PyResult<Stats> {
    let data = from_python(data)?;
    let report = report::decode(&data, registry);
    let report = report.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(report.stats)
}

/// One of the console tables; `parts` are the percentiles and their headings.
pub(crate) fn table(
    snapshot: &Snapshot,
    which: &str,
    widths: text::Widths,
    parts: &[(f64, String)],
) -> PyResult<String> {
    let (stats, registry) = (&snapshot.stats, &snapshot.registry);
    match which {
        "requests" => Ok(text::requests(
            stats,
            registry,
            text::Rates::Current,
            widths,
        )),
        "requests_final" => Ok(text::requests(stats, registry, text::Rates::Total, widths)),
        "percentiles" => {
            let parts: Vec<_> = parts
                .iter()
                .map(|(part, label)| (*part, label.as_str()))
                .collect();
            Ok(text::percentiles(stats, registry, widths, &parts))
        }
        "errors" => Ok(text::errors(stats, registry, widths)),
        _ => Err(PyValueError::new_err(format!(
            "there is no table {which:?}"
        ))),
    }
}

/// What became of the conditions that a run is judged by.
pub(crate) fn verdicts(snapshot: &Snapshot) -> Vec<(Threshold, Verdict)> {
    let judged = snapshot.thresholds.iter().map(|watched| {
        let threshold = watched.threshold.clone();
        let verdict = threshold.judge(&snapshot.stats, &snapshot.registry);
        (threshold, verdict)
    });
    judged.collect()
}

/// Reads conditions.
///
/// # Errors
///
/// `ValueError` for a text that is none; it points at what is wrong.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 makes the vector for this call"
)]
pub(crate) fn check_thresholds(texts: Vec<String>) -> PyResult<()> {
    thresholds(&texts).map(drop)
}

/// The conditions that texts are.
pub(crate) fn thresholds(texts: &[String]) -> PyResult<Vec<Threshold>> {
    let parse = |text: &String| {
        Threshold::parse(text).map_err(|error| PyValueError::new_err(error.to_string()))
    };
    texts.iter().map(parse).collect()
}
