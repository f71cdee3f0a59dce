//! `cantus store accept`: accepts a store that lacks commits which a host answered.

use serde_json::json;

use super::head::{head_json, head_text};
use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    output, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus store check && cantus store accept
  cantus store accept --store sqlite:restored/cantus.db

A host records the end of the log, as of the last command that it answered, in a file beside the
store whose name ends with `-heads`. If the log is shorter than that at the next start, or
different, the store was restored from a copy, or damage removed its newest commits. The host then
refuses to start, because commands are missing whose callers have an answer. This command accepts
the loss: the log continues from its current end. It does not change the log. A host that is still
writing to the store is stopped.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
}

/// Accepts the store, and prints the end of its log.
///
/// # Errors
/// If there is no store, or the heads file beside it cannot be written.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    cantus_store::open_read_only(&settings.host.store).await.or_exit(Exit::Store)?; // nothing is created here
    let heads = cantus_store::accept(&settings.host.store).await.or_exit(Exit::Store)?;
    if global.json {
        output::print_json(&json!({ "accepted": heads.iter().map(head_json).collect::<Vec<_>>() }))?;
    } else {
        let heads: String = heads.iter().map(head_text).collect();
        output::print(&format!("The log continues from here:\n{heads}"))?;
    }
    Ok(Exit::Ok)
}
