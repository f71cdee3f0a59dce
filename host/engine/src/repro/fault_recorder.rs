//! Writes repro bundles of faults: outside the shards, one at a time, a bounded number of them.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use cantus_model::{
    AggregateRef, Digest, PageLimit,
    ports::{Hydrator, StoreError},
};
use cantus_replay::repro::{Bundle, BundleSnapshot, EventBody};
use lru::LruCache;
use tokio::sync::mpsc;

use super::{ReproConfig, ReproSink, fault_incident::FaultIncident};
use crate::stats::StatsCounters;

const PAGE: PageLimit = PageLimit { events: 1_024, bytes: 1 << 20 };
/// Kinds of faults that are remembered. A forgotten kind may get another bundle.
const KINDS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);

/// For each kind of fault, the name of its bundle, which is stored or on its way.
type KnownFaults = Mutex<LruCache<Digest, String>>;

/// Forgets bundles that no longer exist: the next fault of their kinds makes another one.
fn forget(seen: &KnownFaults, names: &[String]) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let gone = seen.iter().filter(|(_, name)| names.contains(name));
    for likeness in gone.map(|(likeness, _)| *likeness).collect::<Vec<_>>() {
        seen.pop(&likeness);
    }
}

/// Reports faults from the shards.
pub(crate) struct FaultReporter {
    sink: Arc<dyn ReproSink>,
    queue: mpsc::Sender<FaultIncident>,
    seen: Arc<KnownFaults>,
    stats: Arc<StatsCounters>,
    /// The limit of one bundle in bytes.
    bytes: usize,
}

impl FaultReporter {
    /// Returns the location at which the bundle of such a fault is, or will be.
    pub(crate) fn place(&self, incident: &FaultIncident) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let name = seen.peek(&incident.likeness()).cloned();
        self.sink.place(&name.unwrap_or_else(|| incident.name()))
    }

    /// Sends a fault to the recorder, unless its kind is known. Never waits.
    pub(crate) fn report(&self, mut incident: FaultIncident) {
        // A snapshot that does not fit a bundle must not take memory in the queue.
        incident.snapshot.take_if(|snapshot| snapshot.state.len() > self.bytes);
        let (likeness, name) = (incident.likeness(), incident.name());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.get(&likeness).is_some() {
            return;
        }
        match self.queue.try_send(incident) {
            Ok(()) => drop(seen.put(likeness, name)),
            Err(_) => {
                self.stats.repro_lost();
                tracing::warn!(
                    repro = self.sink.place(&name),
                    "too many faults at once: no bundle is kept of this one"
                );
            }
        }
    }
}

/// Makes the bundles, in a task.
pub(crate) struct FaultRecorder {
    store: Arc<dyn Hydrator>,
    keep: ReproConfig,
    queue: mpsc::Receiver<FaultIncident>,
    seen: Arc<KnownFaults>,
}

impl FaultRecorder {
    /// Creates the recorder and its reporter.
    pub(crate) fn new(keep: ReproConfig, store: Arc<dyn Hydrator>, stats: Arc<StatsCounters>) -> (FaultReporter, Self) {
        let (sender, queue) = mpsc::channel(keep.settings.queue.max(1));
        let seen = Arc::new(Mutex::new(LruCache::new(KINDS)));
        let (sink, bytes) = (Arc::clone(&keep.sink), keep.settings.bytes);
        (
            FaultReporter { sink, queue: sender, seen: Arc::clone(&seen), stats, bytes },
            Self { store, keep, queue, seen },
        )
    }

    /// Runs until all shards are gone.
    pub(crate) async fn run(mut self) {
        while let Some(incident) = self.queue.recv().await {
            let name = incident.name();
            let gone = self.capture(&name, incident).await.unwrap_or_else(|why| {
                tracing::warn!(repro = self.keep.sink.place(&name), why, "of this fault no bundle is kept");
                vec![name]
            });
            forget(&self.seen, &gone);
        }
    }

    /// Makes and stores a bundle. Returns the names of the bundles that were removed to make room.
    async fn capture(&self, name: &str, incident: FaultIncident) -> Result<Vec<String>, String> {
        let mut bundle = self.gather(incident).await;
        let (limit, sink, name) = (self.keep.settings.bytes, Arc::clone(&self.keep.sink), name.to_owned());
        let written = tokio::task::spawn_blocking(move || {
            let file = fit(&mut bundle, limit);
            match file.len() <= limit {
                true => sink.keep(&name, &file),
                false => Err(format!("its command alone makes it longer than `repro.bytes` ({limit})")),
            }
        });
        written.await.map_err(|error| error.to_string())?
    }

    /// Adds the aggregate's history from the store.
    async fn gather(&self, incident: FaultIncident) -> Bundle {
        // The guest faulted during a restore, so earlier events do not matter.
        let is_restored = incident.fault.call == "restore" || incident.fault.call == "instantiate";
        let unfounded = incident.unfounded;
        let mut bundle = incident.into_bundle();
        if unfounded {
            bundle.incomplete = Some("it was decided on events that did not become durable".into());
        } else if is_restored && bundle.version > 0 && bundle.snapshot.is_none() {
            omit(&mut bundle, self.keep.settings.bytes);
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
            if let Some(events) = self.events(&bundle.aggregate, after, bundle.version).await? {
                bundle.after = after;
                bundle.events = events;
                return Ok(());
            }
        }
        omit(bundle, self.keep.settings.bytes);
        Ok(())
    }

    /// Reads the events after a version up to another. `None` if they do not fit a bundle.
    async fn events(
        &self,
        aggregate: &AggregateRef,
        after: u64,
        upto: u64,
    ) -> Result<Option<Vec<EventBody>>, StoreError> {
        let (mut events, mut bytes, mut version) = (Vec::new(), 0, after);
        while version < upto {
            let left = usize::try_from(upto - version).unwrap_or(usize::MAX);
            let limit = PageLimit { events: PAGE.events.min(left), ..PAGE };
            let page = self.store.read_stream(aggregate, version, limit).await?;
            if page.is_empty() {
                return Err(StoreError::Corrupt(format!("{aggregate} ends at {version}, not at {upto}")));
            }
            version += page.len() as u64;
            bytes += page.bytes();
            if bytes > self.keep.settings.bytes {
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
fn fit(bundle: &mut Bundle, limit: usize) -> Vec<u8> {
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
        omit(bundle, limit);
        file = bundle.to_json();
    }
    file
}

/// Leaves out the history before the fault.
fn omit(bundle: &mut Bundle, limit: usize) {
    bundle.snapshot = None;
    bundle.after = 0;
    bundle.events.clear();
    bundle.incomplete = Some(format!("what came before is longer than `repro.bytes` ({limit})"));
}
