//! `cantus tape show FILE`: checks a tape and says what is on it.

use std::path::PathBuf;

use cantus_store::tape::Tape;

use super::{about::About, failure::failure};
use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit},
    output,
};

const EXAMPLES: &str = "\
Examples:
  cantus tape show day.cantus-tape
  cantus tape show day.cantus-tape --json | jq -r .checksum

The whole file is read and every block is checked. Two tapes with one checksum are the same.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The tape
    file: PathBuf,
}

/// Shows it.
///
/// # Errors
/// If it is no tape, is damaged or cut off, or was made by a newer Cantus.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let tape = Tape::open(&args.file).map_err(|error| failure(&args.file, &error))?;
    let about = About::of(&args.file, &tape);
    if global.json {
        output::print_json(&about)?
    } else {
        output::print(&about.text())?
    }
    Ok(Exit::Ok)
}
