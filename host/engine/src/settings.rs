//! The settings of the engine: every bound, by name.

use serde::{Deserialize, Serialize};

/// The bounds of the engine's queues, batches, retries and memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// Shard threads; each owns the aggregates that hash to it.
    pub shards: usize,
    /// Commands that one shard holds, from admission to answer. One more is answered "overloaded, retry after".
    pub queue_commands: usize,
    /// Bytes of all commands in the engine, from admission to answer, with their events. Commands may use half of
    /// them: one more is answered "overloaded, retry after". When all bytes are in use, a shard decides one command
    /// at a time.
    pub in_flight_bytes: usize,
    /// Commands of one batch: one transaction, one fsync.
    pub batch_commands: usize,
    /// Bytes of commands, with their ids and events, after which a batch takes no more commands.
    pub batch_bytes: usize,
    /// Attempts to commit a batch when the store does not answer.
    pub commit_attempts: u32,
    /// Milliseconds after which the commands of a batch are answered although the store has not answered.
    pub commit_timeout_ms: u64,
    /// Attempts to read a stream when the store does not answer.
    pub read_attempts: u32,
    /// Milliseconds after which one attempt to read the store is given up.
    pub read_timeout_ms: u64,
    /// Further decisions of one command after another writer has changed its stream.
    pub conflict_retries: u32,
    /// Aggregates that one shard retains in memory.
    pub resident_aggregates: usize,
    /// Aggregates that one shard reads from the store at the same time, in one transaction.
    pub concurrent_loads: usize,
    /// Bytes of events that one shard reads ahead for all its aggregates together, without their snapshots.
    pub load_bytes: usize,
    /// Those of the aggregates read at the same time for which no command waits: they were in memory before a swap.
    pub background_loads: usize,
    /// Events of one call into the guest while an aggregate is hydrated.
    pub page_events: usize,
    /// Bytes of events after which such a call takes no more events.
    pub page_bytes: usize,
    /// Bytes of events that one shard retains of all its aggregates together, to fold them again after a swap without
    /// the store. Each aggregate has an equal share; one with more events is read from the store.
    pub tail_bytes: usize,
    /// Bytes of guest memory after which a sandbox is retired and its aggregates are hydrated again in a fresh one.
    pub sandbox_bytes: usize,
    /// Dedicated sandboxes of one shard for aggregates that faulted, until they have succeeded again.
    pub quarantine_sandboxes: usize,
    /// Bytes of one command's payload and metadata; a larger command is refused.
    pub payload_bytes: usize,
    /// Events that one command may produce; a guest that returns more faults.
    pub events_per_command: usize,
    /// Snapshots that wait to be written; one more is dropped, and the next one is saved instead.
    pub snapshot_queue: usize,
    /// Bytes of snapshots that wait until they are durable and written; one more is dropped, and the next one is
    /// saved instead.
    pub snapshot_queue_bytes: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, usize::from),
            queue_commands: 4_096,
            in_flight_bytes: 256 << 20,
            batch_commands: 512,
            batch_bytes: 8 << 20,
            commit_attempts: 5,
            commit_timeout_ms: 30_000,
            read_attempts: 5,
            read_timeout_ms: 30_000,
            conflict_retries: 5,
            resident_aggregates: 20_000,
            concurrent_loads: 64,
            load_bytes: 32 << 20,
            background_loads: 16,
            page_events: 1_024,
            page_bytes: 4 << 20,
            tail_bytes: 256 << 20,
            sandbox_bytes: 128 << 20,
            quarantine_sandboxes: 4,
            payload_bytes: 1 << 20,
            events_per_command: 1_000,
            snapshot_queue: 256,
            snapshot_queue_bytes: 64 << 20,
        }
    }
}
