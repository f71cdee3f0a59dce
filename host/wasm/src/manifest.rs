//! Checks a plugin's manifest.

use std::collections::BTreeSet;

use cantus_model::{AggregateType, CommandType, EventType, Manifest, MessageKind, PluginKind};

use crate::{LoadError, bindings::exports::cantus::domain::plugin as wit, contract::interface_of, one_line::one_line};

const MAX_NAME_BYTES: usize = 128;

/// Converts a manifest. Refuses one that the host cannot route by, or that is not of the kinds which the component exports.
pub(crate) fn check(described: wit::Manifest, exported: &[PluginKind]) -> Result<Manifest, LoadError> {
    let manifest = convert(described)?;
    if !is_plugin_name(&manifest.name) {
        return refuse(format!("the plugin name {:?} is not lower-case letters, digits and hyphens", manifest.name));
    }
    if manifest.payload_format.is_empty() || manifest.payload_format.len() > MAX_NAME_BYTES {
        return refuse("its payload format is not a media type: write for example `application/json`".into());
    }
    check_kinds(&manifest, exported)?;
    unique("aggregate", manifest.aggregates.iter().map(|aggregate| aggregate.name.clone()))?;
    manifest.aggregates.iter().try_for_each(check_aggregate)?;
    Ok(manifest)
}

/// A plugin declares each kind that it exports, and exports each kind that it declares.
fn check_kinds(manifest: &Manifest, exported: &[PluginKind]) -> Result<(), LoadError> {
    for kind in PluginKind::ALL {
        match (exported.contains(kind), manifest.declares(*kind)) {
            (true, false) => {
                return refuse(format!("it exports `{}` but declares no {kind}: declare one", interface_of(*kind)));
            }
            (false, true) => {
                let interface = interface_of(*kind);
                return refuse(format!("it declares the kind `{kind}` but does not export `{interface}`: export it"));
            }
            (true, true) | (false, false) => {}
        }
    }
    Ok(())
}

fn check_aggregate(aggregate: &AggregateType) -> Result<(), LoadError> {
    let of = |name: &str, version: u32| MessageKind { name: name.to_owned(), version };
    let events: Vec<MessageKind> = aggregate.events.iter().map(|event| of(&event.name, event.version)).collect();
    let commands: Vec<MessageKind> =
        aggregate.commands.iter().map(|command| of(&command.name, command.version)).collect();
    let produced = aggregate.commands.iter().flat_map(|command| &command.produces);
    for kind in events.iter().chain(&commands).chain(produced.clone()) {
        if kind.name.is_empty() || kind.name.len() > MAX_NAME_BYTES || kind.version == 0 {
            return refuse(format!(
                "{:?} version {} is not valid: a name has 1 to 128 bytes, and versions start at 1",
                kind.name, kind.version
            ));
        }
    }
    if let Some(missing) = produced.clone().find(|kind| !events.contains(kind)) {
        return refuse(format!(
            "{} produces {} v{}, which it does not declare as an event",
            aggregate.name, missing.name, missing.version
        ));
    }
    let upcasts = aggregate.events.iter().filter_map(|event| Some((event, event.upcasts_to?)));
    for (event, to) in upcasts {
        if to <= event.version || !events.contains(&of(&event.name, to)) {
            return refuse(format!(
                "{} v{} upcasts to v{to}, which is not a newer version that it declares",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn described(aggregates: Vec<wit::AggregateType>) -> wit::Manifest {
        let [name, version, payload_format] = ["lamp", "1.0.0", "application/json"].map(str::to_owned);
        wit::Manifest { name, version, payload_format, aggregates }
    }

    #[test]
    fn kinds_are_exported_if_and_only_if_they_are_declared() {
        let lamp = || wit::AggregateType { name: "Lamp".into(), snapshot_every: 0, commands: vec![], events: vec![] };
        let check = |described, exported: &[PluginKind]| match check(described, exported) {
            Ok(manifest) => format!("{:?}", manifest.kinds().collect::<Vec<_>>()),
            Err(error) => error.to_string(),
        };
        assert_eq!(check(described(vec![lamp()]), &[PluginKind::Aggregate]), "[Aggregate]");
        assert_eq!(
            check(described(vec![]), &[PluginKind::Aggregate]),
            "its manifest is not acceptable: it exports `cantus:domain/aggregate` but declares no aggregate: declare one"
        );
        assert_eq!(
            check(described(vec![lamp()]), &[]),
            "its manifest is not acceptable: it declares the kind `aggregate` but does not export \
             `cantus:domain/aggregate`: export it"
        );
    }
}
