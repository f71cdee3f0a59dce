//! `cantus repro`: runs a command again that made a guest fault, outside the host where it happened.

mod bundle_file;
mod list;
mod shorten;
mod show;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use cantus_host::{
    ReproFolder,
    components::{load_file, stored_component_finder},
};
use cantus_model::ports::Component;
use cantus_replay::repro::{Bundle, BundleRerun, RerunError};

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit, OrExit},
    output,
    output_file::{ProtectedFiles, ReplacePolicy},
    settings::{self, Settings},
};

const EXAMPLES: &str = "\
Examples:
  cantus repro
  cantus repro 3f0c9a6d21be
  cantus repro data/repros/3f0c9a6d21be.json --json
  cantus repro 3f0c9a6d21be --shorten -o shorter.json
  cantus repro shorter.json --plugin target/wasm32-wasip2/release/flights.wasm

When a guest faults, the host writes a bundle to data/repros and names the file in its log. The
bundle holds the events that the state was folded from, the command with its context, and the
fault. A running host keeps one bundle for each kind of fault; the settings repro.files and
repro.bytes limit their number and size. A bundle is a JSON file. To run it on another machine,
copy the component as well.

The command runs in a new sandbox with the limits of the settings wasm.*, on the component that
faulted, which is read from the component store, or on the component of --plugin, for example to
check that the fault is fixed. Nothing is stored.

Exit codes of this command:
  0    the recorded fault happened again
  1    the recorded fault did not happen; the outcome is printed
  2    the file is not a bundle, or the bundle is incomplete
  3    the component is missing or refused, or does not host the aggregate";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A bundle file, or the name of a kept bundle; without it, the kept bundles are listed
    file: Option<PathBuf>,
    /// List the kept bundles, the newest first
    #[arg(long, conflicts_with = "file")]
    list: bool,
    /// Run the bundle on this component
    #[arg(long, value_name = "FILE", requires = "file")]
    plugin: Option<PathBuf>,
    /// Remove events that the fault does not need, and write the shorter bundle
    #[arg(long, requires = "file")]
    shorten: bool,
    /// The file of the shorter bundle [default: NAME.short.json in the current folder]
    #[arg(long, short, value_name = "FILE", requires = "shorten")]
    output: Option<PathBuf>,
    /// Replace any existing file except a store, a plugin and an input
    #[arg(long, requires = "shorten")]
    force: bool,
    /// The most runs that --shorten may take [default: 1000]
    #[arg(long, value_name = "N", requires = "shorten", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
}

/// Runs one bundle, or lists all bundles.
///
/// # Errors
/// If the bundle or the component cannot be used.
pub(crate) fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[])?)?.settings;
    let folder = ReproFolder::new(&settings.host);
    let Some(file) = &args.file else { return list::run(&folder, global.format()) };
    let file = bundle_path(&folder, file);
    let bundle = bundle_file::load(&file)?;
    let component = load_component(&settings, &bundle, args.plugin.as_deref())?;
    let rerun = BundleRerun::new(&bundle, Arc::clone(&component), settings.host.engine.events_per_command);
    let rerun = rerun.map_err(|error| match error {
        RerunError::Incomplete(_) => CliError::new(Exit::Usage, format!("{}: {error}", file.display())),
        RerunError::NotHosted { .. } | RerunError::ForeignSnapshot { .. } => CliError::new(Exit::Plugin, error),
    })?;
    let runs = rerun.runs();
    let reproduced = runs.iter().any(|run| run.reproduced);
    let shortened = match args.shorten && reproduced {
        true => {
            let inputs = [&file].into_iter().chain(&args.plugin).map(PathBuf::as_path);
            let protected = ProtectedFiles::new(&settings, global, inputs);
            let (policy, runs) = (ReplacePolicy::Nothing.or_forced(args.force), args.runs.unwrap_or(1_000));
            Some(shorten::run(&rerun, &file, args.output, policy, &protected, runs)?)
        }
        false => None,
    };
    let report = show::RerunReport { bundle: &bundle, component: &*component, runs: &runs, shortened };
    match global.json {
        true => output::print_json(&report.json())?,
        false => output::print(&report.text())?,
    }
    Ok(if reproduced { Exit::Ok } else { Exit::Partial })
}

/// Returns the file if it exists, else the kept bundle of that name.
fn bundle_path(folder: &ReproFolder, file: &Path) -> PathBuf {
    let kept = file.to_str().map(|name| folder.file(name));
    kept.filter(|kept| !file.exists() && kept.exists()).unwrap_or_else(|| file.to_owned())
}

/// Loads the component of `--plugin`, or the one that faulted.
fn load_component(settings: &Settings, bundle: &Bundle, plugin: Option<&Path>) -> Result<Arc<dyn Component>, CliError> {
    if let Some(path) = plugin {
        return Ok(load_file(&settings.host, path)?.component);
    }
    let found = stored_component_finder(&settings.host)?(bundle.component).or_exit(Exit::Plugin)?;
    found.ok_or_else(|| {
        let (folder, Bundle { plugin, plugin_version, component, .. }) =
            (settings.host.data.join("components"), bundle);
        let advice = "give its file with --plugin, or the data folder of its host with --set data=DIR";
        let message = format!("{plugin} {plugin_version} ({component}) is not in {}: {advice}", folder.display());
        CliError::new(Exit::Plugin, message)
    })
}
