//! A plugin's description of itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::MessageKind;

/// A kind of plugin: an interface of the contract that the host calls. A plugin can be of several kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PluginKind {
    /// Decides commands and folds events.
    Aggregate,
}

impl PluginKind {
    /// All kinds that this host can run.
    pub const ALL: &[Self] = &[Self::Aggregate];

    /// Returns the kind's name, which is also the name of its interface in `wit/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aggregate => "aggregate",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A plugin's own description: the `manifest` of `wit/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The plugin's name: lower-case letters, digits and hyphens.
    pub name: String,
    /// The plugin's version. The bytes of one name and version never change.
    pub version: semver::Version,
    /// Media type of payloads and snapshots.
    pub payload_format: String,
    /// The aggregate types that it hosts, in the plugin's order.
    pub aggregates: Vec<AggregateType>,
}

/// One aggregate type of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregateType {
    /// The name of the type, unique within a host.
    pub name: String,
    /// A snapshot is due after this many events; 0 means never.
    pub snapshot_every: u32,
    /// The commands that it decides.
    pub commands: Vec<CommandType>,
    /// The events that it folds.
    pub events: Vec<EventType>,
}

/// One command in one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandType {
    /// The command's name.
    pub name: String,
    /// The schema version, from 1.
    pub version: u32,
    /// JSON Schema of the payload.
    pub schema: serde_json::Value,
    /// The events that its handler may return.
    pub produces: Vec<MessageKind>,
}

/// One event in one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventType {
    /// The event's name.
    pub name: String,
    /// The schema version, from 1.
    pub version: u32,
    /// JSON Schema of the payload.
    pub schema: serde_json::Value,
    /// For an older version: the version to which the plugin's upcaster converts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upcasts_to: Option<u32>,
}

impl Manifest {
    /// Returns the kinds of which the plugin declares at least one.
    pub fn kinds(&self) -> impl Iterator<Item = PluginKind> {
        PluginKind::ALL.iter().copied().filter(|kind| self.declares(*kind))
    }

    /// Reports whether the plugin declares at least one of `kind`.
    pub fn declares(&self, kind: PluginKind) -> bool {
        match kind {
            PluginKind::Aggregate => !self.aggregates.is_empty(),
        }
    }

    /// The aggregate type of that name.
    pub fn aggregate(&self, name: &str) -> Option<&AggregateType> {
        self.aggregates.iter().find(|aggregate| aggregate.name == name)
    }
}

impl AggregateType {
    /// The command of that name in `version`, or in its newest version.
    pub fn command(&self, name: &str, version: Option<u32>) -> Option<&CommandType> {
        self.commands
            .iter()
            .filter(|command| command.name == name && version.is_none_or(|version| version == command.version))
            .max_by_key(|command| command.version)
    }
}
