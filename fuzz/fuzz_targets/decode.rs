//! Bodies in every content encoding, several deep.

#![no_main]

use bytes::Bytes;
use katydid_http::decode::decode;
use libfuzzer_sys::fuzz_target;

const ENCODINGS: [&str; 8] = ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate", "x-gzip,,gzip", "other"];

fuzz_target!(|input: &[u8]| {
    if let Some((first, body)) = input.split_first() {
        let encodings = ENCODINGS[usize::from(*first) % ENCODINGS.len()];
        let _ = decode(Bytes::copy_from_slice(body), encodings, 1 << 20);
    }
});
