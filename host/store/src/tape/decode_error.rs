//! The error of bytes that do not decode.

/// Bytes that do not decode: the reason, without their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DecodeError(pub(super) &'static str);
