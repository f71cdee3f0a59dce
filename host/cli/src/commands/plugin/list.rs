//! `cantus plugin list`: lists the live components and the files in the folder of plugins.

use cantus_host::{PluginStatus, Queries, plugins_in_folder, wire::PluginJson};

use crate::{
    args::{GlobalArgs, PluginsArg, StoreArg},
    exit_codes::{CliError, Exit},
    output, render,
    settings::{self, Settings},
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin list
  cantus plugin list --json | jq -r 'select(.state == \"refused\") | .reason'

A file is found, validated, compiled, verified and then active. Other states are: superseded by a
higher version, rolled back, and refused. The store records which components are live. The state
of a file is known after a host has loaded the file. The column `checked` counts the recorded
commands that were decided again and compared in the verification, of those that were selected.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Prints the list.
///
/// # Errors
/// If the store or the folder of plugins cannot be read.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store), ("plugins", args.plugins.plugins)];
    let settings = settings::resolve(settings::gather(global, &flags)?)?.settings;
    let statuses = statuses(&settings).await?;
    let rows: Vec<_> = statuses.iter().map(PluginJson::from).collect();
    if global.json {
        return rows.iter().try_for_each(output::print_json).map(|()| Exit::Ok);
    }
    output::print(&list_text(&rows))?;
    Ok(Exit::Ok)
}

/// Without a store no component was ever live, so there are only files.
async fn statuses(settings: &Settings) -> Result<Vec<PluginStatus>, CliError> {
    let store_exists = cantus_store::files(&settings.host.store).iter().any(|file| file.exists());
    match Queries::open(&settings.host).await {
        Ok(queries) => Ok(queries.plugins().await?),
        Err(error) if store_exists => Err(error.into()),
        Err(_) => Ok(plugins_in_folder(&settings.host)?),
    }
}

fn list_text(rows: &[PluginJson]) -> String {
    if rows.is_empty() {
        return "there are no plugins: `cantus plugin build DIR` puts one into the folder\n".to_owned();
    }
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let cells = |row: &PluginJson| {
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
