//! Where settings come from: the file, the environment, the flags.

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

/// One value that somebody gave.
#[derive(Debug)]
pub(crate) struct Given {
    /// As in the file, with its section.
    pub(crate) key: String,
    /// As given: text from flags and environment, any kind from the file.
    pub(crate) value: Value,
    /// Where it was given.
    pub(crate) origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Nobody gave one.
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

/// Reads all layers, lowest first. `flags` are the command's own, by the key that they set.
///
/// # Errors
/// If the settings file was named but is not there, or does not parse.
pub(crate) fn gather(global: &GlobalArgs, flags: &[(&str, Option<String>)]) -> Result<Vec<Given>, CliError> {
    let mut given = file(global)?;
    given.extend(environment(
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    ));
    given.extend(global.set.iter().map(|(key, value)| Given {
        key: key.clone(),
        value: value.clone().into(),
        origin: Origin::Flag("--set".to_owned()),
    }));
    given.extend(flags.iter().filter_map(|(key, value)| {
        let origin = Origin::Flag(format!("--{}", key.replace('_', "-")));
        Some(Given { key: (*key).to_owned(), value: value.clone()?.into(), origin })
    }));
    Ok(given)
}

/// The settings file, whether it is there or not.
pub(crate) fn file_path(global: &GlobalArgs) -> PathBuf {
    named_file(global).unwrap_or_else(|| FILE.into())
}

fn named_file(global: &GlobalArgs) -> Option<PathBuf> {
    global.config.clone().or_else(|| std::env::var_os("CANTUS_CONFIG").map(PathBuf::from))
}

fn file(global: &GlobalArgs) -> Result<Vec<Given>, CliError> {
    let (named, path) = (named_file(global), file_path(global));
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).or_exit_while(Exit::Usage, || format!("the settings file {}", path.display())),
    }
}

/// Every value of the file under its dotted key.
fn parse(path: &Path, text: &str) -> Result<Vec<Given>, CliError> {
    let table: toml::Table = text.parse().or_exit_while(Exit::Usage, || path.display().to_string())?;
    let values = serde_json::to_value(table).or_exit_while(Exit::Usage, || path.display().to_string())?;
    let mut given = Vec::new();
    flatten(String::new(), values, &mut |key, value| {
        given.push(Given { key, value, origin: Origin::File(path.to_owned()) });
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

/// The variables that name a setting, in the order of the keys. Others may belong to somebody else: a supervisor sets
/// `CANTUS_SERVICE_HOST` for a service that is called cantus.
fn environment(variables: impl Iterator<Item = (String, String)>) -> Vec<Given> {
    let mut given: Vec<(usize, Given)> = Vec::new();
    for (name, value) in variables {
        match KEYS.iter().position(|key| key.variable() == name) {
            Some(index) => {
                let key = KEYS[index].name.to_owned();
                given.push((index, Given { key, value: value.into(), origin: Origin::Environment(name) }));
            }
            None if name.starts_with("CANTUS_ENGINE_") || name.starts_with("CANTUS_WASM_") => {
                let near = keys::nearest_variable(&name).unwrap_or_default();
                tracing::warn!("the variable {name} names no setting; the nearest one is {near}");
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
    fn a_broken_file_is_named_with_its_line() {
        let error = format!("{:#}", parse(Path::new("x.toml"), "store = \n").unwrap_err().error);
        assert!(error.starts_with("x.toml: TOML parse error at line 1"), "{error}");
    }

    #[test]
    fn variables_name_settings_by_their_keys() {
        let variables = [("CANTUS_WASM_MEMORY_BYTES", "9"), ("CANTUS_STORE", "s"), ("CANTUS_HOME", "x"), ("HOME", "y")];
        let given = environment(variables.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        let found: Vec<_> = given.iter().map(|given| given.key.as_str()).collect();
        assert_eq!(found, ["store", "wasm.memory_bytes"]);
    }
}
