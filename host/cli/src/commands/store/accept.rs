//! `cantus store accept`: takes a store as it is for the one that was written last.

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

A host notes beside its store, in a file that ends in `-heads`, how far the log had come when it
last answered a command. If the store has less than that at the next start, or something else, it
was restored from a copy, or damage cut off its newest commits: the host refuses to start, because
commands whose callers hold an answer are missing. This verb says that you know, and that the log
goes on from where it is. It changes nothing in the log; a host that still writes to the store is
stopped by it.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
}

/// Accepts it, and says how far it has come.
///
/// # Errors
/// If there is no store, or the file beside it cannot be written.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    cantus_store::open_read_only(&settings.host.store).await.or_exit(Exit::Store)?; // nothing is created here
    let heads = cantus_store::accept(&settings.host.store).await.or_exit(Exit::Store)?;
    if global.json {
        output::print_json(&json!({ "accepted": heads.iter().map(head_json).collect::<Vec<_>>() }))?;
    } else {
        let heads: String = heads.iter().map(head_text).collect();
        output::print(&format!("The log goes on from here:\n{heads}"))?;
    }
    Ok(Exit::Ok)
}
