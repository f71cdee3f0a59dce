//! Which component answers for which aggregate type.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use cantus_model::{AggregateType, Command, Digest, Fault, FaultKind, Kind, Message, ports::Component};

use crate::CommandError;

/// One aggregate type and the component that hosts it.
pub(crate) struct Hosted {
    pub(crate) component: Arc<dyn Component>,
    pub(crate) digest: Digest,
    pub(crate) aggregate_type: AggregateType,
    pub(crate) health: Arc<Health>,
}

impl Hosted {
    /// `component` as the host of one of its aggregate types.
    pub(crate) fn new(live: &Live, aggregate_type: &AggregateType) -> Self {
        Self {
            component: Arc::clone(&live.component),
            digest: live.component.digest(),
            aggregate_type: aggregate_type.clone(),
            health: Arc::clone(&live.health),
        }
    }

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

/// A component that is live, and how it fares.
#[derive(Clone)]
pub struct Live {
    /// What decides.
    pub component: Arc<dyn Component>,
    /// Counts its faults while it is live.
    pub health: Arc<Health>,
}

impl Live {
    /// A component that is about to go live.
    pub fn new(component: Arc<dyn Component>) -> Self {
        Self { component, health: Arc::default() }
    }
}

/// How a live component fares.
#[derive(Default)]
pub struct Health {
    faults: AtomicU64,
    decided: AtomicU64,
    last: Mutex<Option<String>>,
}

/// What a component has come to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthCounts {
    /// Count of faults.
    pub faults: u64,
    /// Count of decisions, as they were taken: some may not have become durable and were taken again.
    pub decided: u64,
}

impl HealthCounts {
    /// Count of both.
    pub fn attempts(self) -> u64 {
        self.faults + self.decided
    }
}

impl Health {
    pub(crate) fn note(&self, fault: &Fault) {
        // The host's own failures say nothing about a guest.
        if fault.kind == FaultKind::Host {
            return;
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault.to_string());
        self.faults.fetch_add(1, Relaxed);
    }

    /// Counts a decision.
    pub(crate) fn note_decision(&self) {
        self.decided.fetch_add(1, Relaxed);
    }

    /// What it has come to so far.
    pub fn counts(&self) -> HealthCounts {
        HealthCounts { faults: self.faults.load(Relaxed), decided: self.decided.load(Relaxed) }
    }

    /// The last fault.
    pub fn last_fault(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Two live plugins host one aggregate type.
#[derive(Debug, thiserror::Error)]
#[error("the plugins {one} and {two} both host the aggregate {aggregate}: remove one of them")]
pub struct AggregateTwice {
    /// The aggregate type.
    pub aggregate: String,
    /// The first plugin.
    pub one: String,
    /// The second plugin.
    pub two: String,
}

/// The routing table. It never changes: a swap makes another.
#[derive(Default)]
pub(crate) struct Plugins(BTreeMap<String, Arc<Hosted>>);

impl Plugins {
    pub(crate) fn new(live: &[Live]) -> Result<Self, AggregateTwice> {
        let mut table = BTreeMap::<String, Arc<Hosted>>::new();
        for live in live {
            for aggregate_type in &live.component.manifest().aggregates {
                let name = aggregate_type.name.clone();
                let hosted = Arc::new(Hosted::new(live, aggregate_type));
                if let Some(other) = table.insert(name.clone(), hosted) {
                    let [one, two] =
                        [&other.component, &live.component].map(|component| component.manifest().name.clone());
                    return Err(AggregateTwice { aggregate: name, one, two });
                }
            }
        }
        Ok(Self(table))
    }

    /// Who decides for aggregates of a type.
    pub(crate) fn hosting(&self, aggregate_type: &str) -> Option<&Arc<Hosted>> {
        self.0.get(aggregate_type)
    }

    /// Whether a component decides for anybody.
    pub(crate) fn hosts(&self, digest: Digest) -> bool {
        self.0.values().any(|hosted| hosted.digest == digest)
    }

    /// Who will decide `command`.
    pub(crate) fn route(&self, command: &Command) -> Result<Route, CommandError> {
        let name = &command.aggregate.aggregate_type;
        let hosted = self.0.get(name).ok_or_else(|| CommandError::UnknownAggregate {
            name: name.clone(),
            hosted: match self.0.is_empty() {
                true => "no plugin is live".into(),
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
