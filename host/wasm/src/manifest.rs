//! What a plugin says of itself, checked.

use std::collections::BTreeSet;

use cantus_model::{AggregateType, CommandType, EventType, Manifest, MessageKind};

use crate::{LoadError, bindings::exports::cantus::domain::plugin as wit, fault::one_line};

const MAX_NAME_BYTES: usize = 128;

/// Takes over a manifest, refusing one that the host cannot route by.
pub(crate) fn check(described: wit::Manifest) -> Result<Manifest, LoadError> {
    let manifest = convert(described)?;
    if !is_plugin_name(&manifest.name) {
        return refuse(format!("the plugin name {:?} is not lower-case letters, digits and hyphens", manifest.name));
    }
    if manifest.payload_format.is_empty() || manifest.payload_format.len() > MAX_NAME_BYTES {
        return refuse("its payload format is no media type".into());
    }
    if manifest.aggregates.is_empty() {
        return refuse("it declares no aggregate".into());
    }
    unique("aggregate", manifest.aggregates.iter().map(|aggregate| aggregate.name.clone()))?;
    manifest.aggregates.iter().try_for_each(check_aggregate)?;
    Ok(manifest)
}

fn check_aggregate(aggregate: &AggregateType) -> Result<(), LoadError> {
    let of = |name: &str, version: u32| MessageKind { name: name.to_owned(), version };
    let events: Vec<MessageKind> = aggregate.events.iter().map(|event| of(&event.name, event.version)).collect();
    let commands: Vec<MessageKind> =
        aggregate.commands.iter().map(|command| of(&command.name, command.version)).collect();
    let produced = aggregate.commands.iter().flat_map(|command| &command.produces);
    for kind in events.iter().chain(&commands).chain(produced.clone()) {
        if kind.name.is_empty() || kind.name.len() > MAX_NAME_BYTES || kind.version == 0 {
            return refuse(format!("{:?} version {} is no name and version", kind.name, kind.version));
        }
    }
    if let Some(missing) = produced.clone().find(|kind| !events.contains(kind)) {
        return refuse(format!(
            "{} produces {} v{}, which it does not declare",
            aggregate.name, missing.name, missing.version
        ));
    }
    let upcasts = aggregate.events.iter().filter_map(|event| Some((event, event.upcasts_to?)));
    for (event, to) in upcasts {
        if to <= event.version || !events.contains(&of(&event.name, to)) {
            return refuse(format!(
                "{} v{} upcasts to v{to}, which is no newer version of it",
                event.name, event.version
            ));
        }
    }
    unique("command", commands.iter().map(|kind| format!("{} v{}", kind.name, kind.version)))?;
    unique("event", events.iter().map(|kind| format!("{} v{}", kind.name, kind.version)))
}

fn is_plugin_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn unique(what: &str, names: impl Iterator<Item = String>) -> Result<(), LoadError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() || name.len() > MAX_NAME_BYTES * 2 {
            return refuse(format!("{what} name {name:?} is empty or too long"));
        }
        if let Some(twice) = seen.replace(name) {
            return refuse(format!("it declares the {what} {twice} twice"));
        }
    }
    Ok(())
}

fn refuse<T>(reason: String) -> Result<T, LoadError> {
    Err(LoadError::Manifest(one_line(&reason)))
}

fn convert(wit: wit::Manifest) -> Result<Manifest, LoadError> {
    let version =
        wit.version.parse().or_else(|error| refuse(format!("the version {:?} is not semver: {error}", wit.version)))?;
    let aggregates = wit.aggregates.into_iter().map(aggregate).collect::<Result<_, _>>()?;
    Ok(Manifest { name: wit.name, version, payload_format: wit.payload_format, aggregates })
}

fn aggregate(wit: wit::AggregateType) -> Result<AggregateType, LoadError> {
    Ok(AggregateType {
        name: wit.name,
        snapshot_every: wit.snapshot_every,
        commands: wit.commands.into_iter().map(command).collect::<Result<_, _>>()?,
        events: wit.events.into_iter().map(event).collect::<Result<_, _>>()?,
    })
}

fn command(wit: wit::CommandType) -> Result<CommandType, LoadError> {
    let schema = schema(&wit.name, &wit.schema)?;
    let produces =
        wit.produces.into_iter().map(|kind| MessageKind { name: kind.name, version: kind.version }).collect();
    Ok(CommandType { name: wit.name, version: wit.version, schema, produces })
}

fn event(wit: wit::EventType) -> Result<EventType, LoadError> {
    let schema = schema(&wit.name, &wit.schema)?;
    Ok(EventType { name: wit.name, version: wit.version, schema, upcasts_to: wit.upcasts_to })
}

fn schema(of: &str, text: &str) -> Result<serde_json::Value, LoadError> {
    serde_json::from_str(text).or_else(|error| refuse(format!("the schema of {of} is not JSON: {error}")))
}
