//! A running guest: one wasmtime Store with the guest's memory in it. This file has what all kinds of plugins share: opening,
//! limits, fuel, the context of a call, output and faults. Each kind has a file of its own beside it.

pub(crate) mod aggregate;
pub(crate) mod describe;

use std::sync::Arc;

use cantus_model::{
    Context, Fault, FaultKind, Timestamp,
    ports::{HashSeed, Sandbox},
};
use wasmtime::{Store, component::Instance};

use crate::{
    component_context::ComponentContext,
    fault,
    guest::{GuestState, Random},
    watchdog::Watchdog,
};

type FaultResult<T> = Result<T, Box<Fault>>;

/// Handles of one sandbox: one for each resident aggregate, and those that a guest leaks of its streams.
const MAX_HANDLES: usize = 1 << 20;

/// A running guest. `K` is what one kind of plugin adds: its exports, and what the host keeps for them.
pub(crate) struct WasmSandbox<K> {
    component: Arc<ComponentContext>,
    store: Store<GuestState>,
    kind: K,
    fuel_used: u64,
    poisoned: bool,
}

impl WasmSandbox<Instance> {
    /// Instantiates. Fuel is unlimited meanwhile: what instantiation burns differs by platform (wasmtime's own
    /// initialisation counts), and the watchdog still watches.
    fn open(component: Arc<ComponentContext>, hash_seed: HashSeed) -> FaultResult<Self> {
        let limits = &component.limits;
        let mut store = Store::new(component.pre.engine(), GuestState::new(limits, hash_seed));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.result_bytes.max(limits.snapshot_bytes));
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(Watchdog::epochs(limits.call_timeout_ms));
        match store.set_fuel(u64::MAX).and_then(|()| component.pre.instantiate(&mut store)) {
            Ok(instance) => Ok(Self { component, store, kind: instance, fuel_used: 0, poisoned: false }),
            Err(error) => {
                let stderr = store.data_mut().stderr.take();
                Err(Box::new(fault::explain(&component, "instantiate", &error, store.data(), stderr.as_deref())))
            }
        }
    }

    /// Adds what a kind of plugin needs. `load` runs nothing of the guest.
    fn bind<K>(
        mut self,
        load: impl FnOnce(&mut Store<GuestState>, &Instance) -> wasmtime::Result<K>,
    ) -> wasmtime::Result<WasmSandbox<K>> {
        let kind = load(&mut self.store, &self.kind)?;
        let Self { component, store, fuel_used, poisoned, .. } = self;
        Ok(WasmSandbox { component, store, kind, fuel_used, poisoned })
    }
}

impl<K> WasmSandbox<K> {
    /// Runs one call into the guest under its limits. `context` is all that the guest can see of the world.
    fn call<T>(
        &mut self,
        name: &'static str,
        context: Option<&Context>,
        run: impl FnOnce(&mut Store<GuestState>, &K) -> wasmtime::Result<T>,
    ) -> FaultResult<T> {
        if self.poisoned {
            return Err(self.fault(FaultKind::Host, name, "the sandbox is poisoned by an earlier fault".into()));
        }
        self.prepare(context);
        let limits = &self.component.limits;
        self.store.set_epoch_deadline(Watchdog::epochs(limits.call_timeout_ms));
        let result = self.store.set_fuel(limits.fuel_per_call).and_then(|()| run(&mut self.store, &self.kind));
        let left = self.store.get_fuel().unwrap_or(0);
        self.fuel_used = self.fuel_used.saturating_add(limits.fuel_per_call.saturating_sub(left));
        let stderr = self.log_output(name, context);
        result.map_err(|error| {
            self.poisoned = true;
            Box::new(fault::explain(&self.component, name, &error, self.store.data(), stderr.as_deref()))
        })
    }

    fn prepare(&mut self, context: Option<&Context>) {
        let state = self.store.data_mut();
        state.now = context.map_or(Timestamp(0), |context| context.now);
        state.random = Random::new(context.map_or(0, |context| context.seed));
        state.refused = None;
    }

    /// Writes what the guest printed to the log, and returns what it printed to stderr.
    fn log_output(&mut self, call: &'static str, context: Option<&Context>) -> Option<String> {
        let state = self.store.data_mut();
        let (stdout, stderr) = (state.stdout.take(), state.stderr.take());
        let command = context.map(|context| context.command_id.as_str());
        for (stream, text) in [("stdout", &stdout), ("stderr", &stderr)] {
            if let Some(text) = text {
                tracing::info!(target: "guest", plugin = %self.component.plugin, call, command, stream, "{text}");
            }
        }
        stderr
    }

    fn fault(&self, kind: FaultKind, call: &'static str, message: String) -> Box<Fault> {
        Box::new(fault::fault(&self.component, kind, call, message, Vec::new()))
    }

    /// Bounds what enters queues and the store. The host's memory for what was returned is bounded by hostcall fuel already.
    fn check_size(&self, call: &'static str, bytes: usize, limit: usize) -> FaultResult<()> {
        if bytes <= limit {
            return Ok(());
        }
        Err(self.fault(FaultKind::ResultTooLarge, call, format!("it returned {bytes} bytes, the limit is {limit}")))
    }
}

impl<K: Send> Sandbox for WasmSandbox<K> {
    fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    fn memory_bytes(&self) -> usize {
        self.store.data().memory.bytes
    }

    fn fuel_used(&self) -> u64 {
        self.fuel_used
    }
}
