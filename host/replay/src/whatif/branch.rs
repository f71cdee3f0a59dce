//! Where two timelines part.

use cantus_model::{
    AggregateRef, CommandRecord, EventQuery,
    ports::{EventReader, StoreError},
};

/// A place in a stream, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchPoint {
    /// The command that produced the event of this version; 0 is the place before the first command.
    Version(u64),
    /// The command of this id.
    Command(String),
}

/// A command of a stream, or the place before the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Whose stream.
    pub aggregate: AggregateRef,
    /// The command at which the timelines part; `None` before the first.
    pub command: Option<CommandRecord>,
}

/// Why there is no such place.
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
        /// Whose stream.
        aggregate: AggregateRef,
        /// Its version.
        head: u64,
        /// As asked.
        version: u64,
    },
    /// The id is not recorded.
    #[error("no command {0:?} is recorded")]
    NoCommand(String),
    /// The command is another aggregate's.
    #[error("the command {id:?} was asked of {of}, not of {aggregate}")]
    Elsewhere {
        /// As asked.
        id: String,
        /// Whom the command was for.
        of: AggregateRef,
        /// As asked.
        aggregate: AggregateRef,
    },
}

impl Branch {
    /// Finds the place.
    ///
    /// # Errors
    /// See [`BranchError`]. Whether the aggregate has any commands is not looked at for version 0.
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

/// The id of the command that produced the event of `version`.
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
