//! A fault, as a shard witnessed it.

use std::sync::Arc;

use cantus_model::{AggregateRef, Context, Digest, Fault, Message, Snapshot, ports::Component};

use cantus_replay::repro::{Bundle, BundleCommand, BundleSnapshot, words};

/// All that the shard knows of a fault. What the store knows is added later.
pub(crate) struct FaultIncident {
    pub(crate) aggregate: AggregateRef,
    pub(crate) component: Arc<dyn Component>,
    /// The stream version of the state that it faulted on.
    pub(crate) version: u64,
    pub(crate) command: Option<(Message, Context)>,
    /// What it could not be restored from.
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) fault: Fault,
    /// The state was folded from events that did not become durable.
    pub(crate) unfounded: bool,
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

    /// What two faults have in common of which one bundle is enough.
    pub(super) fn likeness(&self) -> Digest {
        let command = self.command.as_ref().map(|(command, _)| format!("{} v{}", command.name, command.version));
        let Fault { component, call, kind, message, .. } = &self.fault;
        // One that cannot be run again does not stand for one that can.
        let kind = format!("{kind:?} {}", self.unfounded);
        let command = command.unwrap_or_default();
        Digest::of_parts([
            component.as_bytes(),
            call.as_bytes(),
            command.as_bytes(),
            kind.as_bytes(),
            words(message).join(" ").as_bytes(),
        ])
    }

    /// The bundle, still without what the store knows.
    pub(super) fn into_bundle(self) -> Bundle {
        let manifest = self.component.manifest();
        let mut bundle = Bundle::new(&manifest.name, manifest.version.clone(), self.aggregate, &self.fault);
        bundle.version = self.version;
        bundle.snapshot = self.snapshot.map(BundleSnapshot::from);
        bundle.command = self.command.map(|(command, context)| BundleCommand::new(command, context));
        bundle
    }
}
