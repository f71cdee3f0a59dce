//! `cantus whatif`: shows the history of one aggregate with a command changed, beside the recorded one. It only reads.

mod change;
mod text;

use std::path::PathBuf;

use cantus_host::{BranchCommand, Queries, WhatIfRequest, components::load_file, wire::TimelinesJson};
use cantus_model::AggregateRef;
use cantus_replay::whatif::{BranchError, BranchPoint};

use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit},
    output, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus whatif Account ada --at 3 --drop
  cantus whatif Account ada --at 3 --replace '{\"payload\":{\"amount\":50}}'
  cantus whatif Account ada --at 3 --insert '{\"command\":\"Withdraw\",\"payload\":{\"amount\":50}}'
  cantus whatif Account ada --at 0 --insert '{\"command\":\"OpenAccount\",\"payload\":{\"owner\":\"Ada\"}}'
  cantus whatif Account ada --at wd-17 --drop --commands instead.jsonl
  cantus whatif Account ada --at 3 --drop --plugin bank-2.0.wasm --json | jq .now.state

--at selects a recorded command. A number is a stream version and selects the command that produced
that event, together with its other events. Anything else is the id of a command; write id:7 if the
id is a number.
  --drop     remove the command
  --replace  decide this command in its place; fields that the JSON omits keep their recorded value
  --insert   keep the command, and decide this command after it;
             --at 0 is the point before the first command
The JSON is a line of `cantus run` (see `cantus run --help`). The aggregate may be left out. So may
the id, which is then what-if-1, what-if-2 and so on. The lines of --commands are decided directly
after the change.

Before this point, everything stays as it was recorded. After it, every recorded command of the
aggregate is decided again on the new state: by the component that decided it when it was recorded,
or by the component of --plugin. A command that was never recorded is decided by the component of
the selected command, at the time of that command. Other aggregates are not affected.

Each row has a mark: = unchanged, ~ changed, + only now, - only before. A command that is refused or
that faults has no effect, and the next command is decided without it.

The memory holds the commands that are shown and up to 64 MiB of the aggregate's events. If the
stream is longer, the commands after a fault, or after the first command of another component,
cannot be decided and are marked as not reached.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The aggregate type
    aggregate: String,
    /// The id of the aggregate
    id: String,
    /// The command that is changed: the one that produced this version, or the one with this id
    #[arg(long, value_name = "VERSION|COMMAND-ID", value_parser = parse_at)]
    at: BranchPoint,
    #[command(flatten)]
    change: change::ChangeArgs,
    /// Decide the commands of this file directly after the change: JSON lines as for `cantus run`
    #[arg(long, value_name = "FILE|-")]
    commands: Option<PathBuf>,
    /// Decide all later commands with this component
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    /// Show at most this many commands, and count the others
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,
    #[command(flatten)]
    store: StoreArg,
}

/// Decides the new timeline, and prints both.
///
/// # Errors
/// If there is no such command, the request is invalid, or the store or a component cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let queries = Queries::open(&settings.host).await?;
    let aggregate = AggregateRef::new(args.aggregate, args.id);
    let plugin = args.plugin.map(|path| load_file(&settings.host, &path)).transpose()?.map(|file| file.component);
    let branch = queries.branch(aggregate, &args.at).await?;
    let branch_command = if args.change.insert.is_some() { BranchCommand::Keep } else { BranchCommand::Remove };
    if branch.command.is_none() && branch_command == BranchCommand::Remove {
        let error = "version 0 is the point before the first command: use --insert there";
        return Err(CliError::new(Exit::Usage, error));
    }
    let commands = change::read_commands(&args.change, args.commands.as_deref(), &branch, settings.line_bytes).await?;
    let summary = text::RequestSummary::new(&args.at, &branch, branch_command, &commands, plugin.as_deref());
    let answer = queries.whatif(WhatIfRequest { branch, branch_command, commands, plugin, limit: args.limit }).await?;
    match global.json {
        true => output::print_json(&TimelinesJson::from(&answer))?,
        false => output::print(&text::timelines_text(&summary, &answer))?,
    }
    Ok(Exit::Ok)
}

fn parse_at(text: &str) -> Result<BranchPoint, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.strip_prefix("id:").unwrap_or(text) {
        "" => Err("write a stream version, or the id of a command".to_owned()),
        number if is_number => {
            number.parse().map(BranchPoint::Version).map_err(|_| "the version is too large".to_owned())
        }
        id => Ok(BranchPoint::Command(id.to_owned())),
    }
}

impl From<BranchError> for CliError {
    fn from(error: BranchError) -> Self {
        match &error {
            BranchError::Store(_) => Self { exit: Exit::Store, error: error.into() },
            BranchError::NoVersion { .. } => {
                Self::new(Exit::Partial, format!("{error}; if the number is the id of a command, write --at id:N"))
            }
            _ => Self { exit: Exit::Partial, error: error.into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_version_and_other_text_is_an_id() {
        assert_eq!(parse_at("12"), Ok(BranchPoint::Version(12)));
        for (text, id) in
            [("id:12", "12"), ("w-1", "w-1"), ("-1", "-1"), ("+1", "+1"), ("1e3", "1e3"), ("id:id:1", "id:1")]
        {
            assert_eq!(parse_at(text), Ok(BranchPoint::Command(id.to_owned())), "{text}");
        }
        assert!(parse_at("").is_err() && parse_at("id:").is_err());
        assert!(parse_at("99999999999999999999").is_err());
    }
}
