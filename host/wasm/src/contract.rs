//! The names of the contract's interfaces, as components export them: `cantus:domain/aggregate@0.1.0`.

use cantus_model::PluginKind;

/// The package of the contract.
pub(crate) const CONTRACT: &str = "cantus:domain/";
/// The minor version of the contract that this host has. Patch versions add interfaces and change none.
pub(crate) const CONTRACT_VERSION: &str = "0.1";
/// The only interface that a plugin imports.
pub(crate) const TYPES: &str = "cantus:domain/types";
/// The only interface that every plugin exports.
pub(crate) const PLUGIN: &str = "cantus:domain/plugin";

/// Returns the interface of a kind of plugin, without a version.
pub(crate) fn interface_of(kind: PluginKind) -> String {
    format!("{CONTRACT}{kind}")
}

/// Divides the name of an import or export into the interface and its version.
pub(crate) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, Some(version)),
        None => (name, None),
    }
}

/// Reports whether an interface of this version of the contract fits this host.
pub(crate) fn is_contract_version(version: Option<&str>) -> bool {
    version.and_then(|version| version.rsplit_once('.')).is_some_and(|(minor, _)| minor == CONTRACT_VERSION)
}
