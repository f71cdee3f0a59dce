//! The settings. Each value comes from a flag, else from the environment, else from `cantus.toml`, else from its default.
//!
//! [`keys::KEYS`] lists every setting; [`resolve`] merges the layers and records the origin of each value.

mod keys;
mod layers;

use std::collections::BTreeMap;

use cantus_host::HostSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use keys::KEYS;
pub(crate) use layers::{GivenValue, Origin, file_path, gather};

use crate::exit_codes::{CliError, Exit};

/// The settings of the command line and the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The settings of the host.
    #[serde(flatten)]
    pub(crate) host: HostSettings,
    /// Most commands of one `cantus run` that are submitted and not answered yet.
    pub(crate) in_flight: usize,
    /// Most bytes of one line of a command file.
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
    /// The name in `cantus.toml`, with its section: `engine.shards`.
    pub(crate) key: &'static str,
    /// The value.
    pub(crate) value: Value,
    /// The unit of the value.
    pub(crate) unit: &'static str,
    /// The origin of the value.
    pub(crate) origin: String,
    /// The meaning, for people.
    pub(crate) meaning: &'static str,
}

/// The settings, with the origin of each value.
#[derive(Debug)]
pub(crate) struct ResolvedSettings {
    /// The values.
    pub(crate) settings: Settings,
    /// The values with their units and origins, in the order of [`KEYS`].
    pub(crate) rows: Vec<SettingRow>,
}

/// Merges the given values into the defaults. A later value replaces an earlier one.
///
/// # Errors
/// If a key is unknown, or a value has the wrong type or is out of bounds.
pub(crate) fn resolve(given: Vec<GivenValue>) -> Result<ResolvedSettings, CliError> {
    let usage = |error: serde_json::Error| CliError::new(Exit::Usage, format!("the settings: {error}"));
    let mut values = serde_json::to_value(Settings::default()).map_err(usage)?;
    let mut origins = BTreeMap::new();
    for GivenValue { key, value, origin } in given {
        let known = keys::find(&key).map_err(|error| CliError::new(Exit::Usage, format!("{origin}: {error}")))?;
        let current = values.pointer_mut(&known.pointer());
        let current = current.ok_or_else(|| CliError::new(Exit::Usage, format!("{key} cannot be set")))?;
        let refused = |why: &str| CliError::new(Exit::Usage, format!("{origin}: {key} {why}"));
        *current = known.accept(current, value).map_err(|why| refused(&why))?;
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
    Ok(ResolvedSettings { settings: serde_json::from_value(values).map_err(usage)?, rows })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn given(key: &str, value: impl Into<Value>) -> GivenValue {
        GivenValue { key: key.to_owned(), value: value.into(), origin: Origin::File("cantus.toml".into()) }
    }

    #[test]
    fn a_later_layer_replaces_an_earlier_one() {
        let flag = GivenValue { origin: Origin::Flag("--in-flight".into()), ..given("in_flight", "1_000") };
        let resolved = resolve(vec![given("in_flight", 7), given("wasm.memory_bytes", 65536), flag]).unwrap();
        assert_eq!(resolved.settings.in_flight, 1000);
        assert_eq!(resolved.settings.host.wasm.memory_bytes, 65536);
        let origin = |key: &str| resolved.rows.iter().find(|row| row.key == key).unwrap().origin.clone();
        assert_eq!(origin("in_flight"), "--in-flight");
        assert_eq!(origin("wasm.memory_bytes"), "cantus.toml");
        assert_eq!(origin("store"), "default");
    }

    #[test]
    fn invalid_settings_are_refused_with_the_reason() {
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
        assert_eq!(error(given("store", 5)), "cantus.toml: store must be a string, not 5");
    }

    #[test]
    fn every_setting_has_a_key() {
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
