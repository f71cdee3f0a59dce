//! The query of a what-if, and its errors.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, Command, Digest,
    ports::{Component, Refused, StoreError},
};

use super::Branch;
use crate::replay::ComponentFinder;

/// The query of a what-if.
pub struct WhatIfQuery {
    /// The point at which the timelines branch.
    pub branch: Branch,
    /// The command at the branch point still happens, and the timelines branch right after it. If false, it is left
    /// out.
    pub retain_branch_command: bool,
    /// Commands that are decided at the branch point, in this order, before the recorded commands that follow. One
    /// with the id of a command that is left out replaces it; all other ids must be new.
    pub commands: Vec<Command>,
    /// The component that decides everything from the branch point on. If absent, recorded commands are decided by
    /// the component that decided them, and new ones by the component of the branch point.
    pub plugin: Option<Arc<dyn Component>>,
    /// Finds the recorded components.
    pub finder: ComponentFinder,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
    /// `engine.payload_bytes`.
    pub payload_bytes: usize,
    /// The maximum count of steps in the report; further ones are only counted.
    pub limit: usize,
}

/// The reason why a what-if has no result.
#[derive(Debug, thiserror::Error)]
pub enum WhatIfError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The aggregate has no recorded commands.
    #[error("{0} has no commands")]
    NoAggregate(AggregateRef),
    /// A new command has the id of a recorded one, or of another new one.
    #[error("the command id {0:?} is used already: give the new command another id, or none")]
    IdTaken(String),
    /// A component that decided is not in the component store.
    #[error("the component {0}, which decided the recorded commands, is not in the component store")]
    NoComponent(Digest),
    /// A component that decided cannot be loaded.
    #[error("a component that decided does not load: {0}")]
    Refused(#[from] Refused),
}
