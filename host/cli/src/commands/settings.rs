//! `cantus settings`: shows every setting with its value, unit, origin and meaning.

use crate::{
    args::{GlobalArgs, PluginsArg, StoreArg},
    exit_codes::{CliError, Exit},
    output, render,
    settings::{self, SettingRow},
};

const EXAMPLES: &str = "\
Examples:
  cantus settings
  cantus settings --set wasm.memory_bytes=1_000_000
  CANTUS_ENGINE_SHARDS=4 cantus settings --json

A settings file, cantus.toml in the current folder or the file of --config, looks like this:
  store = \"sqlite:data/cantus.db\"
  [wasm]
  fuel_per_call = 100_000_000

The environment variable of a setting is its name in capital letters: CANTUS_WASM_FUEL_PER_CALL.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Prints the settings.
///
/// # Errors
/// If a setting is unknown or its value is invalid.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store.clone()), ("plugins", args.plugins.plugins.clone())];
    let rows = settings::resolve(settings::gather(global, &flags)?)?.rows;
    if global.json {
        rows.iter().try_for_each(output::print_json)?;
    } else {
        output::print(&settings_text(&rows))?;
    }
    Ok(Exit::Ok)
}

/// A table, with the meaning of each setting on a line of its own: sentences would make the rows too wide.
fn settings_text(rows: &[SettingRow]) -> String {
    let value = |row: &SettingRow| match &row.value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), render::count),
        other => other.to_string(),
    };
    let cells = |row: &SettingRow| vec![row.key.to_owned(), value(row), row.unit.to_owned(), row.origin.clone()];
    let cells: Vec<_> = rows.iter().map(cells).collect();
    let table = render::table(&["setting", "value", "unit", "from"], &[], &cells);
    let mut lines = table.lines();
    let heading = lines.next().map(|line| format!("{line}\n"));
    let described = lines.zip(rows).map(|(line, row)| format!("{line}\n    {}\n", row.meaning));
    heading.into_iter().chain(described).collect()
}
