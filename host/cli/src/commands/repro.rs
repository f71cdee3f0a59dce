//! `cantus repro`: runs what a guest faulted on, away from the host that met it.

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
    components::{load_file, stored_finder},
};
use cantus_model::ports::Component;
use cantus_replay::repro::{Bundle, BundleRerun, RerunError};

use crate::{
    args::GlobalArgs,
    atomic_file::{ProtectedFiles, Replace},
    exit_codes::{CliError, Exit, OrExit},
    output,
    settings::{self, Settings},
};

const EXAMPLES: &str = "\
Examples:
  cantus repro
  cantus repro 3f0c9a6d21be
  cantus repro data/repros/3f0c9a6d21be.json --json
  cantus repro 3f0c9a6d21be --shorten -o shorter.json
  cantus repro shorter.json --plugin target/wasm32-wasip2/release/flights.wasm

When a guest faults, the host keeps a bundle in data/repros and names it in its log: the events
that the state was folded from, the command and its context, and the fault. One is kept of each
kind of fault while a host runs; the settings repro.files and repro.bytes say how many and how
large. A bundle is JSON. To be run elsewhere it takes the component beside it.

It is run in a fresh sandbox, under the limits of the settings wasm.*, on the component that
faulted (from the component store) or on the one of --plugin: is it fixed? Nothing is stored.

Exit codes here:
  0    the recorded fault came again
  1    it did not, and what came instead is printed
  2    the file is no bundle, or a part of it is missing
  3    the component is missing, refused, or cannot run it";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The bundle, or the name of one that is kept; without it, those that are kept are listed
    file: Option<PathBuf>,
    /// List the bundles that are kept, the newest first
    #[arg(long, conflicts_with = "file")]
    list: bool,
    /// Run it on this component
    #[arg(long, value_name = "FILE", requires = "file")]
    plugin: Option<PathBuf>,
    /// Take events out for as long as the fault stays, and write a bundle of those that are left
    #[arg(long, requires = "file")]
    shorten: bool,
    /// Where to write it [default: NAME.short.json, in the current folder]
    #[arg(long, short, value_name = "FILE", requires = "shorten")]
    output: Option<PathBuf>,
    /// Replace the file if it is there, unless it is a store, a plugin or an input
    #[arg(long, requires = "shorten")]
    force: bool,
    /// How often --shorten runs it, at most [default: 1000]
    #[arg(long, value_name = "N", requires = "shorten", value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
}

/// Runs one, or lists all.
///
/// # Errors
/// If the bundle or the component cannot be used.
pub(crate) fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[])?)?.settings;
    let folder = ReproFolder::of(&settings.host);
    let Some(file) = &args.file else { return list::run(&folder, global.json) };
    let file = find(&folder, file);
    let bundle = bundle_file::load(&file)?;
    let component = component(&settings, &bundle, args.plugin.as_deref())?;
    let rerun = BundleRerun::new(&bundle, Arc::clone(&component), settings.host.engine.events_per_command);
    let rerun = rerun.map_err(|error| match error {
        RerunError::Incomplete(_) => CliError::new(Exit::Usage, format!("{}: {error}", file.display())),
        RerunError::NotHosted { .. } | RerunError::ForeignSnapshot { .. } => CliError::new(Exit::Plugin, error),
    })?;
    let runs = rerun.runs();
    let again = runs.iter().any(|run| run.reproduced);
    let shortened = match args.shorten && again {
        true => {
            let inputs = [&file].into_iter().chain(&args.plugin).map(PathBuf::as_path);
            let protected = ProtectedFiles::of(&settings, global, inputs);
            let (replace, runs) = (Replace::Nothing.or_forced(args.force), args.runs.unwrap_or(1_000));
            Some(shorten::run(&rerun, &file, args.output, replace, &protected, runs)?)
        }
        false => None,
    };
    let report = show::RerunReport { bundle: &bundle, component: &*component, runs: &runs, shortened };
    match global.json {
        true => output::print_json(&report.json())?,
        false => output::print(&report.text())?,
    }
    Ok(if again { Exit::Ok } else { Exit::Some })
}

/// A file as it is named; else the one that is kept under that name.
fn find(folder: &ReproFolder, file: &Path) -> PathBuf {
    let kept = file.to_str().map(|name| folder.file(name));
    kept.filter(|kept| !file.exists() && kept.exists()).unwrap_or_else(|| file.to_owned())
}

/// The component that is named, or the one that faulted.
fn component(settings: &Settings, bundle: &Bundle, plugin: Option<&Path>) -> Result<Arc<dyn Component>, CliError> {
    if let Some(path) = plugin {
        return Ok(load_file(&settings.host, path)?.component);
    }
    let found = stored_finder(&settings.host)?(bundle.component).or_exit(Exit::Plugin)?;
    found.ok_or_else(|| {
        let (folder, Bundle { plugin, plugin_version, component, .. }) =
            (settings.host.data.join("components"), bundle);
        let advice = "name its file with --plugin, or the host's data folder with --set data=DIR";
        let message = format!("{plugin} {plugin_version} ({component}) is not in {}: {advice}", folder.display());
        CliError::new(Exit::Plugin, message)
    })
}
