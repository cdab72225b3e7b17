//! Numbers in LEB128: seven bits a byte, the lowest first; small numbers take one byte.

/// Adds a number to bytes.
pub(crate) fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Takes a number off the front of bytes; none if they end too early.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<Result<u64, TooLarge>> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return Some(Err(TooLarge));
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(Ok(number));
        }
    }
    Some(Err(TooLarge))
}

/// The bytes stand for a number that does not fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;
