//! Requests, as the demo target reads them.

#![no_main]

use katydid::target::request_length;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    assert!(request_length(bytes) <= bytes.len());
});
