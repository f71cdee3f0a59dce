//! Tapes, by what a user of the crate sees.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod given;
mod reads;
mod redaction;
mod round_trip;
