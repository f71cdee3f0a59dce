//! Hydrates aggregates from the parts that the loader read.

use std::sync::Arc;

use cantus_model::{AggregateRef, CommandError, EventBatch, Fault, FaultKind, HostedAggregate, Snapshot, StreamHead};

use super::{
    LoadStart, Shard,
    report_fault::FaultEvidence,
    sandboxes::{Resident, SandboxId},
    slot::{RetainedEvents, SlotPhase, WarmAggregate},
};
use crate::loaded_part::LoadedPart;

impl Shard {
    pub(super) fn on_loaded(&mut self, aggregate: &AggregateRef, load: u64, loaded: LoadedPart) {
        let retained_bytes = self.retained_bytes();
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let loading = match &slot.phase {
            SlotPhase::Loading(loading) if loading.id == load => loading,
            _ => return, // cancelled meanwhile
        };
        match (loaded, loading.resident) {
            (LoadedPart::Start { head, snapshot }, _) => {
                let hosted = Arc::clone(&slot.hosted);
                self.start_hydration(aggregate, &hosted, head, snapshot);
            }
            (LoadedPart::Page { events, permits }, Some(resident)) => {
                slot.retain(&events, retained_bytes);
                self.fold(aggregate, resident, &events);
                drop(permits);
            }
            (LoadedPart::End, Some(resident)) => self.finish_hydration(aggregate, resident),
            (LoadedPart::Page { .. } | LoadedPart::End, None) => {}
            (LoadedPart::Failed(error), _) => {
                self.cool(aggregate);
                self.refuse_queue(aggregate, &CommandError::Store(error));
            }
        }
    }

    fn start_hydration(
        &mut self,
        aggregate: &AggregateRef,
        hosted: &HostedAggregate,
        head: StreamHead,
        snapshot: Option<Snapshot>,
    ) {
        let dedicated = self.quarantined.contains(aggregate);
        match self.restore(aggregate, hosted, snapshot.as_ref().map(|snapshot| snapshot.state.as_slice())) {
            Ok(resident) => {
                if let Some(slot) = self.slots.peek_mut(aggregate)
                    && let SlotPhase::Loading(loading) = &mut slot.phase
                {
                    loading.resident = Some(resident);
                    loading.head = head;
                    // Events are only retained from the first one on.
                    slot.retained = snapshot.is_none().then(RetainedEvents::default);
                    loading.snapshot_version = snapshot.map_or(0, |snapshot| snapshot.version);
                    loading.folded = loading.snapshot_version;
                }
            }
            // Other aggregates may have filled the memory.
            Err(fault) if fault.kind == FaultKind::MemoryLimit && !dedicated => {
                self.start_load(aggregate, LoadStart::Snapshot)
            }
            Err(fault) if snapshot.is_some() && fault.kind != FaultKind::Host => {
                let version = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
                let evidence = FaultEvidence { snapshot, ..FaultEvidence::default() };
                let repro = self.report_fault(aggregate, hosted, version, evidence, &fault);
                let message = "a snapshot does not restore; all events are folded instead";
                tracing::warn!(%aggregate, %fault, repro, "{message}");
                self.start_load(aggregate, LoadStart::FirstEvent);
            }
            Err(fault) => self.fail_hydration(aggregate, 0, fault),
        }
    }

    /// Creates an instance in the sandbox to which the aggregate belongs.
    fn restore(
        &mut self,
        aggregate: &AggregateRef,
        hosted: &HostedAggregate,
        snapshot: Option<&[u8]>,
    ) -> Result<Resident, Box<Fault>> {
        loop {
            let sandbox = self.sandbox_for(aggregate, hosted)?;
            match self.sandboxes.restore(sandbox, aggregate, snapshot) {
                Some(Ok(resident)) => return Ok(resident),
                Some(Err(fault)) => {
                    self.drop_if_poisoned(sandbox, aggregate);
                    return Err(fault);
                }
                None => {} // the sandbox was dropped to make room
            }
        }
    }

