//! Writes repro bundles of faults: outside the shards, one at a time, a bounded number of them.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use cantus_model::{
    AggregateRef, Digest, PageLimit, StreamRange,
    ports::{Hydrator, StoreError},
};
use cantus_replay::repro::{Bundle, BundleSnapshot, EventBody};
use lru::LruCache;
use tokio::sync::mpsc;

use super::{ReproConfig, ReproSink, fault_incident::FaultIncident};
use crate::stats::StatsCounters;

const PAGE: PageLimit = PageLimit { events: 1_024, bytes: 1 << 20 };
/// Kinds of faults that are remembered. A forgotten kind may get another bundle.
const MAX_KNOWN_FAULTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);

/// For each kind of fault, the name of its bundle, which is stored or on its way.
type KnownFaults = Mutex<LruCache<Digest, String>>;

/// Forgets bundles that no longer exist: the next fault of their kinds makes another one.
fn forget(known: &KnownFaults, names: &[String]) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let removed = known.iter().filter(|(_, name)| names.contains(name));
    for key in removed.map(|(key, _)| *key).collect::<Vec<_>>() {
        known.pop(&key);
    }
}

/// Reports faults from the shards.
pub(crate) struct FaultReporter {
    sink: Arc<dyn ReproSink>,
    queue: mpsc::Sender<FaultIncident>,
    known: Arc<KnownFaults>,
    stats: Arc<StatsCounters>,
    /// The limit of one bundle in bytes.
    bytes: usize,
}

impl FaultReporter {
    /// Returns the location at which the bundle of such a fault is, or will be.
    pub(crate) fn location(&self, incident: &FaultIncident) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = known.peek(&incident.fault_kind_key()).cloned();
        self.sink.location(&name.unwrap_or_else(|| incident.name()))
    }

    /// Sends a fault to the recorder, unless its kind is known. Never waits.
    pub(crate) fn report(&self, mut incident: FaultIncident) {
        // A snapshot that does not fit a bundle must not take memory in the queue.
        incident.snapshot.take_if(|snapshot| snapshot.state.len() > self.bytes);
        let (key, name) = (incident.fault_kind_key(), incident.name());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&key).is_some() {
            return;
        }
        match self.queue.try_send(incident) {
            Ok(()) => drop(known.put(key, name)),
            Err(_) => {
                self.stats.record_lost_repro();
                tracing::warn!(repro = self.sink.location(&name), "too many faults at once: this one gets no bundle");
            }
        }
    }
}

/// Makes the bundles, in a task.
pub(crate) struct FaultRecorder {
    store: Arc<dyn Hydrator>,
    config: ReproConfig,
    queue: mpsc::Receiver<FaultIncident>,
    known: Arc<KnownFaults>,
}

impl FaultRecorder {
    /// Creates the recorder and its reporter.
    pub(crate) fn new(
        config: ReproConfig,
        store: Arc<dyn Hydrator>,
        stats: Arc<StatsCounters>,
    ) -> (FaultReporter, Self) {
        let (sender, queue) = mpsc::channel(config.settings.queue.max(1));
        let known = Arc::new(Mutex::new(LruCache::new(MAX_KNOWN_FAULTS)));
        let (sink, bytes) = (Arc::clone(&config.sink), config.settings.bytes);
        (
            FaultReporter { sink, queue: sender, known: Arc::clone(&known), stats, bytes },
            Self { store, config, queue, known },
        )
    }

    /// Runs until all shards are gone.
    pub(crate) async fn run(mut self) {
        while let Some(incident) = self.queue.recv().await {
            let name = incident.name();
            let removed = self.capture(&name, incident).await.unwrap_or_else(|why| {
                tracing::warn!(repro = self.config.sink.location(&name), why, "a fault gets no bundle");
                vec![name]
            });
            forget(&self.known, &removed);
        }
    }

