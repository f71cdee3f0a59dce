//! `cantus store`: whether a store is what was written, and which one is.

mod accept;
mod check;
mod head;

use clap::Subcommand;

use crate::{
    args::GlobalArgs,
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
pub(crate) async fn run(store: Store, global: &GlobalArgs) -> Result<Exit, CliError> {
    match store {
        Store::Check(args) => check::run(args, global).await,
        Store::Accept(args) => accept::run(args, global).await,
    }
}
