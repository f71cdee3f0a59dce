//! What if a command had not been asked, or another one, or one more?
//!
//! Up to a branch point the events are folded as they were recorded. From there on the commands of the aggregate are
//! decided again, for real: their events are folded in turn, so that differences do cascade. Nothing is written.
//!
//! A recorded command is asked in its recorded context, one that was never recorded at the time of the branch point; either
//! not before the last event of the new timeline, as in a host. A command that faults leaves no trace, and the timeline
//! goes on without it. A command that expected a version is refused on another one, as in a host: the hash of the request
//! tells whether it expected any.
//!
//! Memory: a few pages of history, 64 MiB of the aggregate's events, and the steps that were asked for. A component that is
//! first needed, or must be hydrated again after a fault, in a stream with more than that decides no more.

mod branch;
mod report;
mod run;
mod steps;
mod timeline;

use std::{collections::BTreeSet, sync::Arc};

use cantus_model::{
    AggregateRef, Command, Digest, HistoryPage, HistoryQuery,
    ports::{Component, EventReader, HistorySource, Hydrator, Refused, StoreError},
};
use tokio::sync::mpsc;

pub use branch::{Branch, BranchError, BranchPoint};
pub use report::{
    CommonPrefix, Divergence, EventStep, StepCounts, StepMark, TimelineEnd, TimelineSide, TimelineStep, Timelines,
};
use run::{WhatIfOutcome, WhatIfRun};

use crate::{FoldError, fold, quietly::quietly, replay::ComponentFinder};

/// Pages of history that wait to be run.
const PAGES_AHEAD: usize = 2;

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

/// Answers it.
///
/// # Errors
/// See [`WhatIfError`]. What becomes of the commands is in the answer: a refusal or a fault is no error.
pub async fn whatif(
    store: &dyn Hydrator,
    history: &dyn HistorySource,
    what: WhatIfQuery,
) -> Result<Timelines, WhatIfError> {
    check_new(store, &what).await?;
    let aggregate = what.branch.aggregate.clone();
    let query = HistoryQuery { aggregate: Some(aggregate.clone()), ..HistoryQuery::default() };
    let mut history = history.history(&query).await?;
    let (pages, waiting) = mpsc::channel(PAGES_AHEAD);
    let running = tokio::task::spawn_blocking(move || quietly(|| run(what, waiting)));
    while let Some(page) = history.next_page().await? {
        if pages.send(page).await.is_err() {
            break; // it ended: it says why
        }
    }
    drop(pages);
    let ended = running.await.map_err(|error| StoreError::Other(error.to_string()))??;
    let WhatIfOutcome { shared, parted, now, version, last, component } = ended;
    let state = match component {
        Err(error) => Err(error.to_string()),
        Ok(component) => match fold(store, component, &aggregate, Some(version)).await {
            Ok(folded) => Ok(folded.state),
            Err(FoldError::Fault(fault)) => Err(fault.to_string()),
            Err(FoldError::Store(error)) => return Err(error.into()),
        },
    };
    Ok(Timelines { aggregate, shared, parted, before: TimelineEnd { version, component: last, state }, now })
}

fn run(what: WhatIfQuery, mut pages: mpsc::Receiver<HistoryPage>) -> Result<WhatIfOutcome, WhatIfError> {
    let mut run = WhatIfRun::new(what);
    while let Some(page) = pages.blocking_recv() {
        run.page(&page)?;
    }
    run.end()
}

/// Checks that no id is asked twice, or was recorded.
async fn check_new(store: &dyn EventReader, what: &WhatIfQuery) -> Result<(), WhatIfError> {
    let left_out = what.branch.command.as_ref().filter(|_| !what.keep).map(|command| &command.context.command_id);
    let mut ids = BTreeSet::new();
    for Command { id, .. } in &what.commands {
        let is_recorded = Some(id) != left_out && store.command(id).await?.is_some();
        if is_recorded || !ids.insert(id) {
            return Err(WhatIfError::IdTaken(id.clone()));
        }
    }
    Ok(())
}
