//! Which component answers for which aggregate type.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{AggregateType, Command, Digest, Kind, Message, ports::Component};

use crate::{CommandError, StartError};

/// One aggregate type and the component that hosts it.
pub(crate) struct Hosted {
    pub(crate) component: Arc<dyn Component>,
    pub(crate) digest: Digest,
    pub(crate) aggregate_type: AggregateType,
}

impl Hosted {
    /// Whether the command's handler declares that it produces such an event.
    pub(crate) fn may_return(&self, command: &Message, event: &Message) -> bool {
        let declared = self.aggregate_type.command(&command.name, Some(command.version));
        let produces = declared.map_or(&[][..], |declared| &declared.produces);
        produces.iter().any(|kind| kind.version == event.version && kind.name == event.name)
    }
}

/// Who will decide a command, and which version of it.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) hosted: Arc<Hosted>,
    pub(crate) version: u32,
}

/// The routing table.
pub(crate) struct Plugins(BTreeMap<String, Arc<Hosted>>);

impl Plugins {
    pub(crate) fn new(components: Vec<Arc<dyn Component>>) -> Result<Self, StartError> {
        let mut table = BTreeMap::<String, Arc<Hosted>>::new();
        for component in components {
            for aggregate_type in &component.manifest().aggregates {
                let name = aggregate_type.name.clone();
                let digest = component.digest();
                let hosted =
                    Hosted { component: Arc::clone(&component), digest, aggregate_type: aggregate_type.clone() };
                if let Some(other) = table.insert(name.clone(), Arc::new(hosted)) {
                    let [one, two] = [&other.component, &component].map(|component| component.manifest().name.clone());
                    return Err(StartError::AggregateTwice { aggregate: name, one, two });
                }
            }
        }
        Ok(Self(table))
    }

    /// Who will decide `command`.
    pub(crate) fn route(&self, command: &Command) -> Result<Route, CommandError> {
        let name = &command.aggregate.aggregate_type;
        let hosted = self.0.get(name).ok_or_else(|| CommandError::UnknownAggregate {
            name: name.clone(),
            hosted: match self.0.is_empty() {
                true => "no plugin is loaded".into(),
                false => format!("there are {}", list(self.0.keys().map(String::as_str))),
            },
        })?;
        let aggregate_type = &hosted.aggregate_type;
        match aggregate_type.command(&command.name, command.version) {
            Some(found) => Ok(Route { version: found.version, hosted: Arc::clone(hosted) }),
            None => Err(CommandError::UnknownCommand {
                aggregate: name.clone(),
                what: describe(&command.name, command.version),
                known: known_commands(aggregate_type),
            }),
        }
    }
}

fn describe(name: &str, version: Option<u32>) -> String {
    match version {
        Some(version) => format!("{name:?} version {version}"),
        None => format!("{name:?}"),
    }
}

fn known_commands(aggregate_type: &AggregateType) -> String {
    let kinds =
        aggregate_type.commands.iter().map(|command| Kind { name: command.name.clone(), version: command.version });
    let mut names: Vec<String> = kinds.map(|kind| format!("{} v{}", kind.name, kind.version)).collect();
    names.sort();
    match names.is_empty() {
        true => "it has none".into(),
        false => format!("it has {}", list(names.iter().map(String::as_str))),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
