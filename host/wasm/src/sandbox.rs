//! One wasmtime Store with the guest's memory in it.

use std::{collections::HashMap, sync::Arc};

use cantus_model::{
    Context, EventBatch, Fault, FaultKind, Message, Rejection, Timestamp, Verdict,
    ports::{AggregateSandbox, HandleError, HashSeed, InstanceId, Sandbox},
};
use wasmtime::{Store, component::ResourceAny};

use crate::{
    bindings::{
        Domain,
        cantus::domain::types as wit,
        exports::cantus::domain::{
            aggregate::{Failure, MessageResult},
            plugin,
        },
    },
    fault,
    guest::{GuestState, Random},
    loaded_component::ComponentContext,
    watchdog::Watchdog,
};

type FaultResult<T> = Result<T, Box<Fault>>;

/// Handles of one sandbox: one for each resident aggregate, and what a guest leaks of its streams.
const MAX_HANDLES: usize = 1 << 20;

pub(crate) struct WasmSandbox {
    shared: Arc<ComponentContext>,
    store: Store<GuestState>,
    guest: Domain,
    instances: HashMap<InstanceId, ResourceAny>,
    /// Never reaches its end, so no id names two instances; wasmtime's own handles are another thing and are used again.
    next_instance: u64,
    fuel_used: u64,
    poisoned: bool,
}

impl WasmSandbox {
    /// Instantiates. Fuel is unlimited meanwhile: what instantiation burns differs by platform (wasmtime's own
    /// initialisation counts), and the watchdog still watches.
    pub(crate) fn open(shared: Arc<ComponentContext>, hash_seed: HashSeed) -> FaultResult<Self> {
        let mut store = Store::new(shared.pre.engine(), GuestState::new(&shared.limits, hash_seed));
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(shared.limits.result_bytes.max(shared.limits.snapshot_bytes));
        store.set_max_component_handles(MAX_HANDLES);
        store.set_epoch_deadline(Watchdog::epochs(shared.limits.call_timeout_ms));
        let guest = store.set_fuel(u64::MAX).and_then(|()| shared.pre.instantiate(&mut store));
        match guest {
            Ok(guest) => {
                let instances = HashMap::new();
                Ok(Self { shared, store, guest, instances, next_instance: 0, fuel_used: 0, poisoned: false })
            }
            Err(error) => {
                let stderr = store.data_mut().stderr.take();
                Err(Box::new(fault::explain(&shared, "instantiate", &error, store.data(), stderr.as_deref())))
            }
        }
    }

    /// Asks the plugin what it is.
    pub(crate) fn describe(&mut self) -> FaultResult<plugin::Manifest> {
        self.call("describe", None, |store, guest| guest.cantus_domain_plugin().call_describe(store))
    }

    /// Runs one call into the guest under its limits, with `context` as all that it can see of the world.
    fn call<T>(
        &mut self,
        name: &'static str,
        context: Option<&Context>,
        run: impl FnOnce(&mut Store<GuestState>, &Domain) -> wasmtime::Result<T>,
    ) -> FaultResult<T> {
        if self.poisoned {
            return Err(self.fault(FaultKind::Host, name, "the sandbox is poisoned by an earlier fault".into()));
        }
        self.prepare(context);
        let limits = &self.shared.limits;
        self.store.set_epoch_deadline(Watchdog::epochs(limits.call_timeout_ms));
        let result = self.store.set_fuel(limits.fuel_per_call).and_then(|()| run(&mut self.store, &self.guest));
        let left = self.store.get_fuel().unwrap_or(0);
        self.fuel_used = self.fuel_used.saturating_add(limits.fuel_per_call.saturating_sub(left));
        let stderr = self.log_output(name, context);
        result.map_err(|error| {
            self.poisoned = true;
            Box::new(fault::explain(&self.shared, name, &error, self.store.data(), stderr.as_deref()))
        })
    }

    fn prepare(&mut self, context: Option<&Context>) {
        let state = self.store.data_mut();
        state.now = context.map_or(Timestamp(0), |context| context.now);
        state.random = Random::new(context.map_or(0, |context| context.seed));
        state.refused = None;
    }

    /// Passes on what the guest printed, and returns what it printed to stderr.
    fn log_output(&mut self, call: &'static str, context: Option<&Context>) -> Option<String> {
        let state = self.store.data_mut();
        let (stdout, stderr) = (state.stdout.take(), state.stderr.take());
        let command = context.map(|context| context.command_id.as_str());
        for (stream, text) in [("stdout", &stdout), ("stderr", &stderr)] {
            if let Some(text) = text {
                tracing::info!(target: "guest", plugin = %self.shared.plugin, call, command, stream, "{text}");
            }
        }
        stderr
    }

    fn fault(&self, kind: FaultKind, call: &'static str, message: String) -> Box<Fault> {
        Box::new(fault::fault(&self.shared, kind, call, message, Vec::new()))
    }

