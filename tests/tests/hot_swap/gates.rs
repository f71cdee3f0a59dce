//! A store whose reads can be held up, and whose log of activations fails when it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use cantus_model::{
    Activation, AggregateRef, CommandRecord, ComponentRecord, Digest, Entry, EntryResult, EventBatch, EventQuery,
    HistoryQuery, PageLimit, RecordedEvent, Snapshot, StreamHead, Timestamp,
    ports::{
        ActivationLog, EventReader, History, HistorySource, Hydrator, Journal, SnapshotStore, Store, StoreError,
        WriterEpoch,
    },
};
use tokio::sync::{RwLock, RwLockWriteGuard};

/// What happens to one activation.
pub(crate) enum OnAppend {
    /// Nothing is written.
    Fail(StoreError),
    /// It is written, and nobody learns of it.
    LoseReply(StoreError),
    /// Somebody else gets in first with this.
    Precede(Box<Activation>, Box<ComponentRecord>),
}

/// Another store, with gates.
pub(crate) struct Gated {
    inner: Arc<dyn Store>,
    reading: RwLock<()>,
    appends: Mutex<VecDeque<OnAppend>>,
}

impl Gated {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { inner, reading: RwLock::default(), appends: Mutex::default() })
    }

    /// Lets nobody read a stream until the guard is dropped.
    pub(crate) async fn hold_reads(&self) -> RwLockWriteGuard<'_, ()> {
        self.reading.write().await
    }

    /// What the next activations meet, one after another.
    pub(crate) fn on_appends(&self, faults: impl IntoIterator<Item = OnAppend>) {
        self.appends.lock().unwrap().extend(faults);
    }

    /// Whether all that was to come has come.
    pub(crate) fn is_over(&self) -> bool {
        self.appends.lock().unwrap().is_empty()
    }
}

#[async_trait]
impl ActivationLog for Gated {
    async fn append_activation(
        &self,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        let fault = self.appends.lock().unwrap().pop_front();
        match fault {
            Some(OnAppend::Fail(error)) => Err(error),
            Some(OnAppend::LoseReply(error)) => {
                assert!(self.inner.append_activation(activation, component).await?);
                Err(error)
            }
            Some(OnAppend::Precede(other, its)) => {
                assert!(self.inner.append_activation(&other, Some(&its)).await?);
                self.inner.append_activation(activation, component).await
            }
            None => self.inner.append_activation(activation, component).await,
        }
    }

    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError> {
        self.inner.activations(after).await
    }

    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.inner.components().await
    }
}

#[async_trait]
impl EventReader for Gated {
    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError> {
        self.inner.stream_head(aggregate).await
    }

    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError> {
        let _open = self.reading.read().await;
        self.inner.read_stream(aggregate, after, limit).await
    }

    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError> {
        self.inner.version_at(aggregate, time).await
    }

    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        self.inner.read_events(query).await
    }

    async fn log_head(&self) -> Result<u64, StoreError> {
        self.inner.log_head().await
    }

    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        self.inner.command(id).await
    }

    async fn recent_commands(&self, types: &[String], limit: usize) -> Result<Vec<CommandRecord>, StoreError> {
        self.inner.recent_commands(types, limit).await
    }
}

/// Reads as others do, one by one.
impl Hydrator for Gated {}

#[async_trait]
impl Journal for Gated {
    async fn claim(&self) -> Result<WriterEpoch, StoreError> {
        self.inner.claim().await
    }

    async fn commit(&self, epoch: WriterEpoch, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        self.inner.commit(epoch, entries).await
    }
}

#[async_trait]
impl SnapshotStore for Gated {
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError> {
        self.inner.load_snapshot(aggregate, component).await
    }

    async fn save_snapshots(&self, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        self.inner.save_snapshots(snapshots).await
    }
}

#[async_trait]
impl HistorySource for Gated {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        self.inner.history(query).await
    }
}
