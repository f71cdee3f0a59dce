//! Tapes, through the public interface of the crate.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod fixtures;
mod reads;
mod redaction;
mod round_trip;
