//! The state of an aggregate, now or at an earlier version or time.

use std::sync::Arc;

use cantus_model::{AggregateRef, Timestamp, ports::Component};
use cantus_replay::{FoldError, fold};

use super::Queries;
use crate::HostError;

/// The version or the time of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateAt {
    /// After the last event.
    Latest,
    /// After this many events; 0 is the initial state.
    Version(u64),
    /// After the last event that was recorded at or before this time.
    Time(Timestamp),
}

/// The state of an aggregate at a version.
pub struct AggregateState {
    /// The aggregate.
    pub aggregate: AggregateRef,
    /// The stream version of the state.
    pub version: u64,
    /// The newest stream version.
    pub latest_version: u64,
    /// The component that folded the state.
    pub component: Arc<dyn Component>,
    /// The state, in the payload format of the plugin.
    pub state: Vec<u8>,
}

impl Queries {
    /// Folds the state of an aggregate with the component of [`Queries::component_for`].
    ///
    /// # Errors
    /// [`HostError::NotFound`] if the aggregate has no events, or fewer than the version, or the component faults; else if
    /// the store cannot be read or no component hosts the aggregate type.
    pub async fn state(&self, aggregate: &AggregateRef, at: StateAt) -> Result<AggregateState, HostError> {
        let latest_version = self.store.stream_head(aggregate).await?.version;
        if latest_version == 0 {
            return Err(HostError::NotFound(format!("{aggregate} has no events in {}", self.settings.store)));
        }
        let version = match at {
            StateAt::Latest => latest_version,
            StateAt::Version(version) => version,
            StateAt::Time(time) => self.store.version_at(aggregate, time).await?,
        };
        if version > latest_version {
            let error = format!("{aggregate} is at version {latest_version}, so it has no version {version}");
            return Err(HostError::NotFound(error));
        }
        let component = self.component_for(&aggregate.aggregate_type).await?;
        let folded = fold(&*self.store, Arc::clone(&component), aggregate, Some(version)).await;
        let folded = folded.map_err(|error| match error {
            FoldError::Store(error) => HostError::Store(error),
            FoldError::Fault(fault) => HostError::NotFound(fault.to_string()),
        })?;
        let aggregate = aggregate.clone();
        Ok(AggregateState { aggregate, version: folded.version, latest_version, component, state: folded.state })
    }
}
