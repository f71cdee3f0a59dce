//! The roster: maps aggregate types to the live components that decide for them.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    AggregateType, Command, CommandError, ComponentHealth, Digest, Fault, Message, MessageKind, ports::Component,
};

/// A component that is live, with the counts of its faults and decisions.
#[derive(Clone)]
pub struct LiveComponent {
    /// The component.
    pub component: Arc<dyn Component>,
    /// Its counts since it went live.
    pub health: Arc<ComponentHealth>,
}

impl LiveComponent {
    /// A component that is about to go live.
    pub fn new(component: Arc<dyn Component>) -> Self {
        Self { component, health: Arc::default() }
    }
}

/// One aggregate type and the component that hosts it.
pub struct HostedAggregate {
    /// The component.
    pub component: Arc<dyn Component>,
    /// The component's digest.
    pub digest: Digest,
    /// The aggregate type, as the component declares it.
    pub aggregate_type: AggregateType,
    /// The component's counts.
    pub health: Arc<ComponentHealth>,
}

impl HostedAggregate {
    /// `live` as the host of one of its aggregate types.
    pub fn new(live: &LiveComponent, aggregate_type: &AggregateType) -> Self {
        Self {
            component: Arc::clone(&live.component),
            digest: live.component.digest(),
            aggregate_type: aggregate_type.clone(),
            health: Arc::clone(&live.health),
        }
    }

    /// Makes the fault of a guest that broke its own declaration.
    pub fn fault(&self, message: String) -> Box<Fault> {
        Fault::malformed(self.component.manifest(), self.digest, "handle", message)
    }

    /// Reports whether the command's handler declares that it produces such an event.
    pub fn may_return(&self, command: &Message, event: &Message) -> bool {
        let declared = self.aggregate_type.command(&command.name, Some(command.version));
        let produces = declared.map_or(&[][..], |declared| &declared.produces);
        produces.iter().any(|kind| kind.version == event.version && kind.name == event.name)
    }
}

/// The component that decides a command, and the version of the command that it handles.
#[derive(Clone)]
pub struct Route {
    /// The aggregate type and its component.
    pub hosted: Arc<HostedAggregate>,
    /// The schema version of the command.
    pub version: u32,
}

/// Two live plugins host one aggregate type.
#[derive(Debug, thiserror::Error)]
#[error("the plugins {first} and {second} both host the aggregate {aggregate}: remove one of them")]
pub struct DuplicateAggregate {
    /// The aggregate type.
    pub aggregate: String,
    /// The first plugin.
    pub first: String,
    /// The second plugin.
    pub second: String,
}

/// Maps each aggregate type to the live component that hosts it. Immutable: a swap makes another roster.
#[derive(Default)]
pub struct Roster {
    /// By the name of the aggregate type.
    aggregates: BTreeMap<String, Arc<HostedAggregate>>,
}

impl Roster {
    /// Builds the roster of these components.
    ///
    /// # Errors
    /// If two of them host one aggregate type.
    pub fn new(live: &[LiveComponent]) -> Result<Self, DuplicateAggregate> {
        let mut aggregates = BTreeMap::<String, Arc<HostedAggregate>>::new();
        for live in live {
            for aggregate_type in &live.component.manifest().aggregates {
                let name = aggregate_type.name.clone();
                let hosted = Arc::new(HostedAggregate::new(live, aggregate_type));
                if let Some(other) = aggregates.insert(name.clone(), hosted) {
                    let [first, second] =
                        [&other.component, &live.component].map(|component| component.manifest().name.clone());
                    return Err(DuplicateAggregate { aggregate: name, first, second });
                }
            }
        }
        Ok(Self { aggregates })
    }

    /// Finds the component that hosts an aggregate type.
    pub fn hosting(&self, aggregate_type: &str) -> Option<&Arc<HostedAggregate>> {
        self.aggregates.get(aggregate_type)
    }

    /// Reports whether a component decides for any aggregate type.
    pub fn hosts(&self, digest: Digest) -> bool {
        self.aggregates.values().any(|hosted| hosted.digest == digest)
    }

    /// Finds the component that decides `command`, and the version of the command that it handles.
    ///
    /// # Errors
    /// [`CommandError::UnknownAggregate`] and [`CommandError::UnknownCommand`]: both list the names that exist.
    pub fn route(&self, command: &Command) -> Result<Route, CommandError> {
        let name = &command.aggregate.aggregate_type;
        let hosted = self.aggregates.get(name).ok_or_else(|| CommandError::UnknownAggregate {
            name: name.clone(),
            hosted: match self.aggregates.is_empty() {
                true => "no plugin is live".into(),
                false => format!("there are {}", list(self.aggregates.keys().map(String::as_str))),
            },
        })?;
        let aggregate_type = &hosted.aggregate_type;
        match aggregate_type.command(&command.name, command.version) {
            Some(handled) => Ok(Route { version: handled.version, hosted: Arc::clone(hosted) }),
            None => Err(CommandError::UnknownCommand {
                aggregate: name.clone(),
                command: describe(&command.name, command.version),
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
    let kinds = aggregate_type
        .commands
        .iter()
        .map(|command| MessageKind { name: command.name.clone(), version: command.version });
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
