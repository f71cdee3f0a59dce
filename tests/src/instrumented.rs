//! A component that counts what it is asked, and panics when it is told to: as a guest never can, but the host may.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use cantus_model::{
    Context, Digest, EventBatch, Fault, Manifest, Message, Verdict,
    ports::{AggregateSandbox, Component, HandleError, HashSeed, InstanceId, Sandbox},
};

/// The id of the command at which the host panics.
pub const PANIC: &str = "panic";

/// Another component, and what it was asked.
pub struct Instrumented {
    inner: Arc<dyn Component>,
    counts: Arc<Counts>,
}

/// Counts of calls over all sandboxes of a component.
#[derive(Default)]
pub struct Counts {
    restores: Mutex<BTreeMap<String, usize>>,
    open: AtomicUsize,
    handles: AtomicUsize,
    memory: AtomicUsize,
    deciding: Mutex<()>,
}

impl Counts {
    /// Count of restores of an aggregate with this id.
    pub fn restores(&self, id: &str) -> usize {
        lock(&self.restores).get(id).copied().unwrap_or(0)
    }

    /// Commands that were decided.
    pub fn handles(&self) -> usize {
        self.handles.load(Relaxed)
    }

    /// Lets nobody decide until the guard is dropped: a shard waits.
    pub fn hold_decisions(&self) -> MutexGuard<'_, ()> {
        lock(&self.deciding)
    }

    /// Sandboxes that are open.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// From now on every sandbox says that it has this many bytes of memory.
    pub fn pretend_memory(&self, bytes: usize) {
        self.memory.store(bytes, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instrumented {
    /// Counts what `inner` is asked.
    pub fn over(inner: Arc<dyn Component>) -> (Arc<dyn Component>, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        (Arc::new(Self { inner, counts: Arc::clone(&counts) }), counts)
    }
}

impl Component for Instrumented {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    fn digest(&self) -> Digest {
        self.inner.digest()
    }

    fn open_aggregates(&self, hash_seed: HashSeed) -> Result<Box<dyn AggregateSandbox>, Box<Fault>> {
        let inner = self.inner.open_aggregates(hash_seed)?;
        self.counts.open.fetch_add(1, Relaxed);
        Ok(Box::new(InstrumentedSandbox { inner, counts: Arc::clone(&self.counts) }))
    }
}

struct InstrumentedSandbox {
    inner: Box<dyn AggregateSandbox>,
    counts: Arc<Counts>,
}

impl Drop for InstrumentedSandbox {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Relaxed);
    }
}

impl AggregateSandbox for InstrumentedSandbox {
    fn restore(&mut self, aggregate_type: &str, id: &str, snapshot: Option<&[u8]>) -> Result<InstanceId, Box<Fault>> {
        *lock(&self.counts.restores).entry(id.to_owned()).or_default() += 1;
        self.inner.restore(aggregate_type, id, snapshot)
    }

    fn combine(&mut self, instance: InstanceId, events: &EventBatch) -> Result<(), Box<Fault>> {
        self.inner.combine(instance, events)
    }

    fn handle(&mut self, instance: InstanceId, command: &Message, context: &Context) -> Result<Verdict, HandleError> {
        drop(lock(&self.counts.deciding));
        self.counts.handles.fetch_add(1, Relaxed);
        assert!(context.command_id != PANIC, "the host panics, as it was told to");
        self.inner.handle(instance, command, context)
    }

    fn snapshot(&mut self, instance: InstanceId) -> Result<Vec<u8>, Box<Fault>> {
        self.inner.snapshot(instance)
    }

    fn release(&mut self, instance: InstanceId) -> Result<(), Box<Fault>> {
        self.inner.release(instance)
    }
}

impl Sandbox for InstrumentedSandbox {
    fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    fn memory_bytes(&self) -> usize {
        match self.counts.memory.load(Relaxed) {
            0 => self.inner.memory_bytes(),
            bytes => bytes,
        }
    }

    fn fuel_used(&self) -> u64 {
        self.inner.fuel_used()
    }
}