    fn sandbox_for(&mut self, aggregate: &AggregateRef, hosted: &HostedAggregate) -> Result<SandboxId, Box<Fault>> {
        let dedicated = self.quarantined.contains(aggregate);
        if !dedicated && let Some(shared) = self.sandboxes.shared(hosted.digest) {
            if !self.sandboxes.is_oversized(shared, self.settings.sandbox_bytes) {
                return Ok(shared);
            }
            tracing::info!(plugin = hosted.component.manifest().name, "a sandbox has grown large and is retired");
            self.retire_sandbox(shared);
            return self.sandbox_for(aggregate, hosted);
        }
        while dedicated
            && self.sandboxes.dedicated_count() >= self.quarantine_capacity()
            && self.drop_spare_dedicated(aggregate)
        {}
        loop {
            match self.sandboxes.open(hosted, dedicated.then(|| aggregate.clone())) {
                // The runtime has no free sandbox, but one of ours may be unnecessary.
                Err(fault)
                    if fault.kind == FaultKind::Host && (self.drop_spare_dedicated(aggregate) || self.drop_empty()) => {
                }
                opened => return opened,
            }
        }
    }

    /// Drops the oldest dedicated sandbox that is not being hydrated, to make room for `aggregate`.
    fn drop_spare_dedicated(&mut self, aggregate: &AggregateRef) -> bool {
        let is_spare = |owner: &AggregateRef| {
            owner == aggregate
                || !self.slots.peek(owner).is_some_and(|slot| matches!(slot.phase, SlotPhase::Loading(_)))
        };
        let spare = self.sandboxes.oldest_dedicated(is_spare);
        spare.into_iter().for_each(|sandbox| self.drop_sandbox(sandbox));
        spare.is_some()
    }

    /// Drops a sandbox without residents.
    fn drop_empty(&mut self) -> bool {
        let empty = self.sandboxes.empty();
        empty.into_iter().for_each(|sandbox| self.drop_sandbox(sandbox));
        empty.is_some()
    }

    /// Hydrates aggregates that wait for a dedicated sandbox, as far as there is room.
    pub(super) fn admit_waiting(&mut self) {
        while !self.waiting.is_empty() && self.has_quarantine_capacity() {
            let Some((aggregate, ())) = self.waiting.pop_lru() else { return };
            self.advance(&aggregate);
        }
    }

    /// Reserves a dedicated sandbox for as long as the aggregate is being hydrated: if more were hydrated than there
    /// are sandboxes, they would keep evicting each other.
    pub(super) fn may_hydrate_dedicated(&mut self, aggregate: &AggregateRef) -> bool {
        if self.has_quarantine_capacity() && !self.hydrating_dedicated.contains(aggregate) {
            self.hydrating_dedicated.push(aggregate.clone());
        }
        self.hydrating_dedicated.contains(aggregate)
    }

    fn has_quarantine_capacity(&mut self) -> bool {
        let loads = |aggregate: &AggregateRef| {
            self.slots.peek(aggregate).is_some_and(|slot| matches!(slot.phase, SlotPhase::Loading(_)))
        };
        self.hydrating_dedicated.retain(loads);
        self.hydrating_dedicated.len() < self.quarantine_capacity()
    }

    fn quarantine_capacity(&self) -> usize {
        self.settings.quarantine_sandboxes.max(1)
    }

    fn fold(&mut self, aggregate: &AggregateRef, resident: Resident, events: &EventBatch) {
        let has_others = self.sandboxes.has_other_residents(resident.sandbox);
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else { return };
        let combined = sandbox.combine(resident.instance, events);
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let SlotPhase::Loading(loading) = &mut slot.phase else { return };
        loading.folded += events.len() as u64;
        let version = loading.folded;
        let Err(fault) = combined else { return };
        // The limits are those of one call. Each event stayed below them when it happened, so one at a time does
        // again.
        let exceeds_call_limit = fault.kind.is_call_limit();
        if exceeds_call_limit && (has_others || events.len() > 1) {
            slot.single_events = true;
            return self.drop_if_poisoned(resident.sandbox, aggregate); // it is hydrated again, in a dedicated sandbox
        }
        self.drop_if_poisoned(resident.sandbox, aggregate);
        self.fail_hydration(aggregate, version, fault);
    }

