//! `cantus store`: whether a store is what was written, and which one is.

mod accept;
mod check;

use clap::Subcommand;

use crate::{
    args::Global,
    exit_codes::{CliError, Exit},
};

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Check everything in a store: checksums, the chain of commits, and what rows say of each other
    Check(check::Args),
    /// Go on with a store that went back in time, without the commits that it lacks
    Accept(accept::Args),
}

/// Runs one of them.
///
/// # Errors
/// If it could not do what it is for.
pub(crate) async fn run(store: Store, global: &Global) -> Result<Exit, CliError> {
    match store {
        Store::Check(args) => check::run(args, global).await,
        Store::Accept(args) => accept::run(args, global).await,
    }
}

/// How far a partition has come, for people.
fn head_text(head: &cantus_store::Head) -> String {
    let (commands, events) = (crate::render::count(head.commands), crate::render::count(head.events));
    format!("partition {}: {commands} commands, {events} events, chain {}\n", head.partition, head.chain)
}

/// How far a partition has come, for programs.
fn head_json(head: &cantus_store::Head) -> serde_json::Value {
    serde_json::json!({
        "partition": head.partition,
        "commands": head.commands,
        "events": head.events,
        "chain": head.chain,
    })
}
