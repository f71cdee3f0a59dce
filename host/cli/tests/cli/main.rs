//! The output of `cantus`, compared with snapshots. After an intended change, run `INSTA_UPDATE=always cargo test -p cantus-cli`
//! and read the differences.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bad_input;
mod day_tape;
mod help;
mod output_files;
mod outside_text;
mod plugin;
mod releases;
mod replay;
mod repro;
mod run;
mod settings;
mod stalled;
mod start;
mod support;
mod tape;
mod whatif;
