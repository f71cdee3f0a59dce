//! The guest runtime: components and their sandboxes. All calls block and belong on a thread that may block.

use crate::{Context, Digest, EventBatch, Fault, Manifest, Message, Verdict};

/// One loaded component, ready to run.
pub trait Component: Send + Sync {
    /// The manifest that the component declares.
    fn manifest(&self) -> &Manifest;

    /// sha256 of its bytes.
    fn digest(&self) -> Digest;

    /// Opens a fresh sandbox for the component's aggregates. The guest's hash maps are seeded with `hash_seed`.
    ///
    /// # Errors
    /// If it cannot be instantiated, or the plugin has no aggregates.
    fn open_aggregates(&self, hash_seed: HashSeed) -> Result<Box<dyn AggregateSandbox>, Box<Fault>>;
}

/// The seed of a guest's hash maps. A guest reads it once in its life, on its first call, so it cannot depend on the
/// command and is the same for all. Another seed shows whether a decision depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSeed(pub u64, pub u64);

impl Default for HashSeed {
    /// The seed under which every decision is taken.
    fn default() -> Self {
        Self(0x6361_6e74_7573, 0x6669_726d_7573)
    }
}

/// Names one aggregate instance inside a [`Sandbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(pub u64);

/// The reason why a guest gives no verdict on a command.
#[derive(Debug)]
pub enum HandleError {
    /// The payload does not decode, which is the caller's mistake; holds the guest's reason.
    Malformed(String),
    /// The guest faulted.
    Fault(Box<Fault>),
}

impl From<Box<Fault>> for HandleError {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

/// A running guest with its linear memory.
///
/// After a [`Fault`] it is poisoned: every further call faults too, and it must be dropped with everything in it,
/// unless [`Sandbox::is_poisoned`] returns false.
pub trait Sandbox: Send {
    /// Reports whether the guest can no longer be called.
    fn is_poisoned(&self) -> bool;

    /// Bytes of linear memory that it holds.
    fn memory_bytes(&self) -> usize;

    /// Fuel that all calls so far have used: a measure of work that is the same on every machine. Never stored.
    fn fuel_used(&self) -> u64;
}

/// A sandbox of a plugin that has aggregates. It holds many of their instances.
pub trait AggregateSandbox: Sandbox {
    /// Creates an instance from a snapshot, or in the initial state.
    ///
    /// # Errors
    /// If the guest faults or does not accept the snapshot.
    fn restore(&mut self, aggregate_type: &str, id: &str, snapshot: Option<&[u8]>) -> Result<InstanceId, Box<Fault>>;

    /// Folds events into an instance.
    ///
    /// # Errors
    /// If the guest faults or does not know an event. The instance must then be dropped.
    fn combine(&mut self, instance: InstanceId, events: &EventBatch) -> Result<(), Box<Fault>>;

    /// Decides a command. Does not change the instance.
    ///
    /// # Errors
    /// See [`HandleError`]. A guest that does not know a command which its manifest declares faults.
    fn handle(&mut self, instance: InstanceId, command: &Message, context: &Context) -> Result<Verdict, HandleError>;

    /// Returns the instance's whole state.
    ///
    /// # Errors
    /// If the guest faults.
    fn snapshot(&mut self, instance: InstanceId) -> Result<Vec<u8>, Box<Fault>>;

    /// Drops an instance.
    ///
    /// # Errors
    /// If the guest faults while it does.
    fn release(&mut self, instance: InstanceId) -> Result<(), Box<Fault>>;
}
