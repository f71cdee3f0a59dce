//! Folds one aggregate's state outside the pipeline: for people who look, and for tests that compare.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, EventBatch, Fault, PageLimit, Snapshot,
    ports::{Component, HashSeed, Hydrator, StoreError},
};
use tokio::sync::mpsc;

use crate::retry::retry;

/// Times that a reading is tried when the store does not answer.
const ATTEMPTS: u32 = 5;
const PAGE: PageLimit = PageLimit { events: 1_024, bytes: 4 << 20 };

/// A state, as the guest returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldedState {
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
    store: &dyn Hydrator,
    component: Arc<dyn Component>,
    aggregate: &AggregateRef,
    upto: Option<u64>,
) -> Result<FoldedState, FoldError> {
    let head = retry(ATTEMPTS, || true, || store.stream_head(aggregate)).await?.version;
    let goal = upto.map_or(head, |upto| upto.min(head));
    let snapshot = retry(ATTEMPTS, || true, || store.load_snapshot(aggregate, component.digest())).await?;
    let snapshot = snapshot.filter(|snapshot| snapshot.version <= goal);
    let folding = StateFold { store, component, aggregate, goal };
    let from_snapshot = match snapshot {
        Some(snapshot) => Some(folding.run(Some(snapshot), PAGE).await),
        None => None,
    };
    // A snapshot is never the truth, and the limits are those of one call: what is too much at once is not one by one.
    let mut folded = match from_snapshot {
        Some(folded @ (Ok(_) | Err(FoldError::Store(_)))) => return folded,
        _ => folding.run(None, PAGE).await,
    };
    if matches!(&folded, Err(FoldError::Fault(_))) {
        folded = folding.run(None, PageLimit::events(1)).await;
    }
    folded
}

struct StateFold<'a> {
    store: &'a dyn Hydrator,
    component: Arc<dyn Component>,
    aggregate: &'a AggregateRef,
    goal: u64,
}

impl StateFold<'_> {
    /// Reads here, folds on a thread of its own.
    async fn run(&self, snapshot: Option<Snapshot>, page: PageLimit) -> Result<FoldedState, FoldError> {
        let mut version = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let (pages, folding) = mpsc::channel(2);
        let (component, aggregate) = (Arc::clone(&self.component), self.aggregate.clone());
        let folder = tokio::task::spawn_blocking(move || fold_pages(&*component, &aggregate, snapshot, folding));
        while version < self.goal {
            let left = usize::try_from(self.goal - version).unwrap_or(usize::MAX);
            let limit = PageLimit { events: page.events.min(left), ..page };
            let read = || self.store.read_stream(self.aggregate, version, limit);
            let events = retry(ATTEMPTS, || true, read).await?;
            if events.is_empty() {
                let message = format!("{} ends at {version}, not at {}", self.aggregate, self.goal);
                return Err(StoreError::Corrupt(message).into());
            }
            version += events.len() as u64;
            if pages.send(events).await.is_err() {
                break; // the guest faulted: the folder says how
            }
        }
        drop(pages);
        let state = folder.await.map_err(|error| StoreError::Other(error.to_string()))??;
        Ok(FoldedState { version: self.goal, state })
    }
}

fn fold_pages(
    component: &dyn Component,
    aggregate: &AggregateRef,
    snapshot: Option<Snapshot>,
    mut pages: mpsc::Receiver<EventBatch>,
) -> Result<Vec<u8>, Box<Fault>> {
    let mut sandbox = component.open_aggregates(HashSeed::default())?;
    let state = snapshot.as_ref().map(|snapshot| snapshot.state.as_slice());
    let instance = sandbox.restore(&aggregate.aggregate_type, &aggregate.id, state)?;
    while let Some(page) = pages.blocking_recv() {
        sandbox.combine(instance, &page)?;
    }
    sandbox.snapshot(instance)
}
