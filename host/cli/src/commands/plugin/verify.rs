//! `cantus plugin verify FILE`: what a running host would check before the file goes live, without one.

use std::{path::PathBuf, sync::Arc};

use cantus_host::{Operations, components};
use cantus_replay::verify::Waiver;

use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    findings, output, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin verify target/wasm32-wasip2/release/flights.wasm
  cantus plugin verify flights.wasm --waiver flights.waiver.toml --json > report.json

It only reads. The newest recorded commands (the setting verify.commands) are decided again by
the component, twice, on streams that it folds; the second time it is restored from its own
snapshots at several points of each stream. It says how many of them were checked: if the time
(verify.time_ms) is up before verify.min_commands were, it may not go live. Exit code 0: it may
go live; 3: it may not, and the reasons are printed.

A patch must decide as the version before; a minor version may decide otherwise; only a major
version may take commands, events or aggregates away. A waiver allows differences by name:

  plugin = \"flights\"
  from = \"1.0.0\"
  to = \"1.0.1\"

  [[allow]]
  command = \"Flight.Depart\"
  # or rejected-to-accepted, events-differ, rejection-differs, undecided
  change = \"accepted-to-rejected\"
  code = \"too-late\"                 # optional
  reason = \"agreed in review\"

In the folder of plugins it lies beside the component: flights.waiver.toml for flights.wasm.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The component
    file: PathBuf,
    /// A file of allowed differences
    #[arg(long, value_name = "FILE")]
    waiver: Option<PathBuf>,
    /// Commands to decide again, the newest [default: the setting verify.commands]
    #[arg(long, value_name = "N")]
    commands: Option<String>,
    #[command(flatten)]
    store: StoreArg,
}

/// Verifies.
///
/// # Errors
/// If the component is none, or the store cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("verify.commands", args.commands)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let file = components::load_file(&settings.host, &args.file)?;
    let waiver = args.waiver.map(|path| {
        let doing = || format!("the waiver {}", path.display());
        let text = std::fs::read_to_string(&path).or_exit_while(Exit::Usage, doing)?;
        Waiver::parse(&text).or_exit_while(Exit::Usage, doing)
    });
    let operations = Operations::open_read_only(&settings.host).await?;
    let report = operations.verify(Arc::clone(&file.component), waiver.transpose()?).await?;
    if global.json {
        output::print_json(&report)?;
    } else {
        output::print(&findings::report(&report))?;
    }
    Ok(if report.is_allowed() { Exit::Ok } else { Exit::Plugin })
}
