//! The order users are started in, for scripts that want to see or change it.

use std::collections::BTreeMap;

use katydid_core::dispatch::{Class, Dispatcher};
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Users by class, by worker.
type Distribution = BTreeMap<String, BTreeMap<String, u32>>;

/// Decides which worker starts users of which class, when.
#[pyclass(frozen, name = "Dispatcher", module = "katydid._core")]
pub(crate) struct PyDispatcher(Mutex<Dispatcher>);

/// Classes out of names, weights and fixed counts.
pub(crate) fn classes(given: Vec<(String, f64, u32)>) -> Vec<Class> {
    let classes = given.into_iter();
    classes
        .map(|(name, weight, fixed_count)| Class {
            name,
            weight,
            fixed_count,
        })
        .collect()
}

#[pymethods]
impl PyDispatcher {
    #[new]
    fn new(workers: Vec<String>, user_classes: Vec<(String, f64, u32)>) -> Self {
        let dispatcher = Dispatcher::new(workers, &classes(user_classes));
        Self(Mutex::new(dispatcher))
    }

    /// Begins to move towards a number of users.
    #[pyo3(signature = (target, spawn_rate, user_classes=None))]
    fn start(
        &self,
        target: u32,
        spawn_rate: f64,
        user_classes: Option<Vec<(String, f64, u32)>>,
    ) -> PyResult<()> {
        let chosen = user_classes.map(classes);
        self.0
            .lock()
            .start(target, spawn_rate, chosen.as_deref())
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// All users there are to be next and the seconds until the step after; none after the last.
    fn step(&self) -> Option<(Distribution, Option<f64>)> {
        let step = self.0.lock().step()?;
        Some((step.users, step.pause.map(|pause| pause.as_secs_f64())))
    }

    fn distribution(&self) -> Distribution {
        self.0.lock().distribution()
    }

    fn add_worker(&self, worker: String) {
        self.0.lock().add_worker(worker);
    }

    fn remove_worker(&self, worker: &str) {
        self.0.lock().remove_worker(worker);
    }

    #[getter]
    fn in_progress(&self) -> bool {
        self.0.lock().in_progress()
    }

    #[getter]
    fn user_count(&self) -> u32 {
        self.0.lock().user_count()
    }
}
