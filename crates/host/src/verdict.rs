//! What is counted of an exchange: the verdict by itself, the sizes, and where the time went.

use http::header::CONTENT_LENGTH;
use katydid_core::registry::{ErrorId, KeyId, Registry};
use katydid_core::sample::{Sample, Times};
use katydid_core::trip::Trip;
use katydid_core::units::Nanos;
use katydid_http::Exchange;

use crate::failure::{self, Cause, Flavour};

/// The verdict on an exchange that no script has a say in, and what is counted for it.
pub fn judge(exchange: &Exchange, key: KeyId, flavour: Flavour, registry: &Registry) -> Sample {
    let text = match &exchange.result {
        Ok(response) if response.status.as_u16() < 300 => None,
        Ok(response) => failure::of_response(response, flavour, &registry.name(key).name),
        Err(error) => Some(Cause::of_exchange(error, &exchange.asked, flavour).repr()),
    };
    let error = text.map(|text| registry.error(key, &text));
    sample_of(exchange, key, error, length_of(exchange))
}

/// Bytes of the decoded body; of one that is not read yet what the headers announce.
pub fn length_of(exchange: &Exchange) -> u64 {
    let Ok(response) = &exchange.result else {
        return 0;
    };
    if exchange.rest.is_none() {
        return response.body.len() as u64;
    }
    let announced = response.headers.get(CONTENT_LENGTH);
    announced
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or(0)
}

/// What the wire told of an exchange.
pub fn trip_of(exchange: &Exchange) -> Trip {
    let status = match &exchange.result {
        Ok(response) => response.status.as_u16(),
        Err(_) => 0,
    };
    let phases = exchange.timing.phases(!exchange.history.is_empty());
    Trip::new(status, phases.map(Nanos::from_nanos))
}

/// What is counted for an exchange.
pub fn sample_of(exchange: &Exchange, key: KeyId, error: Option<ErrorId>, bytes_in: u64) -> Sample {
    let timing = &exchange.timing;
    Sample {
        key,
        error,
        times: Some(Times {
            lateness: Nanos::from_nanos(timing.lateness()),
            service: Nanos::from_nanos(timing.service()),
            first_byte: timing.first_byte().map(Nanos::from_nanos),
        }),
        bytes_in,
        bytes_out: exchange.bytes_out,
        at: Nanos::from_nanos(timing.done.epoch_nanos()),
        counts_request: true,
    }
}
