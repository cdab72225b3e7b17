//! Content encodings, whole and broken, and bodies that grow without end.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use katydid_http::{Client, Config, Error, Request, Response};

use crate::server::always;
use crate::{config, get, run, send};

const TEXT: &[u8] = b"the same words again and again and again and again";
/// Longest body kept in these tests.
const LIMIT: u64 = 1 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn br(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 9, 22)
        .write_all(bytes)
        .unwrap();
    out
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;

const ENCODINGS: [(&str, Encode); 5] = [
    ("gzip", gzip),
    ("deflate", zlib),
    ("deflate", deflate),
    ("br", br),
    ("zstd", zstd),
];

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn fetch(encoding: &str, body: &[u8]) -> Result<Response, Error> {
    let server = always(encoded(encoding, body));
    let client = Client::new(Arc::new(Config {
        body_limit: LIMIT,
        ..config()
    }));
    run(client.send(get(&server.url("/")))).result
}

#[test]
fn every_encoding_is_undone_whatever_its_spelling() {
    for (name, encode) in ENCODINGS {
        for spelling in [name.to_owned(), name.to_uppercase(), format!(" {name} ,")] {
            assert_eq!(
                fetch(&spelling, &encode(TEXT)).unwrap().body,
                TEXT,
                "{spelling}"
            );
        }
    }
    let twice = br(&gzip(TEXT));
    assert_eq!(fetch("gzip, br", &twice).unwrap().body, TEXT);
}

#[test]
fn encodings_nobody_knows_are_left_alone() {
    for name in ["identity", "compress", "made-up", "gzip, made-up"] {
        assert_eq!(fetch(name, TEXT).unwrap().body, TEXT, "{name}");
    }
}

#[test]
fn an_encoded_body_can_be_kept_as_it_is() {
    let body = gzip(TEXT);
    let request = Request {
        decode: false,
        ..get(&always(encoded("gzip", &body)).url("/"))
    };
    assert_eq!(send(request).unwrap().body, body);
}

#[test]
fn nothing_is_nothing_in_every_encoding() {
    for (name, _) in ENCODINGS {
        assert!(fetch(name, b"").unwrap().body.is_empty(), "{name}");
    }
}

#[test]
fn broken_encodings_are_failures() {
    for (name, encode) in ENCODINGS {
        let whole = encode(TEXT);
        let cut = &whole[..whole.len() / 2];
        for (what, body) in [("cut", cut), ("no such thing", TEXT)] {
            match fetch(name, body) {
                Err(Error::Decode { encoding, .. }) => assert_eq!(encoding, name),
                other => panic!("{what} {name}: {other:?}"),
            }
        }
    }
    let mut wrong_sum = gzip(TEXT);
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    assert!(matches!(
        fetch("gzip", &wrong_sum),
        Err(Error::Decode { .. })
    ));
}

#[test]
fn bombs_are_cut_off_at_the_limit() {
    let zeros = vec![0; 64 << 20];
    for (name, encode) in ENCODINGS {
        let bomb = encode(&zeros);
        assert!(
            (bomb.len() as u64) < LIMIT,
            "{name} bomb of {} bytes",
            bomb.len()
        );
        let error = fetch(name, &bomb).unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit: LIMIT }),
            "{name}: {error:?}"
        );
    }
    let nested = gzip(&gzip(&zeros));
    assert!(matches!(
        fetch("gzip, gzip", &nested),
        Err(Error::TooLarge { .. })
    ));
}

#[test]
fn a_list_of_encodings_has_an_end() {
    let list = vec!["gzip"; 1000].join(", ");
    let error = fetch(&list, &gzip(TEXT)).unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
}

#[test]
fn a_body_without_end_is_cut_off_at_the_limit() {
    let body = vec![b'x'; 4 << 20];
    let heads = [
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            body.len()
        ),
    ];
    for head in heads {
        let server = always([head.as_bytes(), &body].concat());
        let client = Client::new(Arc::new(Config {
            body_limit: LIMIT,
            ..config()
        }));
        let error = run(client.send(get(&server.url("/")))).result.unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit: LIMIT }),
            "{error:?}"
        );
    }
}
