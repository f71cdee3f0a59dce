//! `cantus plugin`: make, build and look into plugins, and decide which are live.

mod activate;
mod build;
mod cargo;
mod history;
mod inspect;
mod list;
mod new;
mod tree;
mod verify;

use clap::Subcommand;

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit},
};

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Make a new plugin: a Rust crate that builds and tests
    New(new::Args),
    /// Build a plugin's crate into the folder of plugins
    Build(build::Args),
    /// Show what a component is, what it imports and what it declares
    Inspect(inspect::Args),
    /// Show which components are live, and what became of the files in the folder of plugins
    List(list::Args),
    /// Show what was live when, who decided so and why
    History(history::Args),
    /// Run recorded commands on a component, and say what it decides otherwise
    Verify(verify::Args),
    /// Make a component live, of those that were live before or lie in the folder
    Activate(activate::ActivateArgs),
    /// Go back to the component that was live before
    Rollback(activate::RollbackArgs),
    /// Have nothing of a plugin live any more
    Deactivate(activate::DeactivateArgs),
}

/// Runs one of them.
///
/// # Errors
/// If it could not do what it is for.
pub(crate) async fn run(plugin: Plugin, global: &GlobalArgs) -> Result<Exit, CliError> {
    match plugin {
        Plugin::New(args) => new::run(&args, global),
        Plugin::Build(args) => build::run(&args, global),
        Plugin::Inspect(args) => inspect::run(&args, global),
        Plugin::List(args) => list::run(args, global).await,
        Plugin::History(args) => history::run(args, global).await,
        Plugin::Verify(args) => verify::run(args, global).await,
        Plugin::Activate(args) => activate::activate(args, global).await,
        Plugin::Rollback(args) => activate::rollback(args, global).await,
        Plugin::Deactivate(args) => activate::deactivate(args, global).await,
    }
}