    fn instance(&self, id: InstanceId, call: &'static str) -> FaultResult<ResourceAny> {
        self.instances
            .get(&id)
            .copied()
            .ok_or_else(|| self.fault(FaultKind::Host, call, "the instance is not in this sandbox".into()))
    }

    /// What was returned has been paid for in host memory already; here it is kept out of queues and the store.
    fn check_size(&self, call: &'static str, bytes: usize, limit: usize) -> FaultResult<()> {
        if bytes <= limit {
            return Ok(());
        }
        Err(self.fault(FaultKind::ResultTooLarge, call, format!("it returned {bytes} bytes, the limit is {limit}")))
    }

    fn verdict(&self, command: &Message, answer: Result<Vec<MessageResult>, Failure>) -> Result<Verdict, HandleError> {
        let limit = self.shared.limits.result_bytes;
        let verdict = match answer {
            Ok(events) => Verdict::Accepted(events.into_iter().map(message).collect()),
            Err(Failure::Rejected(rejection)) => Verdict::Rejected(Rejection {
                code: rejection.code,
                message: rejection.message,
                detail: rejection.detail,
            }),
            Err(Failure::Unknown(what)) => {
                self.check_size("handle", what.len(), limit)?;
                let why = format!("it declares {} v{} but answered: {what}", command.name, command.version);
                return Err(self.fault(FaultKind::Malformed, "handle", why).into());
            }
            Err(Failure::Malformed(why)) => {
                self.check_size("handle", why.len(), limit)?;
                return Err(HandleError::Malformed(why));
            }
        };
        self.check_size("handle", size(&verdict), limit)?;
        Ok(verdict)
    }
}

impl AggregateSandbox for WasmSandbox {
    fn restore(&mut self, aggregate_type: &str, id: &str, snapshot: Option<&[u8]>) -> FaultResult<InstanceId> {
        let restored = self.call("restore", None, |store, guest| {
            guest.cantus_domain_aggregate().instance().call_restore(store, aggregate_type, id, snapshot)
        });
        let resource = restored?.map_err(|why| self.fault(FaultKind::Malformed, "restore", why))?;
        let id = InstanceId(self.next_instance);
        self.next_instance += 1;
        self.instances.insert(id, resource);
        Ok(id)
    }

    fn combine(&mut self, instance: InstanceId, events: &EventBatch) -> FaultResult<()> {
        let resource = self.instance(instance, "combine")?;
        let kinds: Vec<_> =
            events.kinds().iter().map(|kind| wit::KindParam { name: &kind.name, version: kind.version }).collect();
        let refs: Vec<_> =
            events.events().iter().map(|event| wit::EventRef { kind: event.kind, size: event.size }).collect();
        let batch = wit::EventBatch { kinds: &kinds, events: &refs, payloads: events.payloads() };
        let combined = self.call("combine", None, |store, guest| {
            guest.cantus_domain_aggregate().instance().call_combine(store, resource, batch)
        });
        combined?.map_err(|why| self.fault(FaultKind::Malformed, "combine", why))
    }

    fn handle(&mut self, instance: InstanceId, command: &Message, context: &Context) -> Result<Verdict, HandleError> {
        let resource = self.instance(instance, "handle")?;
        let metadata: Vec<_> = context.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let wit_context = wit::Context {
            command_id: &context.command_id,
            now: context.now.0,
            seed: context.seed,
            correlation_id: &context.correlation_id,
            causation_id: context.causation_id.as_deref(),
            actor: context.actor.as_deref(),
            metadata: &metadata,
        };
        let wit_command =
            wit::MessageParam { name: &command.name, version: command.version, payload: &command.payload };
        let answer = self.call("handle", Some(context), |store, guest| {
            guest.cantus_domain_aggregate().instance().call_handle(store, resource, wit_command, wit_context)
        });
        self.verdict(command, answer?)
    }

    fn snapshot(&mut self, instance: InstanceId) -> FaultResult<Vec<u8>> {
        let resource = self.instance(instance, "snapshot")?;
        let state = self.call("snapshot", None, |store, guest| {
            guest.cantus_domain_aggregate().instance().call_snapshot(store, resource)
        });
        let state = state?;
        self.check_size("snapshot", state.len(), self.shared.limits.snapshot_bytes)?;
        Ok(state)
    }

    fn release(&mut self, instance: InstanceId) -> FaultResult<()> {
        let Some(resource) = self.instances.remove(&instance) else { return Ok(()) };
        self.call("drop", None, |store, _| resource.resource_drop(store))
    }
}

impl Sandbox for WasmSandbox {
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

fn message(wit: MessageResult) -> Message {
    Message { name: wit.name, version: wit.version, payload: wit.payload }
}

fn size(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Accepted(events) => events.iter().map(|event| event.name.len() + event.payload.len()).sum(),
        Verdict::Rejected(no) => no.code.len() + no.message.len() + no.detail.as_ref().map_or(0, Vec::len),
    }
}
