//! A finished exchange, as Python looks at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use katydid_core::registry::{ErrorId, KeyId};
use katydid_core::units::Nanos;
use katydid_host::example::{self, spelled};
use katydid_host::failure::{Cause, Flavour};
use katydid_host::verdict::{length_of, sample_of, trip_of};
use katydid_http::body::Body;
use katydid_http::{Exchange, Response};
use parking_lot::Mutex;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::engine::Shared;
use crate::io::Submission;
use crate::parts::PyBody;

/// One exchange: the response or its absence, and the times.
#[pyclass(frozen, name = "Exchange", module = "katydid._core")]
pub(crate) struct PyExchange {
    shared: Arc<Shared>,
    exchange: Box<Exchange>,
    key: KeyId,
    length: u64,
    recorded: AtomicBool,
    rest: Mutex<Option<Box<Body>>>,
}

impl Drop for PyExchange {
    fn drop(&mut self) {
        if self.shared.is_gone() {
            std::mem::forget(self.rest.get_mut().take());
        }
    }
}

/// A hop of a redirect chain: status, reason, URL, method, headers, body.
type Hop<'py> = (
    u16,
    String,
    String,
    String,
    Vec<(String, String)>,
    Bound<'py, PyBytes>,
);

impl PyExchange {
    pub(crate) fn new(
        shared: Arc<Shared>,
        mut exchange: Box<Exchange>,
        key: KeyId,
        recorded: bool,
    ) -> Self {
        let length = length_of(&exchange);
        let rest = Mutex::new(exchange.rest.take());
        Self {
            shared,
            exchange,
            key,
            length,
            recorded: AtomicBool::new(recorded),
            rest,
        }
    }

    fn keep_example(&self, error: Option<ErrorId>) {
        if let Some(error) = error {
            example::keep(&self.shared.registry, error, &self.exchange);
        }
    }

    fn response(&self) -> Option<&Response> {
        self.exchange.result.as_ref().ok()
    }
}

fn headers_of(response: &Response) -> Vec<(String, String)> {
    spelled(&response.headers)
}

#[pymethods]
impl PyExchange {
    /// The status code, 0 without a response.
    #[getter]
    fn status(&self) -> u16 {
        self.response()
            .map_or(0, |response| response.status.as_u16())
    }

    #[getter]
    fn reason(&self) -> Option<&str> {
        self.response().map(Response::reason)
    }

    /// The URL of the last hop.
    #[getter]
    fn url(&self) -> Option<&str> {
        self.response().map(|response| response.target.url.as_str())
    }

    /// The method of the last hop.
    #[getter]
    fn method(&self) -> &str {
        self.exchange.asked.method.as_str()
    }

    /// The URL that was asked for last.
    #[getter]
    fn asked_url(&self) -> &str {
        &self.exchange.asked.target.url
    }

    /// The headers that were sent, besides the host, the body's length and cookies of the session.
    fn asked_headers(&self) -> Vec<(String, String)> {
        spelled(&self.exchange.asked.headers)
    }

