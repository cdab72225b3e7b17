//! Undoes a body's content encoding.

use std::io::{self, Read};

use bytes::Bytes;

use crate::error::Error;

/// The body without its content encodings, the last one applied undone first.
///
/// Unknown encodings are left alone, as browsers and requests do. No more than `limit` bytes are
/// ever held of one step.
pub fn decode(body: Bytes, encodings: &str, limit: u64) -> Result<Bytes, Error> {
    let mut body = body;
    for encoding in encodings
        .split(',')
        .rev()
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        if body.is_empty() {
            return Ok(body);
        }
        let decoded = match encoding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => read_all(flate2::read::MultiGzDecoder::new(&*body), limit),
            "deflate" => inflate(&body, limit),
            "br" => read_all(brotli::Decompressor::new(&*body, 4096), limit),
            "zstd" => zstd::stream::read::Decoder::new(&*body)
                .and_then(|decoder| read_all(decoder, limit)),
            _ => return Ok(body),
        };
        body = match decoded {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(Error::TooLarge { limit }),
            Err(error) => {
                return Err(Error::Decode {
                    encoding: encoding.to_owned(),
                    reason: error.to_string(),
                });
            }
        };
    }
    Ok(body)
}

/// `deflate` means zlib, but some servers send it bare.
fn inflate(body: &[u8], limit: u64) -> io::Result<Option<Bytes>> {
    read_all(flate2::read::ZlibDecoder::new(body), limit)
        .or_else(|_| read_all(flate2::read::DeflateDecoder::new(body), limit))
}

/// Everything the decoder yields, or `None` beyond the limit.
fn read_all(decoder: impl Read, limit: u64) -> io::Result<Option<Bytes>> {
    let mut out = Vec::new();
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(&mut out)?;
    Ok((out.len() as u64 <= limit).then(|| Bytes::from(out)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TEXT: &[u8] = b"the same words, again and again and again";

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        Bytes::from(encoder.finish().unwrap())
    }

    #[test]
    fn every_encoding_is_undone() {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(TEXT).unwrap();
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        bare.write_all(TEXT).unwrap();
        let mut br = Vec::new();
        brotli::CompressorWriter::new(&mut br, 4096, 5, 20)
            .write_all(TEXT)
            .unwrap();
        let table = [
            ("gzip", gzip(TEXT)),
            ("deflate", Bytes::from(zlib.finish().unwrap())),
            ("deflate", Bytes::from(bare.finish().unwrap())),
            ("br", Bytes::from(br)),
            ("zstd", Bytes::from(zstd::encode_all(TEXT, 1).unwrap())),
            ("gzip, gzip", gzip(&gzip(TEXT))),
            ("identity", Bytes::from_static(TEXT)),
        ];
        for (encoding, body) in table {
            assert_eq!(decode(body, encoding, 1 << 20).unwrap(), TEXT, "{encoding}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(matches!(
            decode(bomb, "gzip", 1000),
            Err(Error::TooLarge { limit: 1000 })
        ));
    }

    #[test]
    fn garbage_is_a_decode_error() {
        let error = decode(Bytes::from_static(b"no gzip"), "gzip", 1000).unwrap_err();
        assert!(matches!(error, Error::Decode { .. }));
    }
}
