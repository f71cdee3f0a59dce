//! The sandbox of a plugin that has aggregates: many of their instances in one guest.

use std::{collections::HashMap, sync::Arc};

use cantus_model::{
    Context, EventBatch, FaultKind, Message, Rejection, Verdict,
    ports::{AggregateSandbox, HandleError, HashSeed, InstanceId},
};
use wasmtime::component::ResourceAny;

use super::{FaultResult, WasmSandbox};
use crate::{
    bindings::{
        cantus::domain::types as wit,
        exports::cantus::domain::aggregate::{Failure, Guest, MessageResult},
    },
    component_context::ComponentContext,
    fault,
};

/// The interface `aggregate` of a running guest, and the instances in it.
pub(crate) struct Aggregates {
    guest: Guest,
    instances: HashMap<InstanceId, ResourceAny>,
    /// Never reaches its end, so no id names two instances. wasmtime uses its own handles again.
    next_instance: u64,
}

/// Opens a sandbox for the component's aggregates.
pub(crate) fn open(component: &Arc<ComponentContext>, hash_seed: HashSeed) -> FaultResult<WasmSandbox<Aggregates>> {
    let failed = |message| Box::new(fault::fault(component, FaultKind::Host, "instantiate", message, Vec::new()));
    let Some(exports) = &component.exports.aggregate else {
        return Err(failed("it does not export `aggregate`".into()));
    };
    WasmSandbox::open(Arc::clone(component), hash_seed)?
        .bind(|store, instance| {
            let guest = exports.load(store, instance)?;
            Ok(Aggregates { guest, instances: HashMap::new(), next_instance: 0 })
        })
        .map_err(|error| failed(format!("{error:#}")))
}

impl WasmSandbox<Aggregates> {
    fn instance(&self, id: InstanceId, call: &'static str) -> FaultResult<ResourceAny> {
        self.kind
            .instances
            .get(&id)
            .copied()
            .ok_or_else(|| self.fault(FaultKind::Host, call, "the instance is not in this sandbox".into()))
    }

    fn verdict(&self, command: &Message, answer: Result<Vec<MessageResult>, Failure>) -> Result<Verdict, HandleError> {
        let limit = self.component.limits.result_bytes;
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

impl AggregateSandbox for WasmSandbox<Aggregates> {
    fn restore(&mut self, aggregate_type: &str, id: &str, snapshot: Option<&[u8]>) -> FaultResult<InstanceId> {
        let restored = self.call("restore", None, |store, kind| {
            kind.guest.instance().call_restore(store, aggregate_type, id, snapshot)
        });
        let resource = restored?.map_err(|why| self.fault(FaultKind::Malformed, "restore", why))?;
        let id = InstanceId(self.kind.next_instance);
        self.kind.next_instance += 1;
        self.kind.instances.insert(id, resource);
        Ok(id)
    }

    fn combine(&mut self, instance: InstanceId, events: &EventBatch) -> FaultResult<()> {
        let resource = self.instance(instance, "combine")?;
        let kinds: Vec<_> =
            events.kinds().iter().map(|kind| wit::KindParam { name: &kind.name, version: kind.version }).collect();
        let refs: Vec<_> =
            events.events().iter().map(|event| wit::EventRef { kind: event.kind, size: event.size }).collect();
        let batch = wit::EventBatch { kinds: &kinds, events: &refs, payloads: events.payloads() };
        let combined =
            self.call("combine", None, |store, kind| kind.guest.instance().call_combine(store, resource, batch));
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
        let answer = self.call("handle", Some(context), |store, kind| {
            kind.guest.instance().call_handle(store, resource, wit_command, wit_context)
        });
        self.verdict(command, answer?)
    }

    fn snapshot(&mut self, instance: InstanceId) -> FaultResult<Vec<u8>> {
        let resource = self.instance(instance, "snapshot")?;
        let state = self.call("snapshot", None, |store, kind| kind.guest.instance().call_snapshot(store, resource))?;
        self.check_size("snapshot", state.len(), self.component.limits.snapshot_bytes)?;
        Ok(state)
    }

    fn release(&mut self, instance: InstanceId) -> FaultResult<()> {
        let Some(resource) = self.kind.instances.remove(&instance) else { return Ok(()) };
        self.call("drop", None, |store, _| resource.resource_drop(store))
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
