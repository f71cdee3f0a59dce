//! `cantus plugin build DIR`: compiles a plugin's crate, checks the component, and puts it into the folder of plugins.

use cantus_host::components::LoadedFile;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use cantus_host::components::{load_file, name_of};
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

It is short for `cargo build --target wasm32-wasip2 --release` in DIR, a check that the host takes
the component, and a copy to plugins/NAME.wasm, where NAME is what the plugin calls itself.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder of the plugin's crate
    dir: PathBuf,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Builds it.
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
    put(&target, &file).or_exit_while(Exit::Machine, || target.display().to_string())?;

    if global.json {
        output::print_json(&json!({
            "file": target,
            "name": manifest.name,
            "version": manifest.version,
            "digest": file.component.digest().to_string(),
            "bytes": file.bytes.len(),
        }))?;
    } else {
        let (name, size) = (name_of(&*file.component), render::bytes(file.bytes.len() as u64));
        output::print(&format!("built {name}, {size}, into {}\n", render::escaped(target.display())))?;
    }
    Ok(Exit::Ok)
}

/// Writes aside and renames: whoever watches the folder never meets half a component. The name aside is hidden and no
/// `*.wasm`, so a leftover is never taken for a plugin.
fn put(target: &Path, file: &LoadedFile) -> std::io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let aside = folder.join(format!(".{}.{}", file.component.digest().short(), std::process::id()));
    let written = fs::File::create(&aside)
        .and_then(|mut aside| aside.write_all(&file.bytes).and_then(|()| aside.sync_all()))
        .and_then(|()| fs::rename(&aside, target));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&aside);
    }
    written
}
