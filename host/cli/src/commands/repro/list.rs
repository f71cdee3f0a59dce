//! The bundles that are kept.

use cantus_host::ReproFolder;
use std::path::Path;

use cantus_replay::repro::Bundle;
use serde_json::{Value, json};

use super::{bundle_file::load, show};
use crate::{
    exit_codes::{CliError, Exit, OrExit},
    output, render,
};

/// Lists them, the newest first.
pub(super) fn run(folder: &ReproFolder, as_json: bool) -> Result<Exit, CliError> {
    let doing = || format!("the folder {}", folder.path().display());
    let mut files = folder.bundles().or_exit_while(Exit::Machine, doing)?;
    files.reverse();
    let bundles: Vec<_> = files.iter().map(|file| (file.as_path(), load(file))).collect();
    if as_json {
        bundles.iter().try_for_each(|(file, bundle)| output::print_json(&line(file, bundle)))?;
    } else if bundles.is_empty() {
        output::print(&format!("no guest has left a bundle in {}\n", render::escaped(folder.path().display())))?;
    } else {
        let rows: Vec<Vec<String>> = bundles.iter().map(|(file, bundle)| row(file, bundle)).collect();
        output::print(&render::table(&["bundle", "aggregate", "command", "events", "plugin", "fault"], &[3], &rows))?;
    }
    Ok(Exit::Ok)
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn row(file: &Path, bundle: &Result<Bundle, CliError>) -> Vec<String> {
    let unknown = |what: String| {
        let dashes = ["-"; 4].map(str::to_owned);
        [name(file)].into_iter().chain(dashes).chain([what]).collect()
    };
    let bundle = match bundle {
        Ok(bundle) => bundle,
        Err(failure) => return unknown(render::message(format_args!("{:#}", failure.error))),
    };
    let command = bundle.command.as_ref().map_or("-".to_owned(), show::command_name);
    let events = match bundle.incomplete {
        Some(_) => "missing".to_owned(),
        None => render::count(bundle.events.len() as u64),
    };
    let plugin = format!("{} {}", bundle.plugin, bundle.plugin_version);
    vec![name(file), bundle.aggregate.to_string(), command, events, plugin, show::fault_line(&bundle.fault)]
}

fn line(file: &Path, bundle: &Result<Bundle, CliError>) -> Value {
    let file = file.display().to_string();
    match bundle {
        Err(failure) => json!({ "file": file, "error": format!("{:#}", failure.error) }),
        Ok(bundle) => {
            let mut line = show::about(bundle);
            line["file"] = file.into();
            line["events"] = bundle.events.len().into();
            line["incomplete"] = bundle.incomplete.clone().into();
            line
        }
    }
}
