//! Examples of failed requests on their way from a worker to its master.

use std::sync::Arc;

use katydid_core::fault::Example;
use katydid_core::registry::{ErrorId, Name, Registry};
use katydid_core::units::Micros;
use rmpv::Value;

/// Examples that are looked at in one report.
const MOST: usize = 100;
/// Characters of one text that are kept.
const LONGEST: usize = 4_096;
/// Headers of one example that are kept.
const HEADERS: usize = 100;

/// Examples as a worker sends them, each with the names its error is counted under.
pub fn encode(examples: &[(ErrorId, Arc<Example>)], registry: &Registry) -> Value {
    let headers = |all: &[(String, String)]| {
        let texts = all.iter().flat_map(|(name, value)| [name, value]);
        Value::Array(texts.map(|text| text.as_str().into()).collect())
    };
    let rows = examples.iter().map(|(error, example)| {
        let error = registry.error_name(*error);
        let Name { method, name } = registry.name(error.key);
        Value::Array(vec![
            (&*method).into(),
            (&*name).into(),
            (&*error.text).into(),
            example.at_ms.into(),
            example.method.as_str().into(),
            example.url.as_str().into(),
            example.status.unwrap_or(0).into(),
            example.error.as_str().into(),
            example.duration.as_micros().into(),
            headers(&example.request_headers),
            headers(&example.response_headers),
            example.body.as_str().into(),
            example.body_bytes.into(),
        ])
    });
    Value::Array(rows.collect())
}

/// Reads examples; those that are not as they should be are left out.
pub fn decode(value: &Value, registry: &Registry) -> Vec<(ErrorId, Example)> {
    let rows = value.as_array().into_iter().flatten().take(MOST);
    rows.filter_map(|row| example(row.as_array()?, registry))
        .collect()
}

fn example(row: &[Value], registry: &Registry) -> Option<(ErrorId, Example)> {
    let text = |at: usize| Some(cut(row.get(at)?.as_str()?));
    let number = |at: usize| row.get(at)?.as_u64();
    let headers = |at: usize| {
        let texts = row.get(at)?.as_array()?.iter().take(2 * HEADERS);
        let texts: Vec<_> = texts.map(Value::as_str).collect::<Option<_>>()?;
        let pairs = texts.chunks_exact(2);
        let pairs = pairs.map(|pair| (cut(pair[0]), cut(pair[1])));
        Some(pairs.collect::<Vec<_>>())
    };
    let example = Example {
        at_ms: number(3)?,
        worker: String::new(),
        method: text(4)?,
        url: text(5)?,
        status: u16::try_from(number(6)?).ok().filter(|&status| status > 0),
        error: text(7)?,
        duration: Micros::from_micros(number(8)?),
        request_headers: headers(9)?,
        response_headers: headers(10)?,
        body: text(11)?,
        body_bytes: number(12)?,
    };
    let key = registry.key(row[0].as_str()?, row[1].as_str()?);
    Some((registry.error(key, row[2].as_str()?), example))
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_arrive_as_they_were_sent() {
        let registry = Registry::new();
        let key = registry.key("GET", "/a");
        let error = registry.error(key, "HTTPError('503 …')");
        let sent = Example {
            at_ms: 1_700_000_000_000,
            method: "GET".into(),
            url: "http://a.test/a".into(),
            status: Some(503),
            error: "HTTPError('503 …')".into(),
            duration: Micros::from_micros(1234),
            request_headers: vec![("Accept".into(), "*/*".into())],
            body: "sorry".into(),
            body_bytes: 5,
            ..Example::default()
        };
        let value = encode(&[(error, Arc::new(sent.clone()))], &registry);
        assert_eq!(decode(&value, &registry), [(error, sent)]);
        let other = Registry::new();
        let [(error, _)] = &decode(&value, &other)[..] else {
            panic!("one example");
        };
        assert_eq!(&*other.error_name(*error).text, "HTTPError('503 …')");
    }

    #[test]
    fn what_is_no_example_is_left_out() {
        let registry = Registry::new();
        let row = |parts: Vec<Value>| Value::Array(vec![Value::Array(parts)]);
        for value in [Value::Nil, row(vec![]), row(vec![1.into(); 13])] {
            assert_eq!(decode(&value, &registry), []);
        }
    }
}
