//! `Location` headers, URLs and proxies' URLs.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use katydid_http::proxy::Proxy;
use katydid_http::{Request, Response, Target, Timeouts, redirect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Proxy::parse(text);
        if let Ok(target) = Target::parse(text) {
            let again = Target::parse(&target.url).expect("what came out goes in");
            assert_eq!(again.url, target.url);
        }
    }
    let Ok(location) = HeaderValue::from_bytes(input) else {
        return;
    };
    let target = Arc::new(Target::parse("http://www.shop.test/a/b?c=d").expect("a URL"));
    let request = Request {
        method: Method::POST,
        target: Arc::clone(&target),
        headers: Arc::new(HeaderMap::new()),
        body: Bytes::from_static(b"body"),
        upload: None,
        stream: false,
        retries: 0,
        redirects: Some(1),
        timeouts: Timeouts::default(),
        decode: true,
        due: katydid_http::timing::Stamp::now(),
    };
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, location);
    let response = Response {
        status: StatusCode::FOUND,
        reason: None,
        version: Version::HTTP_11,
        headers,
        body: Bytes::new(),
        target,
        method: Method::POST,
    };
    let _ = redirect::next(&request, &response);
});
