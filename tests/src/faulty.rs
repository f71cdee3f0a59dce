//! A store that fails when it is told to.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use cantus_model::{
    Activation, AggregateRef, CommandRecord, ComponentRecord, Digest, Entry, EntryResult, EventBatch, EventQuery,
    HistoryQuery, LogInfo, PageLimit, PartitionId, RecordedEvent, Snapshot, StreamHead, Timestamp,
    ports::{
        ActivationAuthor, ActivationLog, Claim, ComponentStore, EventReader, History, HistorySource, Hydrator, Journal,
        Refused, SnapshotStore, Store, StoreError,
    },
};
use cantus_store::MemoryStore;
use tokio::sync::{RwLock, RwLockWriteGuard};

/// The fate of one commit.
pub enum OnCommit {
    /// Nothing is written.
    Fail(StoreError),
    /// All is written, and nobody learns of it.
    LoseReply(StoreError),
    /// Another writer gets in first with this.
    Precede(Box<Entry>),
    /// It holds the thread that asked until the sender is dropped, and then works.
    Block(std::sync::mpsc::Receiver<()>),
    /// It panics.
    Panic,
    /// It works.
    Work,
}

/// The fate of one activation.
pub enum OnAppend {
    /// Nothing is written.
    Fail(StoreError),
    /// It is written, and nobody learns of it.
    LoseReply(StoreError),
    /// Somebody else gets in first with this.
    Precede(Box<Activation>, Box<ComponentRecord>),
}

/// A store with failures to come.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    commits: Mutex<VecDeque<OnCommit>>,
    refused: Mutex<BTreeSet<String>>,
    reads: Mutex<VecDeque<StoreError>>,
    appends: Mutex<VecDeque<OnAppend>>,
    committing: RwLock<()>,
    reading: RwLock<()>,
    /// The version from which on reads may be held.
    held_after: AtomicU64,
    seen: Mutex<Seen>,
}

/// The calls that a store has had.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Entries of each commit, in order.
    pub commits: Vec<usize>,
    /// Streams read, with the version after which.
    pub reads: Vec<(AggregateRef, u64)>,
    /// Snapshots saved, as `Type/id@version`.
    pub snapshots: Vec<String>,
}

impl FaultyStore {
    /// Another store that fails when it is told to.
    pub fn over(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            commits: Mutex::default(),
            refused: Mutex::default(),
            reads: Mutex::default(),
            appends: Mutex::default(),
            committing: RwLock::default(),
            reading: RwLock::default(),
            held_after: AtomicU64::new(0),
            seen: Mutex::default(),
        })
    }

    /// Sets the fate of the next commits, one after another.
    pub fn on_commits(&self, faults: impl IntoIterator<Item = OnCommit>) {
        lock(&self.commits).extend(faults);
    }

    /// From now on a batch with this command is not written.
    pub fn refuse(&self, command_id: &str) {
        lock(&self.refused).insert(command_id.to_owned());
    }

    /// The errors that the next hydrations meet.
    pub fn fail_reads(&self, errors: impl IntoIterator<Item = StoreError>) {
        lock(&self.reads).extend(errors);
    }

    /// Sets the fate of the next activations, one after another.
    pub fn on_appends(&self, faults: impl IntoIterator<Item = OnAppend>) {
        lock(&self.appends).extend(faults);
    }

    /// Reports whether every fate of activations has come.
    pub fn has_appended(&self) -> bool {
        lock(&self.appends).is_empty()
    }

    /// Lets no commit through until the guard is dropped.
    pub async fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.committing.write().await
    }

    /// Lets nobody read a stream until the guard is dropped.
    pub async fn hold_reads(&self) -> RwLockWriteGuard<'_, ()> {
        self.reading.write().await
    }

    /// The same, but for reads that begin after a version below `version`.
    pub async fn hold_reads_after(&self, version: u64) -> RwLockWriteGuard<'_, ()> {
        self.held_after.store(version, Ordering::Relaxed);
        self.reading.write().await
    }

    /// The calls so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }
}

