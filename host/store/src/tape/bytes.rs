//! Writes and reads numbers and strings as bytes.

use super::decode_error::DecodeError;

/// Appends a number in groups of seven bits, the lowest first. A small number takes one byte.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends the distance of `number` from `expected`, in the shorter direction.
pub(super) fn put_distance(out: &mut Vec<u8>, number: u64, expected: u64) {
    let distance = number.wrapping_sub(expected) as i64;
    put_number(out, (distance << 1 ^ distance >> 63) as u64);
}

/// Appends the number of bytes, and the bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads bytes from front to back.
#[derive(Debug, Default)]
pub(super) struct ByteReader {
    bytes: Vec<u8>,
    at: usize,
}

impl ByteReader {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Reads what [`put_number`] wrote.
    pub(super) fn read_number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(*self.bytes.get(self.at).ok_or(CUT_OFF)?);
            self.at += 1;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                break;
            }
            number |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(OVERFLOW)
    }

    /// Reads a number that must fit a smaller type.
    pub(super) fn read_small<T: TryFrom<u64>>(&mut self) -> Result<T, DecodeError> {
        T::try_from(self.read_number()?).map_err(|_| DecodeError("a number is too large"))
    }

    /// Reads what [`put_distance`] wrote.
    pub(super) fn read_distance(&mut self, expected: u64) -> Result<u64, DecodeError> {
        let folded = self.read_number()?;
        Ok(expected.wrapping_add(folded >> 1 ^ (folded & 1).wrapping_neg()))
    }

    /// Reads `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&[u8], DecodeError> {
        let end = self.at.checked_add(count).ok_or(CUT_OFF)?;
        let bytes = self.bytes.get(self.at..end).ok_or(CUT_OFF)?;
        self.at = end;
        Ok(bytes)
    }

    /// Reads what [`put_bytes`] wrote.
    pub(super) fn read_bytes(&mut self) -> Result<&[u8], DecodeError> {
        let count = self.read_small()?;
        self.take(count)
    }

    /// Reads what [`put_bytes`] wrote of a string.
    pub(super) fn read_text(&mut self) -> Result<&str, DecodeError> {
        std::str::from_utf8(self.read_bytes()?).map_err(|_| DecodeError("a string is not UTF-8"))
    }
}

const CUT_OFF: DecodeError = DecodeError("a value is cut off");
const OVERFLOW: DecodeError = DecodeError("a number has more than 64 bits");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const EDGE_CASES: [u64; 9] = [0, 1, 127, 128, 16_383, 16_384, 1 << 62, 1 << 63, u64::MAX];

    #[test]
    fn numbers_and_distances_are_read_as_they_were_written() {
        for number in EDGE_CASES {
            for expected in EDGE_CASES {
                let mut out = vec![];
                put_number(&mut out, number);
                put_distance(&mut out, number, expected);
                let mut reader = ByteReader::new(out);
                assert_eq!((reader.read_number(), reader.read_distance(expected)), (Ok(number), Ok(number)));
                assert!(reader.is_empty());
            }
        }
    }

    #[test]
    fn a_number_that_is_cut_off_or_too_long_is_refused() {
        for bytes in [&[][..], &[0x80], &[0xff; 9]] {
            assert_eq!(ByteReader::new(bytes.into()).read_number(), Err(CUT_OFF), "{bytes:?}");
        }
        for bytes in [&[0xff; 10][..], &[0x80; 11], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]] {
            assert_eq!(ByteReader::new(bytes.into()).read_number(), Err(OVERFLOW), "{bytes:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut out = vec![];
        put_number(&mut out, u64::MAX);
        assert_eq!(ByteReader::new(out).read_bytes().unwrap_err(), CUT_OFF);
        assert_eq!(ByteReader::new(vec![2, b'a']).read_bytes().unwrap_err(), CUT_OFF);
        assert!(ByteReader::new(vec![1, 0xff]).read_text().is_err());
    }
}
