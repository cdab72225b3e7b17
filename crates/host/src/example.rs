//! Examples of failed requests for the page, their secrets hidden.

use http::HeaderMap;
use katydid_core::fault::Example;
use katydid_core::redact;
use katydid_core::registry::{ErrorId, Registry};
use katydid_core::units::Nanos;
use katydid_http::Exchange;

/// Characters of a body that are shown.
const BODY: usize = 1_024;
/// Bytes of a body that are looked at, as hiding secrets may shorten it.
const LOOKED_AT: usize = 4 * BODY;
/// Headers that are shown, and characters of each.
const HEADERS: usize = 50;
const VALUE: usize = 300;

/// Keeps an example of an error, if one is welcome; mostly it is not, and that costs little.
pub fn keep(registry: &Registry, error: ErrorId, exchange: &Exchange) {
    let at_ms = exchange.timing.done.epoch_nanos() / 1_000_000;
    if registry.wants_example(error, at_ms) {
        let text = redact::text(&registry.error_name(error).text);
        registry.add_example(error, example(exchange, at_ms, &text));
    }
}

fn example(exchange: &Exchange, at_ms: u64, error: &str) -> Example {
    let asked = &exchange.asked;
    let response = exchange.result.as_ref().ok();
    let body = response.map_or(&[][..], |response| &response.body);
    let sent = spelled(&asked.headers);
    let got = response.map(|response| spelled(&response.headers));
    let got = got.unwrap_or_default();
    let mut secrets = redact::secrets_of_url(&asked.target.url);
    for (name, value) in sent.iter().chain(&got) {
        secrets.extend(redact::secrets_of_header(name, value));
    }
    Example {
        at_ms,
        worker: String::new(),
        method: asked.method.to_string(),
        url: redact::url(&asked.target.url),
        status: response.map(|response| response.status.as_u16()),
        error: redact::without(error, &secrets),
        duration: Nanos::from_nanos(exchange.timing.service()).to_micros(),
        request_headers: headers(sent, &secrets),
        response_headers: headers(got, &secrets),
        body: redact::without(&shown(body), &secrets)
            .chars()
            .take(BODY)
            .collect(),
        body_bytes: body.len() as u64,
    }
}

fn headers(all: Vec<(String, String)>, secrets: &[String]) -> Vec<(String, String)> {
    let shown = all.into_iter().take(HEADERS).map(|(name, value)| {
        let value = redact::without(&redact::header(&name, &value), secrets);
        (name, value.chars().take(VALUE).collect())
    });
    shown.collect()
}

/// The beginning of a body, if it is text.
fn shown(body: &[u8]) -> String {
    let beginning = &body[..body.len().min(LOOKED_AT)];
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        // Only a letter that was cut in two is missing.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&beginning[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return String::new(),
    };
    if text.contains('\0') {
        return String::new();
    }
    redact::text(text)
}

/// Header fields as servers usually spell them.
pub fn spelled(headers: &HeaderMap) -> Vec<(String, String)> {
    // Header bytes are Latin-1 to Python's http.client, and so to scripts.
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect();
    headers
        .iter()
        .map(|(name, value)| (title_case(name.as_str()), text(value.as_bytes())))
        .collect()
}

/// Header names as servers usually spell them; the wire's own spelling is not kept.
fn title_case(name: &str) -> String {
    let mut start = true;
    name.chars()
        .map(|letter| {
            let shown = if start {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            start = letter == '-';
            shown
        })
        .collect()
}
