//! The layers of settings: the file, the environment and the flags.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{KEYS, keys};
use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit, OrExit},
};

const FILE: &str = "cantus.toml";

/// The value of one setting in a layer.
#[derive(Debug)]
pub(crate) struct GivenValue {
    /// The name of the setting, with its section.
    pub(crate) key: String,
    /// The value: a string from flags and the environment, any type from the file.
    pub(crate) value: Value,
    /// The layer.
    pub(crate) origin: Origin,
}

/// The origin of a value.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// The default of the setting.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Reads all layers, the lowest first. `flags` are the flags of the command, each with the setting that it sets.
///
/// # Errors
/// If the settings file of `--config` does not exist, or a settings file is invalid.
pub(crate) fn gather(global: &GlobalArgs, flags: &[(&str, Option<String>)]) -> Result<Vec<GivenValue>, CliError> {
    let mut given = file(global)?;
    given.extend(environment(
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    ));
    given.extend(global.set.iter().map(|(key, value)| GivenValue {
        key: key.clone(),
        value: value.clone().into(),
        origin: Origin::Flag("--set".to_owned()),
    }));
    given.extend(flags.iter().filter_map(|(key, value)| {
        let origin = Origin::Flag(format!("--{}", key.replace('_', "-")));
        Some(GivenValue { key: (*key).to_owned(), value: value.clone()?.into(), origin })
    }));
    Ok(given)
}

/// Returns the path of the settings file, which may not exist.
pub(crate) fn file_path(global: &GlobalArgs) -> PathBuf {
    named_file(global).unwrap_or_else(|| FILE.into())
}

fn named_file(global: &GlobalArgs) -> Option<PathBuf> {
    global.config.clone().or_else(|| std::env::var_os("CANTUS_CONFIG").map(PathBuf::from))
}

fn file(global: &GlobalArgs) -> Result<Vec<GivenValue>, CliError> {
    let (named, path) = (named_file(global), file_path(global));
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).or_exit_with(Exit::Usage, || format!("the settings file {}", path.display())),
    }
}

/// Lists the values of the file with their dotted keys.
fn parse(path: &Path, text: &str) -> Result<Vec<GivenValue>, CliError> {
    let table: toml::Table = text.parse().or_exit_with(Exit::Usage, || path.display().to_string())?;
    let values = serde_json::to_value(table).or_exit_with(Exit::Usage, || path.display().to_string())?;
    let mut given = Vec::new();
    flatten(String::new(), values, &mut |key, value| {
        given.push(GivenValue { key, value, origin: Origin::File(path.to_owned()) });
    });
    Ok(given)
}

fn flatten(key: String, value: Value, found: &mut impl FnMut(String, Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(if key.is_empty() { name } else { format!("{key}.{name}") }, value, found);
            }
        }
        value => found(key, value),
    }
}

/// Lists the variables that set a setting, in the order of the keys. Others may belong to other programs: Kubernetes sets
/// `CANTUS_SERVICE_HOST` for a service that is called cantus.
fn environment(variables: impl Iterator<Item = (String, String)>) -> Vec<GivenValue> {
    let mut given: Vec<(usize, GivenValue)> = Vec::new();
    for (name, value) in variables {
        match KEYS.iter().position(|key| key.variable() == name) {
            Some(index) => {
                let key = KEYS[index].name.to_owned();
                given.push((index, GivenValue { key, value: value.into(), origin: Origin::Environment(name) }));
            }
            None if name.starts_with("CANTUS_ENGINE_") || name.starts_with("CANTUS_WASM_") => {
                let near = keys::nearest_variable(&name).unwrap_or_default();
                tracing::warn!("the environment variable {name} sets no setting; did you mean {near}?");
            }
            None => {}
        }
    }
    given.sort_by_key(|(index, _)| *index);
    given.into_iter().map(|(_, given)| given).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sections_become_dotted_keys() {
        let given = parse(Path::new("x.toml"), "store = 'sqlite:x'\n[engine]\nshards = 3\n").unwrap();
        let found: Vec<_> = given.iter().map(|given| (given.key.as_str(), given.value.to_string())).collect();
        assert_eq!(found, [("engine.shards", "3".to_owned()), ("store", "\"sqlite:x\"".to_owned())]);
    }

    #[test]
    fn an_invalid_file_is_named_with_the_line() {
        let error = format!("{:#}", parse(Path::new("x.toml"), "store = \n").unwrap_err().error);
        assert!(error.starts_with("x.toml: TOML parse error at line 1"), "{error}");
    }

    #[test]
    fn variables_are_named_after_keys() {
        let variables = [("CANTUS_WASM_MEMORY_BYTES", "9"), ("CANTUS_STORE", "s"), ("CANTUS_HOME", "x"), ("HOME", "y")];
        let given = environment(variables.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let found: Vec<_> = given.iter().map(|given| given.key.as_str()).collect();
        assert_eq!(found, ["store", "wasm.memory_bytes"]);
    }
}
