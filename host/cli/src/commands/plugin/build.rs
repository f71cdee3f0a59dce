//! `cantus plugin build DIR`: builds a plugin's crate, checks the component, and copies it to the folder of plugins.

use std::{fs, path::PathBuf};

use cantus_host::{
    atomic_file::{folder_of, write_file},
    components::{component_label, load_file},
};
use serde_json::json;

use super::cargo;
use crate::{
    args::{GlobalArgs, PluginsArg},
    exit_codes::{CliError, Exit, OrExit},
    output, render, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin build hello
  cantus plugin build examples/counter --plugins plugins

This command runs `cargo build --target wasm32-wasip2 --release` in DIR, checks that the host
accepts the component, and copies it to plugins/NAME.wasm, where NAME is the name that the plugin
declares.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder of the plugin's crate
    dir: PathBuf,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Builds the plugin.
///
/// # Errors
/// If cargo fails, or the host would refuse the component.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("plugins", args.plugins.plugins.clone())];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let artifact = cargo::build(&args.dir)?;
    let file = load_file(&settings.host, &artifact)?;
    let manifest = file.component.manifest();
    let target = settings.host.plugins.join(format!("{}.wasm", manifest.name));
    // A running host may read the folder at any moment, so the file must appear whole.
    let written = fs::create_dir_all(folder_of(&target)).and_then(|()| write_file(&target, &file.bytes));
    written.or_exit_with(Exit::Machine, || target.display().to_string())?;

    if global.json {
        output::print_json(&json!({
            "file": target,
            "name": manifest.name,
            "version": manifest.version,
            "digest": file.component.digest().to_string(),
            "bytes": file.bytes.len(),
        }))?;
    } else {
        let (name, size) = (component_label(&*file.component), render::bytes(file.bytes.len() as u64));
        output::print(&format!("built {name}, {size}: {}\n", render::escaped(target.display())))?;
    }
    Ok(Exit::Ok)
}
