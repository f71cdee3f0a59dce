//! `cantus run` is killed at random moments, interrupted, or out of disk space. Every acknowledged command is stored, nothing is
//! stored in part, and the same file completes the run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bank_folder;
mod disk;
mod input;
mod interrupt;
mod kill;
