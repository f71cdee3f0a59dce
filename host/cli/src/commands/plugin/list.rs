//! `cantus plugin list`: what is live, and what became of every file in the folder.

use std::collections::BTreeMap;

use cantus_engine::registry::{ActivationState, FileStatus};
use cantus_host::{status_file, wire::time_text};
use cantus_model::{Activation, Digest};
use cantus_wasm::PluginFolder;
use serde::Serialize;

use super::history;
use crate::{
    args::{GlobalArgs, PluginsArg, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    output, render,
    settings::{self, Settings},
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin list
  cantus plugin list --json | jq -r 'select(.state == \"refused\") | .reason'

States: found, validated, compiled, verified, active; superseded by a higher version;
rolled back; refused. What is live stands in the store; what became of a file is known
since a host looked at it. Under `checked` stands how many of the recorded commands that
the verification was to decide again were decided and compared.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// One line: a live component, or a file.
#[derive(Debug, Serialize)]
struct PluginRow {
    plugin: Option<String>,
    version: Option<String>,
    digest: Option<String>,
    state: &'static str,
    file: Option<String>,
    since: Option<String>,
    checked: Option<String>,
    reason: Option<String>,
}

/// Prints it.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let (log, activations) = match cantus_store::open_read_only(&settings.host.store).await {
        Ok(store) => {
            let activations = store.activations(0).await.or_exit(Exit::Store)?;
            (ActivationState::new(store.components().await.or_exit(Exit::Store)?, &activations), activations)
        }
        // Nothing was ever live: there are only files.
        Err(error) => {
            tracing::debug!(%error, "no store");
            (ActivationState::default(), Vec::new())
        }
    };
    let rows = rows(&log, &activations, files(&settings)?);
    if global.json {
        return rows.iter().try_for_each(output::print_json).map(|()| Exit::Ok);
    }
    output::print(&text(&rows))?;
    Ok(Exit::Ok)
}

/// The files that are there, with what a host last knew of them if they are still the same.
fn files(settings: &Settings) -> Result<Vec<FileStatus>, CliError> {
    if !settings.host.plugins.exists() {
        return Ok(Vec::new());
    }
    let folder =
        PluginFolder::open(&settings.host.plugins, settings.host.wasm.component_bytes).or_exit(Exit::Plugin)?;
    let mut known: BTreeMap<String, FileStatus> =
        status_file::read(&settings.host.data).into_iter().map(|status| (status.file.clone(), status)).collect();
    let file = |name: String| {
        let read = folder.read(&name);
        let digest = read.as_ref().ok().map(|bytes| Digest::of(bytes));
        let unseen = FileStatus {
            file: name.clone(),
            state: cantus_engine::registry::FileState::Found,
            reason: Some("no host has looked at it".into()),
            digest,
            plugin: None,
            version: None,
        };
        known.remove(&name).filter(|known| known.digest == digest || read.is_err()).unwrap_or(unseen)
    };
    Ok(folder.names().or_exit(Exit::Plugin)?.into_iter().map(file).collect())
}

/// Live components first, each with its file if it has one; then the other files.
fn rows(log: &ActivationState, activations: &[Activation], mut files: Vec<FileStatus>) -> Vec<PluginRow> {
    let mut rows = Vec::new();
    for (plugin, digest) in log.live() {
        let file = files.iter().position(|file| file.digest == Some(digest)).map(|place| files.remove(place).file);
        let last = activations.iter().rfind(|activation| activation.plugin == plugin);
        rows.push(PluginRow {
            plugin: Some(plugin.to_owned()),
            version: log.component(digest).map(|(_, version)| version.to_string()),
            digest: Some(digest.to_string()),
            state: "active",
            file,
            since: last.map(|last| time_text(last.at)),
            checked: last.and_then(history::checked),
            reason: last.map(|last| format!("{}: {}", last.cause, last.why)),
        });
    }
    rows.extend(files.into_iter().map(|file| PluginRow {
        plugin: file.plugin,
        version: file.version.map(|version| version.to_string()),
        digest: file.digest.map(|digest| digest.to_string()),
        state: file.state.as_str(),
        file: Some(file.file),
        since: None,
        checked: None,
        reason: file.reason,
    }));
    rows
}

fn text(rows: &[PluginRow]) -> String {
    if rows.is_empty() {
        return "there are no plugins: put one into the folder with `cantus plugin build DIR`\n".to_owned();
    }
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let cells = |row: &PluginRow| {
        let digest = row.digest.as_ref().map(|digest| digest.chars().take(12).collect());
        let reason = match (&row.since, &row.reason) {
            (Some(since), Some(reason)) => Some(format!("since {since}, {reason}")),
            (_, reason) => reason.clone(),
        };
        vec![
            cell(&row.plugin),
            cell(&row.version),
            cell(&digest),
            row.state.to_owned(),
            cell(&row.file),
            cell(&row.checked),
            reason.unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    render::table(&["plugin", "version", "component", "state", "file", "checked", "why"], &[], &rows)
}
