//! `cantus plugin`: creates, builds, inspects and verifies plugins, and chooses which version is live.

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

/// The subcommands of `cantus plugin`.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Create a new plugin: a Rust crate with tests
    New(new::Args),
    /// Build a plugin's crate, and copy the component to the folder of plugins
    Build(build::Args),
    /// Show a component's name, version, imports, commands and events
    Inspect(inspect::Args),
    /// List the live components, and the state of each file in the folder of plugins
    List(list::Args),
    /// List the activations of a plugin: the version, the time, the person and the reason
    History(history::Args),
    /// Run recorded commands on a component, and report whether it may go live
    Verify(verify::Args),
    /// Make a component live that was live before or is in the folder of plugins
    Activate(activate::ActivateArgs),
    /// Make the version live again that was live before the current one
    #[command(after_help = activate::ROLLBACK)]
    Rollback(activate::PluginChangeArgs),
    /// Deactivate a plugin, so that no version of it is live
    #[command(after_help = activate::DEACTIVATE)]
    Deactivate(activate::PluginChangeArgs),
}

/// Runs a subcommand.
///
/// # Errors
/// If the subcommand fails.
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
