//! The point at which two timelines branch.

use cantus_model::{
    AggregateRef, CommandRecord, EventQuery,
    ports::{EventReader, StoreError},
};

/// A point in a stream, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchPoint {
    /// The command that produced the event of this version; 0 is the point before the first command.
    Version(u64),
    /// The command with this id.
    Command(String),
}

/// A command of a stream, or the point before the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The aggregate of the stream.
    pub aggregate: AggregateRef,
    /// The command at which the timelines branch; `None` before the first.
    pub command: Option<CommandRecord>,
}

/// The reason why there is no such point.
#[derive(Debug, thiserror::Error)]
pub enum BranchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The aggregate has no events.
    #[error("{0} has no events")]
    NoEvents(AggregateRef),
    /// The aggregate has no such version.
    #[error("{aggregate} is at version {head}, so it has no version {version}")]
    NoVersion {
        /// The aggregate of the stream.
        aggregate: AggregateRef,
        /// Its current version.
        head: u64,
        /// The version in the request.
        version: u64,
    },
    /// The id is not recorded.
    #[error("no command {0:?} is recorded")]
    NoCommand(String),
    /// The command belongs to another aggregate.
    #[error("the command {id:?} was asked of {of}, not of {aggregate}")]
    Elsewhere {
        /// The id in the request.
        id: String,
        /// The aggregate that decided the command.
        of: AggregateRef,
        /// The aggregate in the request.
        aggregate: AggregateRef,
    },
}

impl Branch {
    /// Finds the point in the store.
    ///
    /// # Errors
    /// See [`BranchError`]. For version 0 it does not check that the aggregate has any commands.
    pub async fn find(store: &dyn EventReader, aggregate: AggregateRef, at: &BranchPoint) -> Result<Self, BranchError> {
        let id = match at {
            BranchPoint::Version(0) => return Ok(Self { aggregate, command: None }),
            BranchPoint::Version(version) => produced(store, &aggregate, *version).await?,
            BranchPoint::Command(id) => id.clone(),
        };
        let Some(command) = store.command(&id).await? else { return Err(BranchError::NoCommand(id)) };
        if command.aggregate != aggregate {
            return Err(BranchError::Elsewhere { id, of: command.aggregate, aggregate });
        }
        Ok(Self { aggregate, command: Some(command) })
    }
}

/// Finds the id of the command that produced the event of `version`.
async fn produced(store: &dyn EventReader, aggregate: &AggregateRef, version: u64) -> Result<String, BranchError> {
    let query =
        EventQuery { aggregate: Some(aggregate.clone()), after: Some(version - 1), limit: 1, ..Default::default() };
    match store.read_events(&query).await?.pop() {
        Some(event) => Ok(event.command_id),
        None => match store.stream_head(aggregate).await?.version {
            0 => Err(BranchError::NoEvents(aggregate.clone())),
            head => Err(BranchError::NoVersion { aggregate: aggregate.clone(), head, version }),
        },
    }
}