    fn finish_hydration(&mut self, aggregate: &AggregateRef, resident: Resident) {
        if let Some(slot) = self.slots.peek_mut(aggregate)
            && let SlotPhase::Loading(loading) = &slot.phase
        {
            let (head, snapshot_version) = (loading.head, loading.snapshot_version);
            slot.phase = SlotPhase::Warm(WarmAggregate { resident, head, snapshot_version });
            if let Some(retained) = &mut slot.retained {
                retained.head = head;
            }
        }
        self.advance(aggregate);
    }

    /// Bytes of events that are retained of one aggregate.
    pub(super) fn retained_bytes(&self) -> usize {
        self.settings.tail_bytes / self.settings.resident_aggregates.max(1)
    }

    /// Folds an aggregate again from its retained events, without waiting. If the guest faults, the aggregate is read
    /// from the store, and a fault is reported there.
    pub(super) fn refold(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let (retained, hosted) = (slot.retained.take(), Arc::clone(&slot.hosted));
        let usable = !self.quarantined.contains(aggregate) && self.roster.hosts(hosted.digest);
        let Some(retained) = retained.filter(|_| usable) else { return };
        let Ok(resident) = self.restore(aggregate, &hosted, None) else { return };
        let folded = self.sandboxes.get(resident.sandbox).map(|sandbox| match retained.events.is_empty() {
            true => Ok(()),
            false => sandbox.combine(resident.instance, &retained.events),
        });
        match (folded, self.slots.peek_mut(aggregate)) {
            (Some(Ok(())), Some(slot)) => {
                slot.phase = SlotPhase::Warm(WarmAggregate { resident, head: retained.head, snapshot_version: 0 });
                slot.retained = Some(retained);
            }
            _ if self.sandboxes.is_poisoned(resident.sandbox) => self.drop_sandbox(resident.sandbox),
            _ => drop(self.sandboxes.release(resident)),
        }
    }

    /// Answers every command that waits for an aggregate with the fault that prevents its hydration. It was folded up
    /// to `version`.
    fn fail_hydration(&mut self, aggregate: &AggregateRef, version: u64, fault: Box<Fault>) {
        let hosted = self.slots.peek(aggregate).map(|slot| Arc::clone(&slot.hosted));
        let repro =
            hosted.and_then(|hosted| self.report_fault(aggregate, &hosted, version, FaultEvidence::default(), &fault));
        tracing::error!(%aggregate, %fault, backtrace = ?fault.backtrace, repro, "an aggregate cannot be hydrated");
        if fault.kind != FaultKind::Host {
            self.quarantined.put(aggregate.clone(), ());
        }
        if let Some(slot) = self.slots.peek(aggregate) {
            slot.hosted.health.record_fault(&fault);
        }
        self.cool(aggregate);
        self.refuse_queue(aggregate, &CommandError::Fault(fault));
    }

    fn refuse_queue(&mut self, aggregate: &AggregateRef, error: &CommandError) {
        let waiting = self.slots.peek_mut(aggregate).map(|slot| std::mem::take(&mut slot.queue));
        for job in waiting.into_iter().flatten() {
            self.submit(job, None, Some(error.clone()));
        }
    }

    /// Handles a fault: drops a poisoned sandbox with all its residents, and puts the aggregate that caused it into
    /// quarantine.
    pub(super) fn drop_if_poisoned(&mut self, sandbox: SandboxId, aggregate: &AggregateRef) {
        self.quarantined.put(aggregate.clone(), ());
        if self.sandboxes.is_poisoned(sandbox) {
            self.drop_sandbox(sandbox);
        }
    }
}
