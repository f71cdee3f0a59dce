//! Numbers and texts as bytes.

use super::error::Damage;

/// Appends a number in groups of seven bits, the lowest first: a small one takes one byte.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends how far `number` is from `expected`, in whichever direction is shorter.
pub(super) fn put_distance(out: &mut Vec<u8>, number: u64, expected: u64) {
    let distance = number.wrapping_sub(expected) as i64;
    put_number(out, (distance << 1 ^ distance >> 63) as u64);
}

/// Appends bytes behind their count.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Bytes that are read from front to back.
#[derive(Debug, Default)]
pub(super) struct Column {
    bytes: Vec<u8>,
    at: usize,
}

impl Column {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// What [`put_number`] wrote.
    pub(super) fn number(&mut self) -> Result<u64, Damage> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(*self.bytes.get(self.at).ok_or(SHORT)?);
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
        Err(LONG)
    }

    /// A number that must be small enough for its place.
    pub(super) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Damage> {
        T::try_from(self.number()?).map_err(|_| Damage("a number is too large"))
    }

    /// What [`put_distance`] wrote.
    pub(super) fn distance(&mut self, expected: u64) -> Result<u64, Damage> {
        let folded = self.number()?;
        Ok(expected.wrapping_add(folded >> 1 ^ (folded & 1).wrapping_neg()))
    }

    /// So many bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&[u8], Damage> {
        let end = self.at.checked_add(count).ok_or(SHORT)?;
        let bytes = self.bytes.get(self.at..end).ok_or(SHORT)?;
        self.at = end;
        Ok(bytes)
    }

    /// What [`put_bytes`] wrote.
    pub(super) fn bytes(&mut self) -> Result<&[u8], Damage> {
        let count = self.small()?;
        self.take(count)
    }

    /// What [`put_bytes`] wrote of a text.
    pub(super) fn text(&mut self) -> Result<&str, Damage> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damage("a text is not UTF-8"))
    }
}

const SHORT: Damage = Damage("something is missing");
const LONG: Damage = Damage("a number has more than 64 bits");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const EDGES: [u64; 9] = [0, 1, 127, 128, 16_383, 16_384, 1 << 62, 1 << 63, u64::MAX];

    #[test]
    fn numbers_and_distances_come_back() {
        for number in EDGES {
            for expected in EDGES {
                let mut out = vec![];
                put_number(&mut out, number);
                put_distance(&mut out, number, expected);
                let mut column = Column::new(out);
                assert_eq!((column.number(), column.distance(expected)), (Ok(number), Ok(number)));
                assert!(column.is_empty());
            }
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bytes in [&[][..], &[0x80], &[0xff; 9]] {
            assert_eq!(Column::new(bytes.into()).number(), Err(SHORT), "{bytes:?}");
        }
        for bytes in [&[0xff; 10][..], &[0x80; 11], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]] {
            assert_eq!(Column::new(bytes.into()).number(), Err(LONG), "{bytes:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        let mut out = vec![];
        put_number(&mut out, u64::MAX);
        assert_eq!(Column::new(out).bytes().unwrap_err(), SHORT);
        assert_eq!(Column::new(vec![2, b'a']).bytes().unwrap_err(), SHORT);
        assert!(Column::new(vec![1, 0xff]).text().is_err());
    }
}
