//! `cantus plugin inspect FILE`: shows the manifest and the imports of a component.

use std::path::PathBuf;

use cantus_host::components::load_file;
use serde_json::json;

use super::tree;
use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit},
    output, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin inspect plugins/counter.wasm
  cantus plugin inspect plugins/counter.wasm --json | jq '.manifest.aggregates[].commands'";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The component file
    file: PathBuf,
}

/// Prints the manifest and the imports.
///
/// # Errors
/// If the host would refuse the component.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[])?)?.settings;
    let file = load_file(&settings.host, &args.file)?;
    let (manifest, digest) = (file.component.manifest(), file.component.digest());
    if global.json {
        output::print_json(&json!({
            "file": args.file,
            "digest": digest.to_string(),
            "bytes": file.bytes.len(),
            "imports": file.imports,
            "manifest": manifest,
        }))?;
    } else {
        output::print(&tree::component_text(manifest, digest, file.bytes.len() as u64, &file.imports))?;
    }
    Ok(Exit::Ok)
}
