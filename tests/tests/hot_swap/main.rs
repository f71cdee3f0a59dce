//! Hot swap: files dropped into a real folder, real components, a registry that looks, and an engine that goes on deciding
//! meanwhile. Nothing here sleeps for as long as something might take: it waits for what is to happen.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod appends;
mod damage;
mod excluded_versions;
mod fixture;
mod flights;
mod folder;
mod instrumented_source;
mod other_processes;
mod predecessor_missing;
mod random;
mod removal;
mod residents;
mod restores;
mod second_host;
mod states;
mod swap_timing;
mod swap_under_load;
mod traffic;
mod unchecked;
mod verification_reports;
mod versions;
mod waiver;
mod watch;

use std::sync::Arc;

use cantus_model::{Answer, Command, CommandError, Digest, DurableOutcome, Outcome, ports::Component};
use cantus_tests::{guests, host};
use cantus_wasm::Limits;

/// The plugin `shifty` in a version, with one of the modes in its source.
fn shifty(version: &str, mode: &str) -> Vec<u8> {
    guests::shifty("shifty", version, mode)
}

/// The same, ready to decide.
fn component(version: &str, mode: &str) -> Arc<dyn Component> {
    load(&shifty(version, mode))
}

fn load(bytes: &[u8]) -> Arc<dyn Component> {
    host::runtime(&Limits { sandboxes: 24, ..host::limits() }).load(bytes).unwrap()
}

fn add(id: &str, aggregate: &str, amount: u64) -> Command {
    host::command(id, aggregate, "Add", &format!(r#"{{"amount": {amount}}}"#))
}

fn reset(id: &str, aggregate: &str) -> Command {
    host::command(id, aggregate, "Reset", "{}")
}

/// An accepted command: the version of its stream after it.
fn accepted(answer: Answer) -> u64 {
    let decided = answer.unwrap();
    assert!(matches!(decided.outcome, Outcome::Accepted { .. }), "{decided:?}");
    decided.version
}

/// The version that decided.
fn by(answer: Answer) -> Digest {
    answer.unwrap().component
}

/// Why it was rejected.
fn rejected(answer: Answer) -> String {
    match answer {
        Ok(DurableOutcome { outcome: Outcome::Rejected(rejection), .. }) => rejection.code,
        answer => panic!("{answer:?}"),
    }
}

/// Why it was not decided.
fn undecided(answer: Answer) -> String {
    let error = answer.unwrap_err();
    assert!(!matches!(error, CommandError::Store(_)), "{error}");
    format!("{}: {error}", error.code())
}
