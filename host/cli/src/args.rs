//! Arguments as typed. Parsing has no side effects; each command's own arguments stand in its file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{commands, exit_codes};

/// Domain logic as WebAssembly, decided and stored.
#[derive(Debug, Parser)]
#[command(name = "cantus", version, propagate_version = true, max_term_width = 100)]
#[command(about = "Hosts domain logic as WebAssembly: commands in, events out, durably stored")]
#[command(after_help = exit_codes::TABLE, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// Print JSON, for programs; errors become one JSON object on stderr
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Which logs to show, on stderr [env: CANTUS_LOG] [default: warn,cantus=info,guest=info]
    ///
    /// A filter of `tracing`: `debug`, or `warn,cantus_engine=debug`. What plugins print has the target `guest`.
    /// For people on a terminal, as JSON elsewhere.
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Global options")]
    pub(crate) log: Option<String>,
    /// The settings file [env: CANTUS_CONFIG] [default: cantus.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub(crate) config: Option<PathBuf>,
    /// Override one setting, such as engine.shards=4; `cantus settings` lists them
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value, help_heading = "Global options")]
    pub(crate) set: Vec<(String, String)>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make and build plugins, look into them, and decide which are live
    #[command(subcommand)]
    Plugin(commands::plugin::Plugin),
    /// Feed commands, one JSON object a line, and store what is decided
    Run(commands::run::Args),
    /// Show an aggregate's state, now or at an earlier version or time
    State(commands::state::Args),
    /// Show events, of the whole log or of one aggregate
    Events(commands::events::Args),
    /// Decide recorded commands again, and say what comes out otherwise
    Replay(commands::replay::Args),
    /// Explain one command: what was asked, who decided, on which state, and what came of it
    Explain(commands::explain::Args),
    /// Ask what would have become of an aggregate if a command had been another one
    Whatif(commands::whatif::Args),
    /// Run what a guest faulted on, from the bundle that the host kept of it
    Repro(commands::repro::Args),
    /// Put recorded history into one file, to replay it elsewhere
    #[command(subcommand)]
    Tape(commands::tape::Tape),
    /// Check a store, and say which one is the right one
    #[command(subcommand)]
    Store(commands::store::Store),
    /// Tell a day of real flights as a story
    Demo(commands::demo::Args),
    /// Measure what this machine can do, each figure against its ceiling
    Bench(commands::bench::Args),
    /// Show every setting, with its value and where it came from
    Settings(commands::settings::Args),
}

/// Where the events are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StoreArg {
    /// The event store [env: CANTUS_STORE] [default: sqlite:data/cantus.db]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
}

/// Where the plugins are.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PluginsArg {
    /// The folder of plugins [env: CANTUS_PLUGINS] [default: plugins]
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins: Option<String>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write it as KEY=VALUE, such as engine.shards=4".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// clap breaks longer lines, unless it is told how wide the terminal is.
    const MOST_COLUMNS: usize = 100;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_examples_that_are_not_broken_over_lines() {
        fn check(command: &clap::Command) {
            let verbs: Vec<_> = command.get_subcommands().collect();
            for verb in &verbs {
                check(verb);
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let broken: Vec<_> = help.lines().filter(|line| line.chars().count() > MOST_COLUMNS).collect();
            assert!(broken.is_empty(), "{broken:#?}");
            assert!(!verbs.is_empty() || help.starts_with("Examples:"), "`{}` has no examples", command.get_name());
        }
        check(&Cli::command());
    }

    #[test]
    fn a_setting_is_split_at_its_first_equals_sign() {
        assert_eq!(key_value("store = sqlite:a?b=c"), Ok(("store".into(), "sqlite:a?b=c".into())));
        assert!(key_value("store").is_err() && key_value("=x").is_err());
    }
}
