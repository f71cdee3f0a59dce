//! Decides commands on warm aggregates.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, CommandError, Context, Decision, EventBatch, FaultKind, HostedAggregate, Message, Route, Snapshot,
    Verdict, decide, ports::HandleError,
};

use super::{
    Shard,
    report_fault::FaultEvidence,
    sandboxes::Resident,
    slot::{AggregateSlot, SlotPhase},
};
use crate::{job::Job, sizes::verdict_bytes, snapshots::WaitingSnapshot};

impl Shard {
    /// Decides a command whose aggregate is warm, and submits the decision to the committer.
    pub(super) fn decide(&mut self, aggregate: &AggregateRef, mut job: Job) {
        let Some(AggregateSlot { phase: SlotPhase::Warm(warm), hosted, .. }) = self.slots.peek(aggregate) else {
            return;
        };
        let (resident, head, hosted) = (warm.resident, warm.head, Arc::clone(hosted));
        let is_current = |route: &Route| Arc::ptr_eq(&route.hosted, &hosted);
        if !job.route.as_ref().is_some_and(is_current) && self.route(&mut job).is_none() {
            return self.refuse(job); // only the previous component had such a command
        }
        let Some(route) = job.route.clone() else { return };
        if self.is_suspect(&job) && !self.sandboxes.is_dedicated(resident.sandbox) {
            return self.isolate(aggregate, job);
        }
        if let Some(expected) = job.command.expected_version
            && expected != head.version
        {
            let conflict = CommandError::Conflict { expected: Some(expected), actual: head.version };
            return self.submit(job, None, Some(conflict));
        }
        let (command, context) = (job.take_message(&route), job.context(head.last_at));
        match self.decide_and_apply(&hosted, resident, &command, &context) {
            Ok(verdict) => {
                hosted.health.record_decision();
                self.advance_head(aggregate, verdict.events(), &context);
                job.bytes.set_extra(verdict_bytes(&verdict));
                self.clear_suspect(&job);
                let component = hosted.digest;
                let decision = Decision { base_version: head.version, command, context, verdict, component };
                self.submit(job, Some(decision), None);
                if self.take_snapshot_if_due(aggregate) {
                    // It succeeded, so the next time it is hydrated in a shared sandbox again.
                    self.quarantined.pop(aggregate);
                }
            }
            Err(HandleError::Malformed(why)) => {
                job.restore_payload(command);
                self.submit(job, None, Some(CommandError::Malformed(why)));
            }
            Err(HandleError::Fault(fault))
                if fault.kind == FaultKind::MemoryLimit && self.sandboxes.has_other_residents(resident.sandbox) =>
            {
                // Other aggregates may have filled the memory: it is decided again, in a dedicated sandbox.
                job.restore_payload(command);
                self.mark_suspect(&job, resident.sandbox);
                if let Some(slot) = self.slots.peek_mut(aggregate) {
                    slot.queue.push_front(job);
                }
                self.drop_if_poisoned(resident.sandbox, aggregate);
            }
            Err(HandleError::Fault(fault)) => {
                hosted.health.record_fault(&fault);
                job.restore_payload(command.clone());
                let (name, id) = (command.name.clone(), context.command_id.clone());
                let evidence = FaultEvidence { command: Some((command, context)), snapshot: None };
                let repro = self.report_fault(aggregate, &hosted, head.version, evidence, &fault);
                tracing::error!(%aggregate, command = name, id, %fault, backtrace = ?fault.backtrace, repro, "a guest faulted");
                self.mark_suspect(&job, resident.sandbox);
                self.drop_if_poisoned(resident.sandbox, aggregate);
                self.cool(aggregate);
                self.submit(job, None, Some(CommandError::Fault(fault)));
            }
        }
    }

    /// Decides a command again once its aggregate has a dedicated sandbox.
    fn isolate(&mut self, aggregate: &AggregateRef, job: Job) {
        self.quarantined.put(aggregate.clone(), ());
        if let Some(slot) = self.slots.peek_mut(aggregate) {
            slot.queue.push_front(job);
        }
        self.cool(aggregate);
    }

    /// Lets the guest decide, and applies the events to the resident. After a fault the resident is unusable.
    fn decide_and_apply(
        &mut self,
        hosted: &HostedAggregate,
        resident: Resident,
        command: &Message,
        context: &Context,
    ) -> Result<Verdict, HandleError> {
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else {
            return Err(hosted.fault("its sandbox is gone".into()).into());
        };
        let limit = self.settings.events_per_command;
        let verdict = decide(&mut **sandbox, resident.instance, hosted, command, context, limit)?;
        if !verdict.events().is_empty() {
            sandbox.combine(resident.instance, &verdict.events().iter().collect::<EventBatch>())?;
        }
        Ok(verdict)
    }

    fn advance_head(&mut self, aggregate: &AggregateRef, events: &[Message], context: &Context) {
        let retained_bytes = self.retained_bytes();
        let Some(slot) = self.slots.peek_mut(aggregate).filter(|_| !events.is_empty()) else { return };
        let SlotPhase::Warm(warm) = &mut slot.phase else { return };
        warm.head.version += events.len() as u64;
        warm.head.last_at = context.now;
        let head = warm.head;
        if let Some(retained) = &mut slot.retained {
            retained.head = head;
            slot.retain(&events.iter().collect(), retained_bytes);
        }
    }

    /// Takes a snapshot of the current version if one is due; it is saved when the version is durable. Returns false
    /// if the guest faulted and is unusable.
    fn take_snapshot_if_due(&mut self, aggregate: &AggregateRef) -> bool {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return true };
        let (every, component) = (u64::from(slot.hosted.aggregate_type.snapshot_every), slot.hosted.digest);
        let SlotPhase::Warm(warm) = &mut slot.phase else { return true };
        let version = warm.head.version;
        // A snapshot that still waits for its version to be durable is not replaced: a busy aggregate would never
        // save any.
        let due = every > 0 && version / every != warm.snapshot_version / every;
        if !due || slot.snapshots_disabled || slot.snapshot.is_some() {
            return true;
        }
        warm.snapshot_version = version;
        let resident = warm.resident;
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else { return true };
        match sandbox.snapshot(resident.instance) {
            Ok(state) => {
                let snapshot = Snapshot { aggregate: aggregate.clone(), version, component, state };
                // If too many wait to be written, the next one is saved instead.
                slot.snapshot = WaitingSnapshot::new(snapshot, &self.links.snapshot_budget);
            }
            Err(fault) => {
                slot.snapshots_disabled = true;
                let hosted = Arc::clone(&slot.hosted);
                let repro = self.report_fault(aggregate, &hosted, version, FaultEvidence::default(), &fault);
                tracing::warn!(%aggregate, %fault, repro, "a guest faulted on a snapshot, so the aggregate gets none");
                if self.sandboxes.is_poisoned(resident.sandbox) {
                    self.drop_if_poisoned(resident.sandbox, aggregate);
                    return false;
                }
            }
        }
        true
    }
}
