//! `cantus run` is broken off: killed at random moments, interrupted, out of disk. Whatever was acknowledged is there,
//! nothing is there by halves, and the same file fed again completes it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod disk;
mod input;
mod interrupt;
mod kill;
mod place;
