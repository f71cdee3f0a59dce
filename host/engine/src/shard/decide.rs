//! Decides one command on a resident aggregate.

use std::sync::Arc;

use cantus_model::{
    AggregateRef, Context, Decision, EventBatch, Fault, FaultKind, Message, Rejection, Snapshot, Verdict, ports::Reply,
};

use super::{Shard, sandboxes::Resident, slot::Phase};
use crate::{CommandError, job::Job, plugins::Hosted};

impl Shard {
    /// Runs a command whose aggregate is warm, and sends what was decided to the committer.
    pub(super) fn decide(&mut self, aggregate: &AggregateRef, job: Job) {
        let (Some(slot), Ok(route)) = (self.slots.peek_mut(aggregate), &job.route) else { return };
        let Phase::Warm(warm) = &slot.phase else { return };
        let (resident, head) = (warm.resident, warm.head);
        let hosted = Arc::clone(&slot.hosted);
        if let Some(expected) = job.command.expected_version
            && expected != head.version
        {
            let conflict = CommandError::Conflict { expected: Some(expected), actual: head.version };
            return self.submit(job, None, Some(conflict));
        }
        let (command, context) = (job.message(route), job.context(head.last_at));
        match self.ask(&hosted, resident, &command, &context) {
            Ok(Ok(verdict)) => {
                self.advance_head(aggregate, verdict.events().len() as u64, &context);
                let component = hosted.digest;
                let decision = Decision { base_version: head.version, command, context, verdict, component };
                self.submit(job, Some(decision), None);
                if self.take_snapshot_if_due(aggregate) {
                    // It succeeded: the next time it is hydrated it lives with the others again.
                    self.quarantined.pop(aggregate);
                }
            }
            Ok(Err(refusal)) => self.submit(job, None, Some(refusal)),
            Err(fault) if fault.kind == FaultKind::MemoryLimit && self.sandboxes.is_crowded(resident.sandbox) => {
                // Others may have filled the memory: it is decided again, alone.
                if let Some(slot) = self.slots.peek_mut(aggregate) {
                    slot.queue.push_front(job);
                }
                self.drop_if_poisoned(resident.sandbox, aggregate);
            }
            Err(fault) => {
                tracing::error!(%aggregate, command = command.name, id = context.command_id, %fault, backtrace = ?fault.backtrace, "a guest faulted");
                self.drop_if_poisoned(resident.sandbox, aggregate);
                self.cool(aggregate);
                self.submit(job, None, Some(CommandError::Fault(fault)));
            }
        }
    }

    /// Lets the guest decide, and applies what it decided to the resident. After a fault the resident is spoilt.
    fn ask(
        &mut self,
        hosted: &Hosted,
        resident: Resident,
        command: &Message,
        context: &Context,
    ) -> Result<Result<Verdict, CommandError>, Box<Fault>> {
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else {
            return Err(fault(hosted, "its sandbox is gone".into()));
        };
        let events = match sandbox.handle(resident.instance, command, context)? {
            Reply::Events(events) => events,
            Reply::Rejected(Rejection { code, .. }) if code.is_empty() => {
                return Err(fault(hosted, "it rejected a command without a code".into()));
            }
            Reply::Rejected(rejection) => return Ok(Ok(Verdict::Rejected(rejection))),
            Reply::Unknown(what) => {
                return Err(fault(
                    hosted,
                    format!("it declares {} v{} but answered: {what}", command.name, command.version),
                ));
            }
            Reply::Malformed(why) => return Ok(Err(CommandError::Malformed(why))),
        };
        check_events(hosted, command, &events, self.settings.events_per_command)?;
        if !events.is_empty() {
            sandbox.combine(resident.instance, &events.iter().collect::<EventBatch>())?;
        }
        Ok(Ok(Verdict::Accepted(events)))
    }

    fn advance_head(&mut self, aggregate: &AggregateRef, events: u64, context: &Context) {
        if let Some(slot) = self.slots.peek_mut(aggregate)
            && let Phase::Warm(warm) = &mut slot.phase
        {
            warm.head.version += events;
            if events > 0 {
                warm.head.last_at = context.now;
            }
        }
    }

    /// Takes the state now, while it stands at this version; it is saved when the version is durable. Says whether the
    /// guest is still well.
    fn take_snapshot_if_due(&mut self, aggregate: &AggregateRef) -> bool {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return true };
        let (every, component) = (u64::from(slot.hosted.aggregate_type.snapshot_every), slot.hosted.digest);
        let Phase::Warm(warm) = &mut slot.phase else { return true };
        let version = warm.head.version;
        // One that still waits for its version to be durable is not replaced: a hot aggregate would never save any.
        let due = every > 0 && version / every != warm.snapshot_version / every;
        if !due || slot.no_snapshots || slot.snapshot.is_some() {
            return true;
        }
        warm.snapshot_version = version;
        let resident = warm.resident;
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else { return true };
        match sandbox.snapshot(resident.instance) {
            Ok(state) => slot.snapshot = Some(Snapshot { aggregate: aggregate.clone(), version, component, state }),
            Err(fault) => {
                tracing::warn!(%aggregate, %fault, "no snapshot of this aggregate");
                slot.no_snapshots = true;
                if self.sandboxes.is_poisoned(resident.sandbox) {
                    self.drop_if_poisoned(resident.sandbox, aggregate);
                    return false;
                }
            }
        }
        true
    }
}

fn check_events(hosted: &Hosted, command: &Message, events: &[Message], limit: usize) -> Result<(), Box<Fault>> {
    if events.len() > limit {
        let message = format!("it returned {} events, the limit `engine.events_per_command` is {limit}", events.len());
        return Err(Box::new(Fault { kind: FaultKind::ResultTooLarge, ..*fault(hosted, message) }));
    }
    match events.iter().find(|event| !hosted.may_return(command, event)) {
        Some(event) => Err(fault(
            hosted,
            format!(
                "{} v{} returned {:?} v{}, which it does not declare to produce",
                command.name, command.version, event.name, event.version
            ),
        )),
        None => Ok(()),
    }
}

/// The guest broke its own declaration.
fn fault(hosted: &Hosted, message: String) -> Box<Fault> {
    let manifest = hosted.component.manifest();
    Box::new(Fault {
        kind: FaultKind::Malformed,
        call: "handle",
        message,
        backtrace: Vec::new(),
        plugin: format!("{}@{}", manifest.name, manifest.version),
        component: hosted.digest,
    })
}
