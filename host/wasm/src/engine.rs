//! The wasmtime engine: every setting that determinism or safety rests on, each with its reason.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::Limits;

/// The machine that runs the guests' code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// Cranelift's code for this processor.
    Native,
    /// Pulley: cranelift's code for a machine that does not exist, interpreted.
    Interpreter,
}

/// The source of the instances' memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// A pool of `wasm.sandboxes`: fast.
    Pool,
    /// The system: any number of instances.
    System,
}

/// The most entries of a guest's table.
pub(crate) const TABLE_ELEMENTS: usize = 100_000;

/// Makes an engine under `limits`. All components of a host share it.
pub(crate) fn engine(backend: Backend, allocation: Allocation, limits: &Limits) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);

    // Determinism: everything that can differ between machines or days is off or pinned.
    config.cranelift_nan_canonicalization(true); // NaN bits differ between processors
    config.wasm_relaxed_simd(false); // its results are allowed to differ
    config.shared_memory(false); // order of memory accesses
    config.wasm_memory64(false); // one address width, so that one memory limit means one thing
    // Threads, garbage collection, exceptions and async are not compiled in: see the features in Cargo.toml.

    // Safety: fuel is the limit and gives the same answer everywhere; the epoch only catches what fuel does not see.
    config.consume_fuel(true);
    config.epoch_interruption(true);
    config.max_wasm_stack(limits.stack_bytes);

    // Speed.
    config.cranelift_opt_level(OptLevel::Speed);
    config.allocation_strategy(match allocation {
        Allocation::Pool => InstanceAllocationStrategy::Pooling(pooling(limits)),
        Allocation::System => InstanceAllocationStrategy::OnDemand,
    });

    if backend == Backend::Interpreter {
        config.target("pulley64")?;
        // It checks every access itself, so it needs no address space around a memory to catch one that misses.
        config.memory_reservation(limits.memory_bytes as u64);
        config.memory_guard_size(0);
    }
    Engine::new(&config)
}

/// A component built by `wasm-component-ld` has one core module with one memory, and a few shims around it. One in Python
/// has 14 core modules that share a memory, and one more for each of its native libraries; wasmtime only counts them, and a component that
/// has more is refused.
fn pooling(limits: &Limits) -> PoolingAllocationConfig {
    const CORE_INSTANCES_PER_SANDBOX: u32 = 32;
    const TABLES_PER_SANDBOX: u32 = 4;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(limits.sandboxes)
        .total_core_instances(limits.sandboxes.saturating_mul(CORE_INSTANCES_PER_SANDBOX))
        .total_memories(limits.sandboxes)
        .total_tables(limits.sandboxes.saturating_mul(TABLES_PER_SANDBOX))
        .max_core_instances_per_component(CORE_INSTANCES_PER_SANDBOX)
        .max_tables_per_component(TABLES_PER_SANDBOX)
        .max_memories_per_component(1)
        .max_memory_size(limits.memory_bytes)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(1 << 20);
    pool
}
