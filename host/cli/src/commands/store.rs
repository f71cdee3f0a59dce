//! `cantus store`: checks a store, or accepts a restored one.

mod accept;
mod check;
mod head;

use clap::Subcommand;

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit},
};

/// The subcommands of `cantus store`.
#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Check a whole store: checksums, the hash chain of commits, and references between rows
    Check(check::Args),
    /// Accept a store that was restored from a copy, without the commits that it lacks
    Accept(accept::Args),
}

/// Runs a subcommand.
///
/// # Errors
/// If the subcommand fails.
pub(crate) async fn run(store: Store, global: &GlobalArgs) -> Result<Exit, CliError> {
    match store {
        Store::Check(args) => check::run(args, global).await,
        Store::Accept(args) => accept::run(args, global).await,
    }
}
