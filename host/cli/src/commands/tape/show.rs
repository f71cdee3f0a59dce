//! `cantus tape show FILE`: checks a tape and shows its contents.

use std::path::PathBuf;

use cantus_store::tape::Tape;

use super::{description::TapeDescription, tape_error::tape_error};
use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit},
    output,
};

const EXAMPLES: &str = "\
Examples:
  cantus tape show day.cantus-tape
  cantus tape show day.cantus-tape --json | jq -r .checksum

The whole file is read and every block is checked. Two tapes with the same checksum are identical.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The tape file
    file: PathBuf,
}

/// Shows the tape.
///
/// # Errors
/// If the file is not a tape, is damaged, or was written by a newer version of Cantus.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let tape = Tape::open(&args.file).map_err(|error| tape_error(&args.file, &error))?;
    let description = TapeDescription::new(&args.file, &tape);
    if global.json {
        output::print_json(&description)?
    } else {
        output::print(&description.text())?
    }
    Ok(Exit::Ok)
}
