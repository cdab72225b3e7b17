//! Bytes that are kept compressed.

use std::borrow::Cow;
use std::io::Read as _;

/// How hard it is tried; more takes much longer for little.
const LEVEL: i32 = 3;
/// What compressed data begins with (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// More than this is not unpacked: data may come from anybody.
const MOST: u64 = 256 << 20;

/// The bytes, compressed.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    // It fails for want of memory only.
    zstd::bulk::compress(bytes, LEVEL).unwrap_or_else(|_| bytes.to_vec())
}

/// The bytes again, also those that were not compressed; none if they are broken.
pub(crate) fn unpack(data: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !data.starts_with(&MAGIC) {
        return Some(data.into());
    }
    let mut bytes = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(data).ok()?;
    let read = decoder.take(MOST + 1).read_to_end(&mut bytes).ok()?;
    (read as u64 <= MOST).then_some(bytes.into())
}
