//! The plugin's description of itself: the `manifest` of `wit/`.

use crate::{
    MessageKind,
    registry::{self, CommandEntry, EventEntry, Table},
};

/// The plugin's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The package's name: lower-case letters, digits and hyphens.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// Media type of payloads and snapshots.
    pub payload_format: &'static str,
    /// Sorted by name.
    pub aggregates: Vec<AggregateType>,
}

/// One aggregate type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateType {
    /// Its name.
    pub name: &'static str,
    /// A snapshot is due after this many events; 0 means never.
    pub snapshot_every: u32,
    /// Sorted by name and version.
    pub commands: Vec<CommandType>,
    /// Sorted by name and version.
    pub events: Vec<EventType>,
}

/// One command in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandType {
    /// Its name and version.
    pub kind: MessageKind,
    /// JSON Schema of the payload.
    pub schema: String,
    /// The events that its handler may return, in the order of the declaration.
    pub produces: Vec<MessageKind>,
}

/// One event in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType {
    /// Its name and version.
    pub kind: MessageKind,
    /// JSON Schema of the payload.
    pub schema: String,
    /// For an older version: the version that its upcaster converts it to.
    pub upcasts_to: Option<u32>,
}

/// Describes everything that is linked into this plugin: the same every time.
///
/// # Panics
/// If there is no aggregate, or if aggregates come from several packages, so that the plugin has no one name.
pub fn describe() -> Manifest {
    let tables = registry::tables();
    let Some(first) = tables.first() else {
        panic!("the plugin declares no aggregate: write `#[aggregate]` on a struct")
    };
    let package = first.aggregate.package;
    for Table { aggregate, .. } in tables {
        let (ours, theirs) = (package.0, aggregate.package.0);
        assert!(ours == theirs, "aggregates come from two packages, {ours} and {theirs}: build one plugin of each");
    }
    Manifest {
        name: package.0.to_lowercase().replace('_', "-"),
        version: package.1.to_owned(),
        payload_format: "application/json",
        aggregates: tables.iter().map(aggregate_type).collect(),
    }
}

fn aggregate_type(table: &Table) -> AggregateType {
    AggregateType {
        name: table.aggregate.name,
        snapshot_every: table.aggregate.snapshot_every,
        commands: table.commands.iter().map(|entry| command_type(entry)).collect(),
        events: table.events.iter().map(|entry| event_type(entry)).collect(),
    }
}

fn command_type(entry: &CommandEntry) -> CommandType {
    CommandType { kind: entry.kind, schema: (entry.schema)(), produces: entry.produces.to_vec() }
}

fn event_type(entry: &EventEntry) -> EventType {
    EventType { kind: entry.kind, schema: (entry.schema)(), upcasts_to: entry.upcasts_to }
}
