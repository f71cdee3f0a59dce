//! Reads history for a what-if, and folds the final states.

use std::collections::BTreeSet;

use cantus_model::{
    Command, HistoryPage, HistoryQuery,
    ports::{EventReader, HistorySource, Hydrator, StoreError},
};
use tokio::sync::mpsc;

use super::{
    TimelineEnd, Timelines, WhatIfError, WhatIfQuery,
    timeline_run::{WhatIfOutcome, WhatIfRun},
};
use crate::{FoldError, fold, quietly::quietly};

/// Pages of history that wait to be run.
const PAGES_AHEAD: usize = 2;

/// Runs a what-if.
///
/// # Errors
/// See [`WhatIfError`]. A command that is refused or faults is not an error, but a step of the report.
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

/// Checks that no id is used twice, or is recorded already.
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
