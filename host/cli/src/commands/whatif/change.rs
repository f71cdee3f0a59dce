//! The change of a what-if: one command, and the commands of a file.

use std::path::Path;

use cantus_host::wire::{check_aggregate, parse_whatif_command};
use cantus_model::Command;
use cantus_replay::whatif::Branch;

use crate::{
    commands::run::input::{self, InputLine},
    exit_codes::{CliError, Exit},
};

/// The change at the branch point.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct ChangeArgs {
    /// Decide this command in place of the selected one
    #[arg(long, value_name = "JSON")]
    pub(super) replace: Option<String>,
    /// Decide this command directly after the selected one
    #[arg(long, value_name = "JSON")]
    pub(super) insert: Option<String>,
    /// Remove the selected command
    #[arg(long)]
    pub(super) drop: bool,
}

/// Most lines that are read ahead.
const LINES_AHEAD: usize = 64;

/// Reads the command of the change, if it has one, and the commands of the file.
pub(super) async fn read_commands(
    change: &ChangeArgs,
    file: Option<&Path>,
    branch: &Branch,
    line_bytes: usize,
) -> Result<Vec<Command>, CliError> {
    let (flag, json, replaced) = match change {
        ChangeArgs { replace: Some(json), .. } => ("--replace", Some(json), branch.command.as_ref()),
        ChangeArgs { insert, .. } => ("--insert", insert.as_ref(), None),
    };
    let refused = |source: &str, why: String| CliError::new(Exit::Usage, format!("{source}: {why}"));
    let mut commands = Vec::new();
    if let Some(json) = json {
        let command = parse_whatif_command(json.as_bytes(), &branch.aggregate, replaced, || new_id(1));
        commands.push(command.map_err(|why| refused(flag, why))?);
    }
    if let Some(file) = file {
        let mut number = commands.iter().filter(|command| command.id == new_id(1)).count();
        let new_id = move || {
            number += 1;
            new_id(number)
        };
        let mut lines = input::read(input::open(file)?, line_bytes, LINES_AHEAD, new_id);
        while let Some(read) = lines.recv().await {
            let (line, command) = match read {
                InputLine::Command { line, command, .. } => {
                    (line, check_aggregate(&branch.aggregate, &command).map(|()| *command))
                }
                InputLine::Invalid { line, column, message } => (line, Err(format!("column {column}: {message}"))),
                InputLine::Unreadable(error) => return Err(refused(&file.display().to_string(), error.to_string())),
            };
            let source = || format!("{}, line {line}", file.display());
            commands.push(command.map_err(|why| refused(&source(), why))?);
        }
    }
    Ok(commands)
}

/// Returns the id of the nth command without one: the same input must give the same report.
fn new_id(number: usize) -> String {
    format!("what-if-{number}")
}
