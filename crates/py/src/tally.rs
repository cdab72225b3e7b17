//! Statistics of their own, for scripts that make `RequestStats` and `StatsEntry` objects by hand.
//!
//! The same counting as the engine's, without its threads: what is recorded is there at once.

use std::sync::Arc;

use katydid_core::locust::Recent;
use katydid_core::recorder::Recorder;
use katydid_core::registry::Registry;
use katydid_core::report::text;
use katydid_core::sample::{Sample, Times};
use katydid_core::stats::Stats;
use katydid_core::units::Nanos;
use katydid_http::timing::Stamp;
use katydid_wire::report;
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::stats;
use crate::values::from_python;

/// Statistics that belong to no run.
#[pyclass(frozen, module = "katydid._core")]
pub(crate) struct Tally {
    registry: Arc<Registry>,
    counted: Mutex<Counted>,
}

struct Counted {
    stats: Stats,
    recent: Recent,
}

impl Counted {
    fn add(&mut self, delta: &Stats) {
        if let Some(newest) = delta.total().last {
            self.recent.keep(self.stats.total(), newest);
        }
        self.stats.merge(delta);
    }
}

fn now() -> Nanos {
    Nanos::from_nanos(Stamp::now().epoch_nanos())
}

#[pymethods]
impl Tally {
    #[new]
    fn new() -> Self {
        Self {
            registry: Arc::new(Registry::new()),
            counted: Mutex::new(Counted {
                stats: Stats::starting(now()),
                recent: Recent::default(),
            }),
        }
    }

    /// Counts a request.
    #[pyo3(signature = (method, name, response_time, length=0, error=None))]
    fn record(
        &self,
        method: &str,
        name: &str,
        response_time: Option<f64>,
        length: i64,
        error: Option<&str>,
    ) {
        let times = response_time.map(|ms| Times {
            service: Nanos::from_millis_f64(ms),
            ..Times::default()
        });
        let length = u64::try_from(length).unwrap_or(0);
        self.count(method, name, times, length, error, true);
    }

    /// Counts an error without a request.
    fn record_error(&self, method: &str, name: &str, error: &str) {
        self.count(method, name, None, 0, Some(error), false);
    }

    /// Adds what `stats` gives elsewhere: Locust's dictionaries of entries, and of errors by key.
    fn merge(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let delta = delta_of(data, &self.registry)?;
        self.counted.lock().add(&delta);
        Ok(())
    }

    /// Everything counted so far, in Locust's words.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.counted.lock().stats.clone();
        stats::dict(py, &stats, &self.registry)
    }

    /// Rounded milliseconds that a part of the requests of about the last ten seconds stayed within.
    fn current_percentile(&self, part: f64) -> Option<u64> {
        let counted = self.counted.lock();
        let total = counted.stats.total();
        counted.recent.percentile(total, now(), part)
    }

    fn clear_stats(&self) {
        let mut counted = self.counted.lock();
        counted.stats.clear_all(now());
        counted.recent.clear();
    }

    fn reset_stats(&self) {
        let mut counted = self.counted.lock();
        counted.stats.reset_all(now());
        counted.recent.clear();
    }

    fn reset_entry(&self, method: &str, name: &str) {
        let key = self.registry.key(method, name);
        self.counted.lock().stats.reset_entry(key, now());
    }

    /// One of the console tables, empty where it would say nothing.
    fn table(&self, which: &str, name_width: usize) -> PyResult<String> {
        let counted = self.counted.lock();
        table(&counted.stats, &self.registry, which, name_width)
    }
}

impl Tally {
    fn count(
        &self,
        method: &str,
        name: &str,
        times: Option<Times>,
        bytes_in: u64,
        error: Option<&str>,
        counts_request: bool,
    ) {
        let key = self.registry.key(method, name);
        let mut recorder = Recorder::new();
        recorder.record(&Sample {
            key,
            error: error.map(|text| self.registry.error(key, text)),
            times,
            bytes_in,
            bytes_out: 0,
            at: now(),
            counts_request,
        });
        self.counted.lock().add(&recorder.take());
    }
}

/// Statistics out of Locust's dictionaries.
pub(crate) fn delta_of(data: &Bound<'_, PyAny>, registry: &Registry) -> PyResult<Stats> {
    let data = from_python(data)?;
    let report = report::decode(&data, registry);
    let report = report.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(report.stats)
}

/// One of the console tables.
pub(crate) fn table(
    stats: &Stats,
    registry: &Registry,
    which: &str,
    name_width: usize,
) -> PyResult<String> {
    let widths = text::Widths { name: name_width };
    match which {
        "requests" => Ok(text::requests(
            stats,
            registry,
            text::Rates::Current,
            widths,
        )),
        "requests_final" => Ok(text::requests(stats, registry, text::Rates::Total, widths)),
        "percentiles" => Ok(text::percentiles(stats, registry, widths)),
        "errors" => Ok(text::errors(stats, registry, widths)),
        _ => Err(PyValueError::new_err(format!(
            "there is no table {which:?}"
        ))),
    }
}