    /// Makes and stores a bundle. Returns the names of the bundles that were removed to make room.
    async fn capture(&self, name: &str, incident: FaultIncident) -> Result<Vec<String>, String> {
        let mut bundle = self.make_bundle(incident).await;
        let (limit, sink, name) = (self.config.settings.bytes, Arc::clone(&self.config.sink), name.to_owned());
        let written = tokio::task::spawn_blocking(move || {
            let file = write_within(&mut bundle, limit);
            match file.len() <= limit {
                true => sink.store(&name, &file),
                false => Err(format!("its command alone makes it longer than `repro.bytes` ({limit})")),
            }
        });
        written.await.map_err(|error| error.to_string())?
    }

    /// Makes a bundle, with the aggregate's history from the store.
    async fn make_bundle(&self, incident: FaultIncident) -> Bundle {
        // The guest faulted during a restore, so earlier events do not matter.
        let is_restored = incident.fault.call == "restore" || incident.fault.call == "instantiate";
        let state_discarded = incident.state_discarded;
        let mut bundle = incident.into_bundle();
        if state_discarded {
            bundle.incomplete = Some("it was decided on events that did not become durable".into());
        } else if is_restored && bundle.version > 0 && bundle.snapshot.is_none() {
            omit_history(&mut bundle, self.config.settings.bytes);
        } else if is_restored {
            bundle.after = bundle.version;
        } else if let Err(error) = self.add_history(&mut bundle).await {
            bundle.incomplete = Some(error.to_string());
        }
        bundle
    }

    /// Adds the newest snapshot up to the bundle's version, and the events: all of them, or those after the snapshot.
    /// If even those are too many, adds the reason why they are missing.
    async fn add_history(&self, bundle: &mut Bundle) -> Result<(), StoreError> {
        let snapshot = self.store.load_snapshot(&bundle.aggregate, bundle.component).await?;
        bundle.snapshot = snapshot.filter(|snapshot| snapshot.version <= bundle.version).map(BundleSnapshot::from);
        let starts = [Some(0), bundle.snapshot.as_ref().map(|snapshot| snapshot.version)];
        for after in starts.into_iter().flatten() {
            if let Some(events) = self.read_events(&bundle.aggregate, after, bundle.version).await? {
                bundle.after = after;
                bundle.events = events;
                return Ok(());
            }
        }
        omit_history(bundle, self.config.settings.bytes);
        Ok(())
    }

    /// Reads the events after a version up to another. `None` if they do not fit a bundle.
    async fn read_events(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        up_to: u64,
    ) -> Result<Option<Vec<EventBody>>, StoreError> {
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut range = StreamRange { after, end: up_to };
        while !range.is_empty() {
            let page = self.store.read_stream(aggregate, range.after, range.limit(PAGE)).await?;
            range.advance(aggregate, &page)?;
            bytes += page.bytes();
            if bytes > self.config.settings.bytes {
                return Ok(None);
            }
            let body =
                |name: &str, version, payload: &[u8]| EventBody { name: name.into(), version, payload: payload.into() };
            events.extend(page.iter().map(|(kind, payload)| body(&kind.name, kind.version, payload)));
        }
        Ok(Some(events))
    }
}

/// Writes the file of a bundle. If it is too long, leaves out the snapshot if all events are there, or else the
/// events before the snapshot, or else both.
fn write_within(bundle: &mut Bundle, limit: usize) -> Vec<u8> {
    let mut file = bundle.to_json();
    if file.len() <= limit {
        return file;
    }
    if bundle.after == 0 && !bundle.events.is_empty() {
        let snapshot = bundle.snapshot.take();
        file = bundle.to_json();
        if file.len() <= limit {
            return file;
        }
        if let Some(snapshot) = snapshot {
            let before = usize::try_from(snapshot.version).unwrap_or(usize::MAX).min(bundle.events.len());
            bundle.events.drain(..before);
            bundle.after = snapshot.version;
            bundle.snapshot = Some(snapshot);
            file = bundle.to_json();
        }
    }
    if file.len() > limit {
        omit_history(bundle, limit);
        file = bundle.to_json();
    }
    file
}

/// Leaves out the history before the fault.
fn omit_history(bundle: &mut Bundle, limit: usize) {
    bundle.snapshot = None;
    bundle.after = 0;
    bundle.events.clear();
    bundle.incomplete = Some(format!("the history before the fault is longer than `repro.bytes` ({limit})"));
}
