//! A fault, as the shard knows it.

use std::sync::Arc;

use cantus_model::{AggregateRef, Context, Digest, Fault, Message, Snapshot, ports::Component};

use cantus_replay::repro::{Bundle, BundleCommand, BundleSnapshot, normalized_words};

/// A fault with everything that the shard knows about it. The history from the store is added later.
pub(crate) struct FaultIncident {
    pub(crate) aggregate: AggregateRef,
    pub(crate) component: Arc<dyn Component>,
    /// The stream version of the state on which the guest faulted.
    pub(crate) version: u64,
    pub(crate) command: Option<(Message, Context)>,
    /// The snapshot from which the guest could not restore the aggregate.
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) fault: Fault,
    /// The state was folded from events that did not become durable.
    pub(crate) state_discarded: bool,
}

impl FaultIncident {
    /// The name of its bundle: the same for the same command to the same component.
    pub(crate) fn name(&self) -> String {
        let command = self.command.as_ref().map_or("", |(_, context)| &context.command_id);
        let parts = [
            self.fault.component.as_bytes().as_slice(),
            self.aggregate.aggregate_type.as_bytes(),
            self.aggregate.id.as_bytes(),
            self.fault.call.as_bytes(),
            command.as_bytes(),
        ];
        Digest::of_parts(parts).short()
    }

    /// Identifies the kind of the fault. One bundle is enough for all faults of one kind.
    pub(super) fn fault_kind_key(&self) -> Digest {
        let command = self.command.as_ref().map(|(command, _)| format!("{} v{}", command.name, command.version));
        let Fault { component, call, kind, message, .. } = &self.fault;
        // A fault that cannot be run again is of another kind than one that can.
        let kind = format!("{kind:?} {}", self.state_discarded);
        let command = command.unwrap_or_default();
        Digest::of_parts([
            component.as_bytes(),
            call.as_bytes(),
            command.as_bytes(),
            kind.as_bytes(),
            normalized_words(message).join(" ").as_bytes(),
        ])
    }

    /// Makes the bundle, still without the history from the store.
    pub(super) fn into_bundle(self) -> Bundle {
        let manifest = self.component.manifest();
        let mut bundle = Bundle::new(&manifest.name, manifest.version.clone(), self.aggregate, &self.fault);
        bundle.version = self.version;
        bundle.snapshot = self.snapshot.map(BundleSnapshot::from);
        bundle.command = self.command.map(|(command, context)| BundleCommand::new(command, context));
        bundle
    }
}
