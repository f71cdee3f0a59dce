//! The candidate's name, version and mode, as the file contains them.

use crate::Mode;

/// Name, version and mode, padded to one length, so that a test can put others in their place.
static MARK: [u8; 96] =
    *b"shifty-mark: shifty 1.0.0 good                                                                  ";

/// Read from [`MARK`].
pub(crate) struct Mark {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) mode: Mode,
}

pub(crate) fn mark() -> Mark {
    let mark = std::hint::black_box(&MARK).as_slice();
    let words: Vec<_> = str::from_utf8(mark).unwrap().split_whitespace().collect();
    let [_, name, version, mode] = words[..] else { panic!("the mark is {words:?}") };
    Mark { name, version, mode: Mode::named(mode) }
}
