//! The list of kept bundles.

use std::path::Path;

use cantus_host::ReproFolder;
use cantus_replay::repro::Bundle;
use serde_json::{Value, json};

use super::{bundle_file::load, show};
use crate::{
    exit_codes::{CliError, Exit, OrExit},
    output::{self, OutputFormat},
    render,
};

/// Lists the bundles, the newest first.
pub(super) fn run(folder: &ReproFolder, format: OutputFormat) -> Result<Exit, CliError> {
    let context = || format!("the folder {}", folder.path().display());
    let mut files = folder.bundles().or_exit_with(Exit::Machine, context)?;
    files.reverse();
    let bundles: Vec<_> = files.iter().map(|file| (file.as_path(), load(file))).collect();
    if format == OutputFormat::Json {
        bundles.iter().try_for_each(|(file, bundle)| output::print_json(&bundle_json(file, bundle)))?;
    } else if bundles.is_empty() {
        output::print(&format!("there are no bundles in {}\n", render::escaped(folder.path().display())))?;
    } else {
        let rows: Vec<Vec<String>> = bundles.iter().map(|(file, bundle)| cells(file, bundle)).collect();
        output::print(&render::table(&["bundle", "aggregate", "command", "events", "plugin", "fault"], &[3], &rows))?;
    }
    Ok(Exit::Ok)
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn cells(file: &Path, bundle: &Result<Bundle, CliError>) -> Vec<String> {
    let unreadable = |error: String| {
        let dashes = ["-"; 4].map(str::to_owned);
        [name(file)].into_iter().chain(dashes).chain([error]).collect()
    };
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(failure) => return unreadable(render::message(format_args!("{:#}", failure.error))),
    };
    let command = bundle.command.as_ref().map_or("-".to_owned(), show::command_name);
    let events = match bundle.incomplete {
        Some(_) => "missing".to_owned(),
        None => render::count(bundle.events.len() as u64),
    };
    let plugin = format!("{} {}", bundle.plugin, bundle.plugin_version);
    vec![name(file), bundle.aggregate.to_string(), command, events, plugin, show::fault_line(&bundle.fault)]
}

fn bundle_json(file: &Path, bundle: &Result<Bundle, CliError>) -> Value {
    let file = file.display().to_string();
    match bundle {
        Err(failure) => json!({ "file": file, "error": format!("{:#}", failure.error) }),
        Ok(bundle) => {
            let mut json = show::bundle_json(bundle);
            json["file"] = file.into();
            json["events"] = bundle.events.len().into();
            json["incomplete"] = bundle.incomplete.clone().into();
            json
        }
    }
}
