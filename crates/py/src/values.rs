//! What nodes send each other, as Python's values and back.

use katydid_wire::{Message, Value};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PySequence, PyString,
};

/// How Locust marks a date, and how it writes one.
const DATE: &str = "__datetime__";
const DATE_TEXT: &str = "as_str";
const DATE_FORMAT: &str = "%Y%m%dT%H:%M:%S.%f";
/// How deeply values may be nested, which also ends those that contain themselves.
const DEPTH: usize = 60;

/// A value as Python knows it.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Nil => py.None().into_bound(py),
        Value::Boolean(it) => PyBool::new(py, *it).to_owned().into_any(),
        Value::Integer(it) => match it.as_i64() {
            Some(it) => it.into_pyobject(py)?.into_any(),
            None => it.as_u64().into_pyobject(py)?,
        },
        Value::F32(it) => PyFloat::new(py, f64::from(*it)).into_any(),
        Value::F64(it) => PyFloat::new(py, *it).into_any(),
        Value::String(it) => PyString::new(py, &String::from_utf8_lossy(it.as_bytes())).into_any(),
        Value::Binary(it) | Value::Ext(_, it) => PyBytes::new(py, it).into_any(),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_any()
        }
        Value::Map(pairs) => {
            let dict = PyDict::new(py);
            for (key, item) in pairs {
                // Lists and maps cannot be keys in Python; such a pair has no meaning there.
                if !matches!(key, Value::Array(_) | Value::Map(_)) {
                    dict.set_item(to_python(py, key)?, to_python(py, item)?)?;
                }
            }
            date_of(&dict)?.unwrap_or_else(|| dict.into_any())
        }
    })
}

/// The date that a map stands for, if it does.
fn date_of<'py>(dict: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (Some(_), Some(text)) = (dict.get_item(DATE)?, dict.get_item(DATE_TEXT)?) else {
        return Ok(None);
    };
    let datetime = dict.py().import("datetime")?.getattr("datetime")?;
    let date = datetime.call_method1("strptime", (text, DATE_FORMAT));
    Ok(date.ok())
}

/// A Python value as it can be sent.
///
/// # Errors
///
/// `TypeError` for what cannot be sent, `OverflowError` for numbers of more than 64 bits.
pub(crate) fn from_python(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    converted(value, DEPTH)
}

fn converted(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(PyTypeError::new_err(
            "the value is nested too deeply to be sent",
        ));
    };
    if value.is_none() {
        return Ok(Value::Nil);
    }
    if let Ok(it) = value.cast::<PyBool>() {
        return Ok(it.is_true().into());
    }
    if value.is_instance_of::<PyInt>() {
        return if let Ok(it) = value.extract::<i64>() {
            Ok(it.into())
        } else {
            let it = value.extract::<u64>();
            it.map(Value::from).map_err(|_| {
                PyOverflowError::new_err("a number of more than 64 bits cannot be sent")
            })
        };
    }
    if let Ok(it) = value.cast::<PyFloat>() {
        return Ok(it.extract::<f64>()?.into());
    }
    if let Ok(it) = value.cast::<PyString>() {
        return Ok(it.to_cow()?.into_owned().into());
    }
    if let Ok(it) = value.cast::<PyBytes>() {
        return Ok(it.as_bytes().into());
    }
    if let Ok(it) = value.cast::<PyByteArray>() {
        return Ok(it.to_vec().into());
    }
    if let Ok(it) = value.cast::<PyMapping>() {
        let mut pairs = Vec::new();
        for pair in it.items()?.iter() {
            let (key, item): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            pairs.push((converted(&key, depth)?, converted(&item, depth)?));
        }
        return Ok(Value::Map(pairs));
    }
    if let Ok(it) = value.cast::<PySequence>() {
        let mut items = Vec::new();
        for item in it.try_iter()? {
            items.push(converted(&item?, depth)?);
        }
        return Ok(Value::Array(items));
    }
    if value.hasattr("strftime")? && value.hasattr("hour")? {
        let text: String = value.call_method1("strftime", (DATE_FORMAT,))?.extract()?;
        let pairs = vec![(DATE.into(), true.into()), (DATE_TEXT.into(), text.into())];
        return Ok(Value::Map(pairs));
    }
    let kind = value.get_type().qualname()?;
    Err(PyTypeError::new_err(format!(
        "a {kind} cannot be sent to another node: use numbers, texts, lists and dicts"
    )))
}

/// A message between nodes as bytes.
#[pyfunction]
pub(crate) fn encode_message<'py>(
    py: Python<'py>,
    kind: &str,
    data: &Bound<'_, PyAny>,
    node: Option<&str>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut message = Message::new(kind, from_python(data)?, node.unwrap_or_default());
    if node.is_none() {
        message.node = None;
    }
    Ok(PyBytes::new(py, &message.encode()))
}

/// A message between nodes, from its bytes: type, data, sender.
#[pyfunction]
pub(crate) fn decode_message<'py>(
    py: Python<'py>,
    bytes: &[u8],
) -> PyResult<(String, Bound<'py, PyAny>, Option<String>)> {
    let message = Message::decode(bytes)
        .map_err(|error| PyValueError::new_err(format!("not a message between nodes: {error}")))?;
    Ok((message.kind, to_python(py, &message.data)?, message.node))
}