    /// The body that was sent.
    fn asked_body<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let body = &self.exchange.asked.body;
        (!body.is_empty()).then(|| PyBytes::new(py, body))
    }

    /// The name it is counted under, unless a script says otherwise.
    #[getter]
    fn name(&self) -> String {
        self.shared.registry.name(self.key).name.to_string()
    }

    /// HTTP version as http.client counts it: 10 or 11.
    #[getter]
    fn version(&self) -> u8 {
        match self.response().map(|response| response.version) {
            Some(http::Version::HTTP_10) => 10,
            _ => 11,
        }
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.response().map(headers_of).unwrap_or_default()
    }

    /// The decoded body.
    fn body<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.response()
            .map(|response| PyBytes::new(py, &response.body))
    }

    /// What is to be read of the body, once, where that was asked for.
    fn take_rest(&self) -> Option<PyBody> {
        let rest = self.rest.lock().take()?;
        Some(PyBody::new(Arc::clone(&self.shared), rest))
    }

    /// Bytes of the decoded body; of one that is read in pieces what the headers announce.
    #[getter]
    fn length(&self) -> u64 {
        self.length
    }

    /// Whether redirects led here.
    #[getter]
    fn redirected(&self) -> bool {
        !self.exchange.history.is_empty()
    }

    /// The redirects that led here, the first one first.
    fn history<'py>(&self, py: Python<'py>) -> Vec<Hop<'py>> {
        let hop = |response: &Response| {
            (
                response.status.as_u16(),
                response.reason().to_owned(),
                response.target.url.clone(),
                response.method.to_string(),
                headers_of(response),
                PyBytes::new(py, &response.body),
            )
        };
        self.exchange.history.iter().map(hop).collect()
    }

    /// Why there is no response: (kind, class, errno, message). `fast` chooses the words of
    /// Locust's fast client.
    #[pyo3(signature = (fast=false))]
    fn error(&self, fast: bool) -> Option<(&'static str, &'static str, Option<i32>, String)> {
        let error = self.exchange.result.as_ref().err()?;
        let flavour = if fast {
            Flavour::Fast
        } else {
            Flavour::Requests
        };
        let cause = Cause::of_exchange(error, &self.exchange.asked, flavour);
        Some((cause.kind, cause.class, cause.errno, cause.message))
    }

    /// Milliseconds from taken up to the last byte.
    #[getter]
    fn response_time(&self) -> f64 {
        millis(self.exchange.timing.service())
    }

    /// Milliseconds from taken up to the first byte, 0 if none came.
    #[getter]
    fn first_byte_time(&self) -> f64 {
        millis(self.exchange.timing.first_byte().unwrap_or(0))
    }

    /// Milliseconds the request waited for the engine.
    #[getter]
    fn lateness(&self) -> f64 {
        millis(self.exchange.timing.lateness())
    }

    /// Seconds of the Unix epoch at which the engine took the request up.
    #[getter]
    fn start_time(&self) -> f64 {
        self.exchange.timing.taken_up.epoch_nanos() as f64 / 1e9
    }

    /// Milliseconds of each part: dns, connect, tls, wait, receive.
    fn phases(&self) -> (f64, f64, f64, f64, f64) {
        let timing = &self.exchange.timing;
        (
            millis(timing.dns),
            millis(timing.connect),
            millis(timing.tls),
            millis(timing.wait()),
            millis(timing.receive()),
        )
    }

    /// What listeners are told: the keyword arguments of Locust's `request` event. The URL is the
    /// one asked for first, unless another is given.
    #[pyo3(signature = (response, context, exception, url=None))]
    fn event<'py>(
        &self,
        py: Python<'py>,
        response: Bound<'py, PyAny>,
        context: Bound<'py, PyAny>,
        exception: Bound<'py, PyAny>,
        url: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let done = &self.exchange;
        let counted = self.shared.registry.name(self.key);
        let first = done.history.first();
        let asked = || first.map_or(self.asked_url(), |hop| hop.target.url.as_str());
        let url = url.unwrap_or_else(|| PyString::new(py, asked()).into_any());
        let event = PyDict::new(py);
        let method = PyString::intern(py, &counted.method);
        event.set_item(intern!(py, "request_type"), method)?;
        event.set_item(intern!(py, "response_time"), self.response_time())?;
        event.set_item(intern!(py, "name"), &*counted.name)?;
        event.set_item(intern!(py, "context"), context)?;
        event.set_item(intern!(py, "response"), response)?;
        event.set_item(intern!(py, "exception"), exception)?;
        event.set_item(intern!(py, "start_time"), self.start_time())?;
        event.set_item(intern!(py, "url"), url)?;
        event.set_item(intern!(py, "response_length"), self.length)?;
        Ok(event)
    }

    /// Whether it was counted.
    #[getter]
    fn recorded(&self) -> bool {
        self.recorded.load(Ordering::Relaxed)
    }

    /// Counts it, once, as it was measured, with the verdict that a script gave.
    fn count(&self, error: Option<&str>) {
        if self.recorded.swap(true, Ordering::Relaxed) || self.shared.is_gone() {
            return;
        }
        let error = error.map(|text| self.shared.registry.error(self.key, text));
        self.keep_example(error);
        let sample = sample_of(&self.exchange, self.key, error, self.length);
        // Whoever wants to know has the queue flushed; waking the thread for each would cost more than the rest.
        let trip = trip_of(&self.exchange);
        self.shared
            .intake
            .push(Submission::Record(sample, Some(trip)));
    }

    /// Counts it, once, with whatever a script changed.
    fn record(
        &self,
        method: &str,
        name: &str,
        response_time: Option<f64>,
        length: u64,
        error: Option<&str>,
    ) {
        if self.recorded.swap(true, Ordering::Relaxed) || self.shared.is_gone() {
            return;
        }
        let key = self.shared.registry.key(method, name);
        let error = error.map(|text| self.shared.registry.error(key, text));
        self.keep_example(error);
        let mut sample = sample_of(&self.exchange, key, error, length);
        sample.times = match (sample.times, response_time) {
            (Some(mut times), Some(given)) => {
                // Scripts may correct the time; what they leave alone stays exact.
                if (given - times.service.as_millis_f64()).abs() > f64::EPSILON {
                    times.service = Nanos::from_millis_f64(given);
                }
                Some(times)
            }
            _ => None,
        };
        let trip = trip_of(&self.exchange);
        self.shared
            .intake
            .push(Submission::Record(sample, Some(trip)));
    }
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}
