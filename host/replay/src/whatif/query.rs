//! The question, and why it may have no answer.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, Command, Digest,
    ports::{Component, Refused, StoreError},
};

use super::Branch;
use crate::replay::ComponentFinder;

/// The question.
pub struct WhatIfQuery {
    /// Where the timelines part.
    pub branch: Branch,
    /// Whether the command at the branch point still happens. If so, the timelines part right after it.
    pub keep: bool,
    /// What is asked right there, in this order, before the recorded commands that follow. One with the id of the command
    /// that does not happen takes its place; all other ids must be new.
    pub commands: Vec<Command>,
    /// Decides everything from the branch point on. Without it, recorded commands are decided by the component that decided
    /// them, the others by the one of the branch point.
    pub plugin: Option<Arc<dyn Component>>,
    /// Finds the recorded components.
    pub find: ComponentFinder,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
    /// `engine.payload_bytes`.
    pub payload_bytes: usize,
    /// At most so many steps are kept; the others are counted.
    pub limit: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was ever asked of the aggregate.
    #[error("{0} has no commands")]
    NoAggregate(AggregateRef),
    /// Ids are unique for ever.
    #[error("the command id {0:?} is taken: a command that is asked anew needs an id of its own, or none")]
    IdTaken(String),
    /// A component that decided is not there.
    #[error("the component {0} decided then, and is not in the component store")]
    NoComponent(Digest),
    /// A component that decided does not load.
    #[error("a component that decided does not load: {0}")]
    Refused(#[from] Refused),
}
