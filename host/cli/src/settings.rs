//! Settings as resolved: flag, else environment, else `cantus.toml`, else default.
//!
//! [`keys::KEYS`] names every one of them; [`resolve`] merges the layers and remembers where each value came from.

mod keys;
mod layers;

use std::collections::BTreeMap;

use cantus_host::HostSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use keys::KEYS;
pub(crate) use layers::{Given, Origin, file_path, gather};

use crate::exit_codes::{CliError, Exit};

/// Everything that can be set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The host's.
    #[serde(flatten)]
    pub(crate) host: HostSettings,
    /// Commands of one `cantus run` that are on their way at once.
    pub(crate) in_flight: usize,
    /// Bytes of one line of a command file.
    pub(crate) line_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { host: HostSettings::default(), in_flight: 256, line_bytes: 16 << 20 }
    }
}

/// One setting as `cantus settings` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct SettingRow {
    /// As in `cantus.toml`, with its section: `engine.shards`.
    pub(crate) key: &'static str,
    /// What it is.
    pub(crate) value: Value,
    /// What it is counted in.
    pub(crate) unit: &'static str,
    /// Where it came from.
    pub(crate) origin: String,
    /// What it is for.
    pub(crate) meaning: &'static str,
}

/// The settings, and how each came to be.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The values.
    pub(crate) settings: Settings,
    /// The same, with unit and origin, in the order of [`KEYS`].
    pub(crate) rows: Vec<SettingRow>,
}

/// Lays what was given over the defaults. Later layers win.
///
/// # Errors
/// If a key is unknown, or a value is of the wrong kind or out of bounds.
pub(crate) fn resolve(given: Vec<Given>) -> Result<Resolved, CliError> {
    let usage = |error: serde_json::Error| CliError::new(Exit::Usage, format!("the settings: {error}"));
    let mut values = serde_json::to_value(Settings::default()).map_err(usage)?;
    let mut origins = BTreeMap::new();
    for Given { key, value, origin } in given {
        let known = keys::find(&key).map_err(|error| CliError::new(Exit::Usage, format!("{origin}: {error}")))?;
        let slot = values.pointer_mut(&known.pointer());
        let slot = slot.ok_or_else(|| CliError::new(Exit::Usage, format!("{key} cannot be set")))?;
        let refused = |why: &str| CliError::new(Exit::Usage, format!("{origin}: {key} {why}"));
        *slot = known.accept(slot, value).map_err(|why| refused(&why))?;
        origins.insert(known.name, origin);
    }
    let rows = KEYS
        .iter()
        .map(|key| SettingRow {
            key: key.name,
            value: values.pointer(&key.pointer()).cloned().unwrap_or_default(),
            unit: key.unit,
            origin: origins.get(key.name).unwrap_or(&Origin::Default).to_string(),
            meaning: key.meaning,
        })
        .collect();
    Ok(Resolved { settings: serde_json::from_value(values).map_err(usage)?, rows })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn given(key: &str, value: impl Into<Value>) -> Given {
        Given { key: key.to_owned(), value: value.into(), origin: Origin::File("cantus.toml".into()) }
    }

    #[test]
    fn later_layers_win_and_origins_are_kept() {
        let flag = Given { origin: Origin::Flag("--in-flight".into()), ..given("in_flight", "1_000") };
        let resolved = resolve(vec![given("in_flight", 7), given("wasm.memory_bytes", 65536), flag]).unwrap();
        assert_eq!(resolved.settings.in_flight, 1000);
        assert_eq!(resolved.settings.host.wasm.memory_bytes, 65536);
        let origin = |key: &str| resolved.rows.iter().find(|row| row.key == key).unwrap().origin.clone();
        assert_eq!(origin("in_flight"), "--in-flight");
        assert_eq!(origin("wasm.memory_bytes"), "cantus.toml");
        assert_eq!(origin("store"), "default");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let error = |given| format!("{}", resolve(vec![given]).unwrap_err().error);
        assert_eq!(
            error(given("engine.shard", 4)),
            "cantus.toml: there is no setting `engine.shard`; did you mean `engine.shards`?"
        );
        assert_eq!(error(given("in_flight", 0)), "cantus.toml: in_flight must be at least 1");
        assert_eq!(error(given("in_flight", "many")), "cantus.toml: in_flight must be a whole number, not \"many\"");
        assert_eq!(
            error(given("wasm.sandboxes", 1_u64 << 32)),
            "cantus.toml: wasm.sandboxes must be at most 4294967295"
        );
        assert_eq!(error(given("store", 5)), "cantus.toml: store must be a text, not 5");
    }

    #[test]
    fn every_setting_is_named_once() {
        fn leaves(prefix: &str, value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                    leaves(&if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") }, value, found);
                }),
                _ => found.push(prefix.to_owned()),
            }
        }
        let mut exist = Vec::new();
        leaves("", &serde_json::to_value(Settings::default()).unwrap(), &mut exist);
        let mut named: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
        exist.sort();
        named.sort();
        assert_eq!(named, exist);
    }
}
