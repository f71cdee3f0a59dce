//! What the engine asks of a guest runtime. All of it is synchronous and belongs on a thread of its own.

use crate::{Context, Digest, EventBatch, Fault, Manifest, Message, Rejection};

/// One loaded component, ready to run.
pub trait Component: Send + Sync {
    /// What it says of itself.
    fn manifest(&self) -> &Manifest;

    /// sha256 of its bytes.
    fn digest(&self) -> Digest;

    /// Opens a fresh sandbox whose hash maps are seeded with `hash_seed`.
    ///
    /// # Errors
    /// If it cannot be instantiated.
    fn open(&self, hash_seed: HashSeed) -> Result<Box<dyn Sandbox>, Box<Fault>>;
}

/// What a guest's hash maps are seeded with. A guest reads it once in its life, on whatever call comes first: it cannot
/// follow the command, so it is the same for all. Another one shows whether a decision depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSeed(pub u64, pub u64);

impl Default for HashSeed {
    /// What every decision is taken under.
    fn default() -> Self {
        Self(0x6361_6e74_7573, 0x6669_726d_7573)
    }
}

/// Names one aggregate instance inside a [`Sandbox`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstanceId(pub u64);

/// How a guest answered a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// These events happen.
    Events(Vec<Message>),
    /// A domain "no".
    Rejected(Rejection),
    /// There is no such command.
    Unknown(String),
    /// The payload does not decode.
    Malformed(String),
}

/// A running guest with its linear memory: holds many aggregate instances.
///
/// After a [`Fault`] it is poisoned, every further call faults too, and it must be dropped with all its instances,
/// unless [`Sandbox::is_poisoned`] says otherwise.
pub trait Sandbox: Send {
    /// Makes an instance from a snapshot, or from nothing.
    ///
    /// # Errors
    /// If the guest faults or refuses the snapshot.
    fn restore(&mut self, aggregate_type: &str, id: &str, snapshot: Option<&[u8]>) -> Result<InstanceId, Box<Fault>>;

    /// Folds events into an instance.
    ///
    /// # Errors
    /// If the guest faults or does not know an event. The instance must then be dropped.
    fn combine(&mut self, instance: InstanceId, events: &EventBatch) -> Result<(), Box<Fault>>;

    /// Decides a command. Does not change the instance.
    ///
    /// # Errors
    /// If the guest faults.
    fn handle(&mut self, instance: InstanceId, command: &Message, context: &Context) -> Result<Reply, Box<Fault>>;

    /// The instance's whole state.
    ///
    /// # Errors
    /// If the guest faults.
    fn snapshot(&mut self, instance: InstanceId) -> Result<Vec<u8>, Box<Fault>>;

    /// Drops an instance.
    ///
    /// # Errors
    /// If the guest faults while it does.
    fn release(&mut self, instance: InstanceId) -> Result<(), Box<Fault>>;

    /// Whether the guest can no longer be called.
    fn is_poisoned(&self) -> bool;

    /// Bytes of linear memory that it holds.
    fn memory_bytes(&self) -> usize;

    /// Fuel that all calls so far have used: a measure of work that is the same on every machine. Never stored.
    fn fuel_used(&self) -> u64;
}
