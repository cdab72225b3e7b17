//! The extension module: the one door between the engine and the scripts.
//!
//! - [`engine`]: the engine as Python holds it
//! - [`client`], [`exchange`]: a session's way in, and what comes back
//! - [`parts`]: bodies in pieces, connections that are shared, doors for other threads
//! - [`door`], [`tickets`]: finished requests and messages on their way to Python
//! - [`io`]: the I/O thread, which sends and counts
//! - [`calls`]: what the web asks of Python
//! - [`fleet`], [`values`]: masters and workers, and what they send each other
//! - [`stats`]: the engine's facts in Locust's words
//!
//! Runtime threads never take the GIL and never hold a Python object.

mod arrivals;
mod calls;
mod client;
mod dispatcher;
mod door;
mod engine;
mod exchange;
mod fleet;
mod io;
mod parts;
mod stats;
mod tally;
mod tickets;
mod values;

use katydid_core::log::logs;
use katydid_core::units::Nanos;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps a line that was logged, for the page. The time is in seconds since the Unix epoch.
#[pyfunction]
fn log(created: f64, level: &str, logger: &str, text: &str) {
    let at = Nanos::from_millis_f64(created * 1e3);
    logs().add(at.as_millis(), level, logger, text);
}

/// `katydid target ...`: runs the demo target until it is interrupted.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 makes the vector for this call"
)]
fn target_main(py: Python<'_>, arguments: Vec<String>) -> i32 {
    py.detach(|| katydid::target::main(&arguments))
}

/// Looks at runs that are kept, as the command line says; the exit code.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 makes the vector for this call"
)]
fn runs_main(py: Python<'_>, arguments: Vec<String>) -> i32 {
    py.detach(|| katydid::runs::main(&arguments))
}

/// Whether a command line asks for URLs, and names no script.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 makes the vector for this call"
)]
fn is_url_mode(arguments: Vec<String>) -> bool {
    katydid::is_url_mode(&arguments)
}

/// Sends requests for URLs, as the command line says; the exit code.
#[pyfunction]
#[expect(
    clippy::needless_pass_by_value,
    reason = "pyo3 makes the vectors for this call"
)]
fn urls_main(py: Python<'_>, launcher: Vec<String>, arguments: Vec<String>) -> i32 {
    py.detach(|| katydid::run_urls(&launcher, &arguments))
}

/// Every command-line option, once.
#[pyfunction]
fn option_table(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let table = serde_json::to_string(katydid::options::OPTIONS).expect("the table is plain data");
    py.import("json")?.call_method1("loads", (table,))
}

/// A shell's script that completes the command line, None for a shell that is not known.
#[pyfunction]
fn completions(shell: &str) -> Option<String> {
    katydid::shell::completions(shell)
}

/// The manual page, in roff.
#[pyfunction]
fn manual() -> String {
    katydid::shell::manual()
}

/// Whether anybody is named in lines of `name:role:hash`, or by a token.
///
/// # Errors
///
/// A `ValueError` if they cannot be read.
#[pyfunction]
fn check_web_access(users: &str, token: &str) -> PyResult<bool> {
    let access = katydid_web::Access::parse(users, token).map_err(PyValueError::new_err)?;
    Ok(!access.is_open())
}

/// Looks at the collectors that a JSON object of options, and the environment, name.
///
/// # Errors
///
/// A `ValueError` that says what is wrong with them.
#[pyfunction]
fn check_push(given: &str) -> PyResult<()> {
    engine::push_settings(given).map(drop)
}

/// A line of `name:role:hash`.
///
/// # Errors
///
/// A `ValueError` if it cannot be made of these.
#[pyfunction]
fn web_user_line(name: &str, role: &str, password: &str) -> PyResult<String> {
    katydid_web::user_line(name, role, password).map_err(PyValueError::new_err)
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("DEBUG", cfg!(debug_assertions))?;
    module.add_class::<arrivals::PyArrivals>()?;
    module.add_class::<engine::Engine>()?;
    module.add_class::<client::PyClient>()?;
    module.add_class::<exchange::PyExchange>()?;
    module.add_class::<parts::PyBody>()?;
    module.add_class::<parts::PyUpload>()?;
    module.add_class::<parts::PyPool>()?;
    module.add_class::<parts::PyDoor>()?;
    module.add_class::<fleet::PyFleet>()?;
    module.add_class::<fleet::PyJoinSecret>()?;
    module.add_class::<dispatcher::PyDispatcher>()?;
    module.add_function(wrap_pyfunction!(arrivals::schedule, module)?)?;
    module.add_function(wrap_pyfunction!(target_main, module)?)?;
    module.add_function(wrap_pyfunction!(runs_main, module)?)?;
    module.add_function(wrap_pyfunction!(is_url_mode, module)?)?;
    module.add_function(wrap_pyfunction!(urls_main, module)?)?;
    module.add_function(wrap_pyfunction!(log, module)?)?;
    module.add_function(wrap_pyfunction!(option_table, module)?)?;
    module.add_function(wrap_pyfunction!(completions, module)?)?;
    module.add_function(wrap_pyfunction!(manual, module)?)?;
    module.add_function(wrap_pyfunction!(check_push, module)?)?;
    module.add_function(wrap_pyfunction!(check_web_access, module)?)?;
    module.add_function(wrap_pyfunction!(web_user_line, module)?)?;
    module.add_function(wrap_pyfunction!(fleet::fetch_locustfile, module)?)?;
    module.add_function(wrap_pyfunction!(stats::check_thresholds, module)?)?;
    module.add_function(wrap_pyfunction!(values::encode_message, module)?)?;
    module.add_function(wrap_pyfunction!(values::decode_message, module)?)?;
    module.add(
        "__all__",
        PyList::new(
            module.py(),
            [
                "Arrivals",
                "Body",
                "Client",
                "Dispatcher",
                "Door",
                "Engine",
                "Exchange",
                "Fleet",
                "JoinSecret",
                "Pool",
                "Upload",
                "check_push",
                "check_thresholds",
                "check_web_access",
                "completions",
                "decode_message",
                "encode_message",
                "fetch_locustfile",
                "is_url_mode",
                "log",
                "manual",
                "option_table",
                "runs_main",
                "schedule",
                "target_main",
                "urls_main",
                "web_user_line",
            ],
        )?,
    )?;
    Ok(())
}
