//! `Set-Cookie` lines, into the jar and out again.

#![no_main]

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use katydid_http::Target;
use katydid_http::cookies::Jar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let target = Target::parse("https://www.shop.test/a/b").expect("a URL");
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(SET_COOKIE, value);
        }
    }
    let mut jar = Jar::default();
    jar.keep(&headers, &target);
    let _ = jar.header(&target);
    let all = jar.all();
    jar.replace(&all);
    assert!(jar.all().len() <= all.len());
});
