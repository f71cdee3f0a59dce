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
use crate::{FoldError, fold, without_logging::without_logging};

/// Pages of history that wait to be run.
const PAGES_AHEAD: usize = 2;

/// Runs a what-if.
///
/// # Errors
/// See [`WhatIfError`]. A command that is refused or faults is not an error, but a step of the report.
pub async fn whatif(
    store: &dyn Hydrator,
    history: &dyn HistorySource,
    query: WhatIfQuery,
) -> Result<Timelines, WhatIfError> {
    check_new_ids(store, &query).await?;
    let aggregate = query.branch.aggregate.clone();
    let streams = HistoryQuery { aggregate: Some(aggregate.clone()), ..HistoryQuery::default() };
    let mut history = history.history(&streams).await?;
    let (pages, pending) = mpsc::channel(PAGES_AHEAD);
    let running = tokio::task::spawn_blocking(move || without_logging(|| run(query, pending)));
    while let Some(page) = history.next_page().await? {
        if pages.send(page).await.is_err() {
            break; // the run has failed, and returns its error
        }
    }
    drop(pages);
    let outcome = running.await.map_err(|error| StoreError::Other(error.to_string()))??;
    let WhatIfOutcome { common_prefix, divergence, now, version, last_component, component } = outcome;
    let state = match component {
        Err(error) => Err(error.to_string()),
        Ok(component) => match fold(store, component, &aggregate, Some(version)).await {
            Ok(folded) => Ok(folded.state),
            Err(FoldError::Fault(fault)) => Err(fault.to_string()),
            Err(FoldError::Store(error)) => return Err(error.into()),
        },
    };
    Ok(Timelines {
        aggregate,
        common_prefix,
        divergence,
        before: TimelineEnd { version, component: last_component, state },
        now,
    })
}

fn run(query: WhatIfQuery, mut pages: mpsc::Receiver<HistoryPage>) -> Result<WhatIfOutcome, WhatIfError> {
    let mut run = WhatIfRun::new(query);
    while let Some(page) = pages.blocking_recv() {
        run.page(&page)?;
    }
    run.end()
}

/// Checks that no id is used twice, or is recorded already.
async fn check_new_ids(store: &dyn EventReader, query: &WhatIfQuery) -> Result<(), WhatIfError> {
    let left_out = query
        .branch
        .command
        .as_ref()
        .filter(|_| !query.retain_branch_command)
        .map(|command| &command.context.command_id);
    let mut ids = BTreeSet::new();
    for Command { id, .. } in &query.commands {
        let is_recorded = Some(id) != left_out && store.command(id).await?.is_some();
        if is_recorded || !ids.insert(id) {
            return Err(WhatIfError::IdTaken(id.clone()));
        }
    }
    Ok(())
}
