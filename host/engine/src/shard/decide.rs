//! Decides one command on a resident aggregate.

use cantus_model::{
    AggregateRef, Context, Decision, EventBatch, Fault, FaultKind, Message, Rejection, Snapshot, Verdict, ports::Reply,
};

use super::{Shard, sandboxes::Resident, slot::Phase};
use crate::{CommandError, job::Job, plugins::Hosted};

impl Shard {
    /// Runs a command whose aggregate is warm, and sends what was decided to the committer.
    pub(super) fn decide(&mut self, aggregate: &AggregateRef, job: Job) {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let Phase::Warm(warm) = &slot.phase else { return };
        let (resident, head) = (warm.resident, warm.head);
        if let Some(expected) = job.command.expected_version
            && expected != head.version
        {
            let conflict = CommandError::Conflict { expected: Some(expected), actual: head.version };
            return self.submit(job, None, Some(conflict));
        }
        let (command, context) = (job.message(), job.context(head.last_at));
        match self.ask(aggregate, resident, &command, &context) {
            Ok(Ok(verdict)) => {
                self.advance_head(aggregate, verdict.events().len() as u64, &context);
                let component = self.digest(aggregate);
                let decision = Decision { base_version: head.version, command, context, verdict, component };
                self.submit(job, Some(decision), None);
                self.take_snapshot_if_due(aggregate);
                self.leave_quarantine(aggregate);
            }
            Ok(Err(refusal)) => self.submit(job, None, Some(refusal)),
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
        aggregate: &AggregateRef,
        resident: Resident,
        command: &Message,
        context: &Context,
    ) -> Result<Result<Verdict, CommandError>, Box<Fault>> {
        let Some(hosted) = self.plugins.get(&aggregate.aggregate_type).cloned() else {
            return Ok(Err(CommandError::ShuttingDown));
        };
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else {
            return Err(fault(&hosted, "its sandbox is gone".into()));
        };
        let events = match sandbox.handle(resident.instance, command, context)? {
            Reply::Events(events) => events,
            Reply::Rejected(Rejection { code, .. }) if code.is_empty() => {
                return Err(fault(&hosted, "it rejected a command without a code".into()));
            }
            Reply::Rejected(rejection) => return Ok(Ok(Verdict::Rejected(rejection))),
            Reply::Unknown(what) => {
                return Err(fault(
                    &hosted,
                    format!("it declares {} v{} but answered: {what}", command.name, command.version),
                ));
            }
            Reply::Malformed(why) => return Ok(Err(CommandError::Malformed(why))),
        };
        check_events(&hosted, &events, self.settings.events_per_command)?;
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
            warm.head.last_at = context.now;
        }
    }

    fn digest(&self, aggregate: &AggregateRef) -> cantus_model::Digest {
        match self.plugins.get(&aggregate.aggregate_type) {
            Some(hosted) => hosted.digest,
            None => unreachable!("a resident aggregate has a plugin"),
        }
    }

    /// Takes the state now, while it stands at this version; it is saved when the version is durable.
    fn take_snapshot_if_due(&mut self, aggregate: &AggregateRef) {
        let Some(hosted) = self.plugins.get(&aggregate.aggregate_type) else { return };
        let (every, component) = (u64::from(hosted.aggregate_type.snapshot_every), hosted.digest);
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let Phase::Warm(warm) = &mut slot.phase else { return };
        let version = warm.head.version;
        if every == 0 || warm.no_snapshots || version / every == warm.snapshot_version / every {
            return;
        }
        warm.snapshot_version = version;
        let resident = warm.resident;
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else { return };
        match sandbox.snapshot(resident.instance) {
            Ok(state) => slot.snapshot = Some(Snapshot { aggregate: aggregate.clone(), version, component, state }),
            Err(fault) => {
                tracing::warn!(%aggregate, %fault, "no snapshot of this aggregate");
                warm.no_snapshots = true;
                if self.sandboxes.is_poisoned(resident.sandbox) {
                    self.drop_if_poisoned(resident.sandbox, aggregate);
                }
            }
        }
    }

    /// It succeeded: next time it may live with the others again.
    fn leave_quarantine(&mut self, aggregate: &AggregateRef) {
        if !self.quarantined.is_empty() && self.quarantined.pop(aggregate).is_some() {
            let alone = self.slots.peek(aggregate).and_then(|slot| slot.resident());
            if alone.is_some_and(|resident| self.sandboxes.is_alone(resident.sandbox)) {
                self.cool(aggregate);
            }
        }
    }
}

fn check_events(hosted: &Hosted, events: &[Message], limit: usize) -> Result<(), Box<Fault>> {
    if events.len() > limit {
        return Err(fault(
            hosted,
            format!("it returned {} events, the limit `engine.events_per_command` is {limit}", events.len()),
        ));
    }
    match events.iter().find(|event| !hosted.declares_event(&event.name, event.version)) {
        Some(event) => {
            Err(fault(hosted, format!("it returned {:?} v{}, which it does not declare", event.name, event.version)))
        }
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
