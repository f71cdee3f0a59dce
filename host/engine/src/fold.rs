//! Folds one aggregate's state outside the pipeline: for people who look, and for tests that compare.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, EventBatch, Fault, Snapshot,
    ports::{Component, Store, StoreError},
};
use tokio::sync::mpsc;

const PAGE_EVENTS: usize = 1_024;

/// A state, as the guest returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// The stream version that it stands at.
    pub version: u64,
    /// In the plugin's payload format.
    pub state: Vec<u8>,
}

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The guest failed.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
}

/// The state of `aggregate` at stream version `upto`, or at its newest. Uses a snapshot of the same component where
/// one is of use, and writes nothing. A stream without events gives the initial state at version 0.
///
/// # Errors
/// See [`FoldError`].
pub async fn fold(
    store: &dyn Store,
    component: Arc<dyn Component>,
    aggregate: &AggregateRef,
    upto: Option<u64>,
) -> Result<Folded, FoldError> {
    let head = store.stream_head(aggregate).await?.version;
    let goal = upto.map_or(head, |upto| upto.min(head));
    let snapshot =
        store.load_snapshot(aggregate, component.digest()).await?.filter(|snapshot| snapshot.version <= goal);
    let mut version = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let (pages, folding) = mpsc::channel(2);
    let folder = {
        let aggregate = aggregate.clone();
        tokio::task::spawn_blocking(move || fold_pages(&*component, &aggregate, snapshot, folding))
    };
    while version < goal {
        let page = store.read_stream(aggregate, version, PAGE_EVENTS.min((goal - version) as usize)).await?;
        if page.is_empty() {
            return Err(StoreError::Corrupt(format!("{aggregate} ends at {version}, not at {head}")).into());
        }
        version += page.len() as u64;
        if pages.send(page).await.is_err() {
            break; // the guest faulted: the folder says how
        }
    }
    drop(pages);
    let state = folder.await.map_err(|error| StoreError::Other(error.to_string()))??;
    Ok(Folded { version: goal, state })
}

fn fold_pages(
    component: &dyn Component,
    aggregate: &AggregateRef,
    snapshot: Option<Snapshot>,
    mut pages: mpsc::Receiver<EventBatch>,
) -> Result<Vec<u8>, Box<Fault>> {
    let mut sandbox = component.open()?;
    let state = snapshot.as_ref().map(|snapshot| snapshot.state.as_slice());
    let instance = sandbox.restore(&aggregate.aggregate_type, &aggregate.id, state)?;
    while let Some(page) = pages.blocking_recv() {
        sandbox.combine(instance, &page)?;
    }
    sandbox.snapshot(instance)
}
