//! `cantus plugin verify FILE`: verifies a component as a host does before the component goes live.

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

The store is only read. The component decides the newest recorded commands again (the setting
verify.commands), on streams that it folds itself. It does so twice; the second time it is restored
from its own snapshots at several points of each stream. The report counts the commands that were
checked. The component may not go live if fewer than verify.min_commands were checked when the time
of verify.time_ms was over. Exit code 0: it may go live. Exit code 3: it may not; the reasons are
printed.

A patch version must decide like the version before it. A minor version may decide differently.
Only a major version may remove commands, events or aggregates. A waiver allows single differences:

  plugin = \"flights\"
  from = \"1.0.0\"
  to = \"1.0.1\"

  [[allow]]
  command = \"Flight.Depart\"
  # or rejected-to-accepted, events-differ, rejection-differs, undecided
  change = \"accepted-to-rejected\"
  code = \"too-late\"                 # optional
  reason = \"agreed in review\"

A host reads the waiver from the folder of plugins: flights.waiver.toml is for flights.wasm.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The component file
    file: PathBuf,
    /// A file that allows differences, as shown below
    #[arg(long, value_name = "FILE")]
    waiver: Option<PathBuf>,
    /// Decide this many of the newest commands again [default: the setting verify.commands]
    #[arg(long, value_name = "N")]
    commands: Option<String>,
    #[command(flatten)]
    store: StoreArg,
}

/// Verifies the component.
///
/// # Errors
/// If the file is not a component, or the store cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("verify.commands", args.commands)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let file = components::load_file(&settings.host, &args.file)?;
    let waiver = args.waiver.map(|path| {
        let context = || format!("the waiver {}", path.display());
        let text = std::fs::read_to_string(&path).or_exit_with(Exit::Usage, context)?;
        Waiver::parse(&text).or_exit_with(Exit::Usage, context)
    });
    let operations = Operations::open_read_only(&settings.host).await?;
    let report = operations.verify(Arc::clone(&file.component), waiver.transpose()?).await?;
    if global.json {
        output::print_json(&report)?;
    } else {
        output::print(&findings::report_text(&report))?;
    }
    Ok(if report.is_allowed() { Exit::Ok } else { Exit::Plugin })
}
