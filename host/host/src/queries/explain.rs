//! A recorded command with the states before and after it, its events and its component.

use std::sync::Arc;

use cantus_model::{CommandRecord, ComponentRecord, EventQuery, RecordedEvent, ports::Component};
use cantus_replay::{FoldError, fold};

use super::Queries;
use crate::HostError;

/// A recorded command with the states before and after it, its events and its component.
pub struct Explanation {
    /// The command with its context and its outcome, as it was recorded.
    pub record: CommandRecord,
    /// The component that decided the command; `None` if the store does not record that it was live.
    pub component: Option<ComponentRecord>,
    /// The events that the command produced.
    pub events: Vec<RecordedEvent>,
    /// The states before and after the command, folded by the component that decided it; or the reason why there are none.
    pub states: Result<[Vec<u8>; 2], String>,
}

impl Queries {
    /// Explains the decision of a recorded command. `None` if no command with that id is recorded.
    ///
    /// # Errors
    /// If the store cannot be read. A component that is missing or faults is no error: see [`Explanation::states`].
    pub async fn explain(&self, command_id: &str) -> Result<Option<Explanation>, HostError> {
        let Some(record) = self.store.command(command_id).await? else { return Ok(None) };
        let components = self.store.components().await?;
        let component = components.into_iter().find(|component| component.digest == record.component);
        let events = self.produced_events(&record).await?;
        let states = match self.component(record.component) {
            Ok(Some(component)) => self.states(&component, &record).await?,
            Ok(None) => Err("the component is not in the component store".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        Ok(Some(Explanation { record, component, events, states }))
    }

    /// Reads the events that a command produced.
    async fn produced_events(&self, record: &CommandRecord) -> Result<Vec<RecordedEvent>, HostError> {
        let query = EventQuery {
            aggregate: Some(record.aggregate.clone()),
            after: Some(record.base_version),
            limit: usize::try_from(record.version() - record.base_version).unwrap_or(usize::MAX),
            ..Default::default()
        };
        let (mut pages, mut events) = (self.events(query), Vec::new());
        while let Some(page) = pages.next().await? {
            events.extend(page);
        }
        Ok(events)
    }

    /// Folds the states before and after a command. The inner error is the fault of a guest.
    async fn states(
        &self,
        component: &Arc<dyn Component>,
        record: &CommandRecord,
    ) -> Result<Result<[Vec<u8>; 2], String>, HostError> {
        let mut states = [Vec::new(), Vec::new()];
        for (state, version) in states.iter_mut().zip([record.base_version, record.version()]) {
            *state = match fold(&*self.store, Arc::clone(component), &record.aggregate, Some(version)).await {
                Ok(folded) => folded.state,
                Err(FoldError::Fault(fault)) => return Ok(Err(fault.to_string())),
                Err(FoldError::Store(error)) => return Err(error.into()),
            };
        }
        Ok(Ok(states))
    }
}
