//! The limits of a guest.

use serde::{Deserialize, Serialize};

/// Bounds on one guest. The host enforces all of them, and a plugin can raise none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Fuel of one call into the guest, about one unit a WebAssembly instruction. This is the limit that counts.
    pub fuel_per_call: u64,
    /// Milliseconds that one call may take before the watchdog stops it: a safety net behind the fuel.
    pub call_timeout_ms: u64,
    /// Bytes of linear memory of one sandbox. A sandbox holds all resident aggregates of one plugin on one shard.
    pub memory_bytes: usize,
    /// Bytes of WebAssembly stack.
    pub stack_bytes: usize,
    /// Bytes that one command may return: all its events together, or its rejection.
    pub result_bytes: usize,
    /// Bytes of one snapshot.
    pub snapshot_bytes: usize,
    /// Bytes of stdout and of stderr that are kept of one call; the rest is dropped and counted.
    pub output_bytes: usize,
    /// Bytes of a component file.
    pub component_bytes: usize,
    /// Components whose compiled code is kept; the oldest goes, and is compiled again when it is wanted.
    pub compiled_entries: usize,
    /// Sandboxes that may be open at once, over all shards and plugins. Each reserves 4 GiB of address space (not of
    /// memory), which spares the guest its bounds checks.
    pub sandboxes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // The default is one shard for each core. A shard needs a sandbox for each plugin, and some for aggregates that faulted.
        let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        Self {
            fuel_per_call: 500_000_000,
            call_timeout_ms: 5_000,
            memory_bytes: 256 << 20,
            stack_bytes: 512 << 10,
            result_bytes: 4 << 20,
            snapshot_bytes: 64 << 20,
            output_bytes: 16 << 10,
            component_bytes: 64 << 20,
            compiled_entries: 256,
            sandboxes: 128.max(16 * cores),
        }
    }
}
