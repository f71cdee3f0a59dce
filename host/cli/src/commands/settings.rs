//! `cantus settings`: every setting, its value, its unit and where it came from.

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

cantus.toml, in the current folder, holds them like this:
  store = \"sqlite:data/cantus.db\"
  [wasm]
  fuel_per_call = 100_000_000

A key's environment variable is its name in capitals: CANTUS_WASM_FUEL_PER_CALL.";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    plugins: PluginsArg,
}

/// Prints them.
///
/// # Errors
/// If the settings make no sense.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let flags = [("store", args.store.store.clone()), ("plugins", args.plugins.plugins.clone())];
    let rows = settings::resolve(settings::gather(global, &flags)?)?.rows;
    if global.json {
        rows.iter().try_for_each(output::print_json)?;
    } else {
        output::print(&text(&rows))?;
    }
    Ok(Exit::Ok)
}

fn text(rows: &[SettingRow]) -> String {
    let value = |row: &SettingRow| match &row.value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), render::count),
        other => other.to_string(),
    };
    let cells = |row: &SettingRow| {
        vec![row.key.to_owned(), value(row), row.unit.to_owned(), row.origin.clone(), row.meaning.to_owned()]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    render::table(&["setting", "value", "unit", "from", "what it is"], &[], &rows)
}
