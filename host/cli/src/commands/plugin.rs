//! `cantus plugin`: make, build and look into plugins.

mod build;
mod cargo;
mod inspect;
mod new;
mod tree;

use clap::Subcommand;

use crate::{
    args::Global,
    exit_codes::{Exit, Failure},
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
}

/// Runs one of them.
///
/// # Errors
/// If it could not do what it is for.
pub(crate) fn run(plugin: Plugin, global: &Global) -> Result<Exit, Failure> {
    match plugin {
        Plugin::New(args) => new::run(&args, global),
        Plugin::Build(args) => build::run(&args, global),
        Plugin::Inspect(args) => inspect::run(&args, global),
    }
}
