//! The history of one aggregate with a command changed, beside the recorded one.

use std::sync::Arc;

use cantus_model::{AggregateRef, Command, ComponentRecord, Timestamp, ports::Component};
use cantus_replay::whatif::{Branch, BranchError, BranchPoint, Timelines, WhatIfQuery, whatif};

use super::Queries;
use crate::{
    HostError,
    components::{component_label, stored_component_finder},
};

/// The change whose effect is asked for.
pub struct WhatIfRequest {
    /// The point at which the timelines branch; see [`Queries::branch`].
    pub branch: Branch,
    /// The use of the command at the branch point.
    pub branch_command: BranchCommand,
    /// Commands that are decided at the branch point, in this order. One with the id of a removed command replaces it; all
    /// other ids must be new.
    pub commands: Vec<Command>,
    /// The component that decides everything after the branch point. If it is `None`, recorded commands are decided by the
    /// component that decided them, and new ones by the component of the branch point.
    pub plugin: Option<Arc<dyn Component>>,
    /// The most steps in the answer; further steps are only counted.
    pub limit: usize,
}

/// The use of the recorded command at the branch point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchCommand {
    /// It is decided as it was recorded, and the timelines branch directly after it.
    Keep,
    /// It is left out of the new timeline.
    Remove,
}

/// Both timelines, and the components that decided in them.
pub struct WhatIfAnswer {
    /// The timelines.
    pub timelines: Timelines,
    /// The recorded components, and the one of the request.
    pub components: Vec<ComponentRecord>,
}

impl Queries {
    /// Finds the point in the stream of an aggregate at which timelines can branch.
    ///
    /// # Errors
    /// See [`BranchError`].
    pub async fn branch(&self, aggregate: AggregateRef, at: &BranchPoint) -> Result<Branch, BranchError> {
        Branch::find(&*self.store, aggregate, at).await
    }

    /// Decides the commands of an aggregate again from the branch point on, with the change of the request. Nothing is
    /// stored.
    ///
    /// # Errors
    /// [`HostError::Invalid`] if a new command has the id of a recorded one, or a command is removed before the first one;
    /// [`HostError::NotFound`] if the aggregate has no commands; [`HostError::Plugin`] if a component that decided is missing
    /// or does not load, or the component of the request does not host the aggregate; else if the store cannot be read.
    pub async fn whatif(&self, request: WhatIfRequest) -> Result<WhatIfAnswer, HostError> {
        let WhatIfRequest { branch, branch_command, commands, plugin, limit } = request;
        let aggregate_type = &branch.aggregate.aggregate_type;
        if let Some(plugin) = plugin.as_ref().filter(|plugin| plugin.manifest().aggregate(aggregate_type).is_none()) {
            let name = component_label(&**plugin);
            return Err(HostError::Plugin(format!("{name} does not host the aggregate {aggregate_type}")));
        }
        if branch.command.is_none() && branch_command == BranchCommand::Remove {
            let error = "version 0 is the point before the first command: a command can only be inserted there";
            return Err(HostError::Invalid(error.to_owned()));
        }
        let candidate = plugin.as_ref().map(|plugin| record_of(&**plugin));
        let query = WhatIfQuery {
            branch,
            retain_branch_command: branch_command == BranchCommand::Keep,
            commands,
            plugin,
            finder: stored_component_finder(&self.settings)?,
            events_per_command: self.settings.engine.events_per_command,
            payload_bytes: self.settings.engine.payload_bytes,
            limit,
        };
        let timelines = whatif(&*self.store, &*self.store, query).await?;
        let mut components = self.store.components().await?;
        components.extend(candidate);
        Ok(WhatIfAnswer { timelines, components })
    }
}

fn record_of(component: &dyn Component) -> ComponentRecord {
    let (digest, manifest) = (component.digest(), component.manifest().clone());
    ComponentRecord { digest, manifest, first_seen: Timestamp::default() }
}
