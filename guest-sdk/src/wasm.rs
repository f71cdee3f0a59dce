//! The component's exports, so that a plugin has no glue of its own: `plugin` here, and each kind of plugin in a file beside it.

mod aggregate;

use bindings::exports::cantus::domain::plugin;

use crate::{MessageKind, manifest};

#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../wit", world: "domain" });
    export!(Component);
}

struct Component;

impl plugin::Guest for Component {
    fn describe() -> plugin::Manifest {
        let manifest = manifest::describe();
        plugin::Manifest {
            name: manifest.name,
            version: manifest.version,
            payload_format: manifest.payload_format.to_owned(),
            aggregates: manifest.aggregates.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<manifest::AggregateType> for plugin::AggregateType {
    fn from(aggregate: manifest::AggregateType) -> Self {
        Self {
            name: aggregate.name.to_owned(),
            snapshot_every: aggregate.snapshot_every,
            commands: aggregate.commands.into_iter().map(Into::into).collect(),
            events: aggregate.events.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<manifest::CommandType> for plugin::CommandType {
    fn from(command: manifest::CommandType) -> Self {
        let MessageKind { name, version } = command.kind;
        let produces = command.produces.into_iter().map(Into::into).collect();
        Self { name: name.to_owned(), version, schema: command.schema, produces }
    }
}

impl From<manifest::EventType> for plugin::EventType {
    fn from(event: manifest::EventType) -> Self {
        let MessageKind { name, version } = event.kind;
        Self { name: name.to_owned(), version, schema: event.schema, upcasts_to: event.upcasts_to }
    }
}

impl From<MessageKind> for plugin::Kind {
    fn from(kind: MessageKind) -> Self {
        Self { name: kind.name.to_owned(), version: kind.version }
    }
}
