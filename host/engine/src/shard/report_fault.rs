//! Reports faults to the recorder of repro bundles, once the store holds the earlier decisions of the aggregate.

use std::sync::Arc;

use cantus_model::{AggregateRef, Context, Fault, FaultKind, HostedAggregate, Message, Snapshot};

use super::Shard;
use crate::repro::FaultIncident;

impl Shard {
    /// Records that a guest faulted on the state of `aggregate` at `version`, and returns the location of its bundle.
    /// It is reported when nothing of the aggregate is in flight any more: then its events are durable, or never will
    /// be.
    pub(super) fn report_fault(
        &mut self,
        aggregate: &AggregateRef,
        hosted: &HostedAggregate,
        version: u64,
        evidence: FaultEvidence,
        fault: &Fault,
    ) -> Option<String> {
        let fault_reporter = self.links.fault_reporter.as_ref().filter(|_| fault.kind != FaultKind::Host)?;
        let FaultEvidence { command, snapshot } = evidence;
        let incident = FaultIncident {
            aggregate: aggregate.clone(),
            component: Arc::clone(&hosted.component),
            version,
            command,
            snapshot,
            fault: fault.clone(),
            state_discarded: false,
        };
        let location = fault_reporter.location(&incident);
        match self.slots.peek_mut(aggregate).filter(|slot| slot.in_flight > 0) {
            Some(slot) => slot.incidents.push(incident),
            None => fault_reporter.report(incident),
        }
        Some(location)
    }

    /// Sends a fault to the recorder of repro bundles.
    pub(super) fn send_incident(&self, incident: FaultIncident) {
        if let Some(fault_reporter) = &self.links.fault_reporter {
            fault_reporter.report(incident);
        }
    }
}

/// The data of a fault that only the shard has.
#[derive(Default)]
pub(super) struct FaultEvidence {
    /// The command that was decided.
    pub(super) command: Option<(Message, Context)>,
    /// The snapshot that was restored.
    pub(super) snapshot: Option<Snapshot>,
}