/// A memory store for an engine and its test, with failures to come.
pub fn faulty() -> Arc<FaultyStore> {
    FaultyStore::over(Arc::new(MemoryStore::default()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Journal for FaultyStore {
    async fn claim(&self, partition: PartitionId) -> Result<Claim, StoreError> {
        self.inner.claim(partition).await
    }

    async fn commit(&self, claim: Claim, entries: &[Entry]) -> Result<Vec<EntryResult>, StoreError> {
        lock(&self.seen).commits.push(entries.len());
        let _open = self.committing.read().await;
        let fault = lock(&self.commits).pop_front().unwrap_or(OnCommit::Work);
        if let Some(entry) = entries.iter().find(|entry| lock(&self.refused).contains(&entry.command_id)) {
            return Err(StoreError::Other(format!("{} is poison", entry.command_id)));
        }
        match fault {
            OnCommit::Panic => panic!("the store panicked"),
            OnCommit::Block(until) => {
                let _ = until.recv();
                self.inner.commit(claim, entries).await
            }
            OnCommit::Fail(error) => Err(error),
            OnCommit::LoseReply(error) => self.inner.commit(claim, entries).await.and(Err(error)),
            OnCommit::Precede(entry) => {
                self.inner.commit(claim, &[*entry]).await?;
                self.inner.commit(claim, entries).await
            }
            OnCommit::Work => self.inner.commit(claim, entries).await,
        }
    }
}

#[async_trait]
impl EventReader for FaultyStore {
    async fn stream_head(&self, aggregate: &AggregateRef) -> Result<StreamHead, StoreError> {
        let error = lock(&self.reads).pop_front();
        match error {
            Some(error) => Err(error),
            None => self.inner.stream_head(aggregate).await,
        }
    }

    async fn read_stream(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        limit: PageLimit,
    ) -> Result<EventBatch, StoreError> {
        lock(&self.seen).reads.push((aggregate.clone(), after));
        let _open = match after >= self.held_after.load(Ordering::Relaxed) {
            true => Some(self.reading.read().await),
            false => None,
        };
        self.inner.read_stream(aggregate, after, limit).await
    }

    async fn version_at(&self, aggregate: &AggregateRef, time: Timestamp) -> Result<u64, StoreError> {
        self.inner.version_at(aggregate, time).await
    }

    async fn read_events(&self, query: &EventQuery) -> Result<Vec<RecordedEvent>, StoreError> {
        self.inner.read_events(query).await
    }

    async fn log_info(&self) -> Result<LogInfo, StoreError> {
        self.inner.log_info().await
    }

    async fn log_head(&self, partition: PartitionId) -> Result<u64, StoreError> {
        self.inner.log_head(partition).await
    }

    async fn command(&self, id: &str) -> Result<Option<CommandRecord>, StoreError> {
        self.inner.command(id).await
    }

    async fn recent_commands(&self, types: &[String], limit: usize) -> Result<Vec<CommandRecord>, StoreError> {
        self.inner.recent_commands(types, limit).await
    }
}

#[async_trait]
impl SnapshotStore for FaultyStore {
    async fn load_snapshot(&self, aggregate: &AggregateRef, component: Digest) -> Result<Option<Snapshot>, StoreError> {
        self.inner.load_snapshot(aggregate, component).await
    }

    async fn save_snapshots(&self, claim: Claim, snapshots: &[Snapshot]) -> Result<(), StoreError> {
        let names = snapshots.iter().map(|snapshot| format!("{}@{}", snapshot.aggregate, snapshot.version));
        lock(&self.seen).snapshots.extend(names);
        self.inner.save_snapshots(claim, snapshots).await
    }
}

#[async_trait]
impl HistorySource for FaultyStore {
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError> {
        self.inner.history(query).await
    }
}

#[async_trait]
impl ActivationLog for FaultyStore {
    async fn append_activation(
        &self,
        author: ActivationAuthor,
        activation: &Activation,
        component: Option<&ComponentRecord>,
    ) -> Result<bool, StoreError> {
        let fault = lock(&self.appends).pop_front();
        match fault {
            Some(OnAppend::Fail(error)) => Err(error),
            Some(OnAppend::LoseReply(error)) => {
                assert!(self.inner.append_activation(author, activation, component).await?);
                Err(error)
            }
            Some(OnAppend::Precede(other, its)) => {
                assert!(self.inner.append_activation(author, &other, Some(&its)).await?);
                self.inner.append_activation(author, activation, component).await
            }
            None => self.inner.append_activation(author, activation, component).await,
        }
    }

    async fn activations(&self, after: u64) -> Result<Vec<Activation>, StoreError> {
        self.inner.activations(after).await
    }

    async fn components(&self) -> Result<Vec<ComponentRecord>, StoreError> {
        self.inner.components().await
    }
}

/// Reads as others do, one by one.
impl Hydrator for FaultyStore {}

impl ComponentStore for FaultyStore {
    fn put_component(&self, bytes: &[u8]) -> Result<Digest, Refused> {
        self.inner.put_component(bytes)
    }

    fn get_component(&self, digest: Digest) -> Result<Option<Vec<u8>>, Refused> {
        self.inner.get_component(digest)
    }
}
