//! Tells the capture task of a fault, once the store holds what the guest had decided before it.

use std::sync::Arc;

use cantus_model::{AggregateRef, Context, Fault, FaultKind, HostedAggregate, Message, Snapshot};

use super::Shard;
use crate::repro::FaultIncident;

impl Shard {
    /// Notes that a guest faulted on the state of `aggregate` at `version`, and says where its bundle will be. It is
    /// reported when nothing of the aggregate is in flight any more: then its events are durable, or never will be.
    pub(super) fn report_fault(
        &mut self,
        aggregate: &AggregateRef,
        hosted: &HostedAggregate,
        version: u64,
        evidence: FaultEvidence,
        fault: &Fault,
    ) -> Option<String> {
        let repros = self.links.repros.as_ref().filter(|_| fault.kind != FaultKind::Host)?;
        let FaultEvidence { command, snapshot } = evidence;
        let incident = FaultIncident {
            aggregate: aggregate.clone(),
            component: Arc::clone(&hosted.component),
            version,
            command,
            snapshot,
            fault: fault.clone(),
            unfounded: false,
        };
        let place = repros.place(&incident);
        match self.slots.peek_mut(aggregate).filter(|slot| slot.in_flight > 0) {
            Some(slot) => slot.incidents.push(incident),
            None => repros.report(incident),
        }
        Some(place)
    }

    /// All that the aggregate decided is settled. `stale` if some of it did not become durable.
    pub(super) fn report(&self, incidents: Vec<FaultIncident>, stale: bool) {
        let Some(repros) = &self.links.repros else { return };
        for incident in incidents {
            repros.report(FaultIncident { unfounded: stale, ..incident });
        }
    }
}

/// What only the shard has.
#[derive(Default)]
pub(super) struct FaultEvidence {
    /// What was asked.
    pub(super) command: Option<(Message, Context)>,
    /// What it was to be restored from.
    pub(super) snapshot: Option<Snapshot>,
}
