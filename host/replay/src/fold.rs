//! Folds the state of one aggregate outside the pipeline: for people who inspect it, and for tests that compare it.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, EventBatch, Fault, PageLimit, Snapshot, StreamRange,
    ports::{Component, HashSeed, Hydrator, StoreError},
};
use tokio::sync::mpsc;

use crate::retry::retry;

/// Attempts of one reading when the store does not answer.
const ATTEMPTS: u32 = 5;
const PAGE: PageLimit = PageLimit { events: 1_024, bytes: 4 << 20 };

/// A state and its stream version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldedState {
    /// The stream version of the state.
    pub version: u64,
    /// The state as the guest returned it, in the plugin's payload format.
    pub state: Vec<u8>,
}

/// The reason why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The guest faulted.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
}

/// Folds the state of `aggregate` at stream version `up_to`, or at its newest version. Starts from a snapshot of the
/// same component if there is a usable one, and writes nothing. A stream without events gives the initial state at
/// version 0.
///
/// # Errors
/// See [`FoldError`].
pub async fn fold(
    store: &dyn Hydrator,
    component: Arc<dyn Component>,
    aggregate: &AggregateRef,
    up_to: Option<u64>,
) -> Result<FoldedState, FoldError> {
    let head = retry(ATTEMPTS, || true, || store.stream_head(aggregate)).await?.version;
    let end = up_to.map_or(head, |up_to| up_to.min(head));
    let snapshot = retry(ATTEMPTS, || true, || store.load_snapshot(aggregate, component.digest())).await?;
    let snapshot = snapshot.filter(|snapshot| snapshot.version <= end);
    let folding = StateFold { store, component, aggregate, end };
    let from_snapshot = match snapshot {
        Some(snapshot) => Some(folding.run(Some(snapshot), PAGE).await),
        None => None,
    };
    // A snapshot is only a cache, so a fault on it does not count. The limits are those of one call: events that
    // exceed them together may stay below them one by one.
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
    end: u64,
}

impl StateFold<'_> {
    /// Reads on the runtime, and folds on a thread that may block.
    async fn run(&self, snapshot: Option<Snapshot>, page: PageLimit) -> Result<FoldedState, FoldError> {
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let mut range = StreamRange { after, end: self.end };
        let (pages, folding) = mpsc::channel(2);
        let (component, aggregate) = (Arc::clone(&self.component), self.aggregate.clone());
        let folder = tokio::task::spawn_blocking(move || fold_pages(&*component, &aggregate, snapshot, folding));
        while !range.is_empty() {
            let read = || self.store.read_stream(self.aggregate, range.after, range.limit(page));
            let events = retry(ATTEMPTS, || true, read).await?;
            range.advance(self.aggregate, &events)?;
            if pages.send(events).await.is_err() {
                break; // the guest faulted: `folder` returns the fault
            }
        }
        drop(pages);
        let state = folder.await.map_err(|error| StoreError::Other(error.to_string()))??;
        Ok(FoldedState { version: self.end, state })
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
