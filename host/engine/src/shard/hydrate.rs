//! Hydrates aggregates from the parts that the loader read.

use std::sync::Arc;

use cantus_model::{AggregateRef, CommandError, EventBatch, Fault, FaultKind, HostedAggregate, Snapshot, StreamHead};

use super::{
    Shard,
    report_fault::FaultEvidence,
    sandboxes::{Resident, SandboxId},
    slot::{RecentEvents, SlotPhase, WarmAggregate},
};
use crate::loaded_part::LoadedPart;

impl Shard {
    pub(super) fn on_loaded(&mut self, aggregate: &AggregateRef, load: u64, loaded: LoadedPart) {
        let tail_bytes = self.tail_bytes();
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let loading = match &slot.phase {
            SlotPhase::Loading(loading) if loading.id == load => loading,
            _ => return, // given up meanwhile
        };
        match (loaded, loading.resident) {
            (LoadedPart::Start { head, snapshot }, _) => {
                let hosted = Arc::clone(&slot.hosted);
                self.begin(aggregate, &hosted, head, snapshot);
            }
            (LoadedPart::Page { events, permits }, Some(resident)) => {
                slot.keep(&events, tail_bytes);
                self.fold(aggregate, resident, &events);
                drop(permits);
            }
            (LoadedPart::End, Some(resident)) => self.warm_up(aggregate, resident),
            (LoadedPart::Page { .. } | LoadedPart::End, None) => {}
            (LoadedPart::Failed(error), _) => {
                self.cool(aggregate);
                self.refuse_queue(aggregate, &CommandError::Store(error));
            }
        }
    }

    fn begin(
        &mut self,
        aggregate: &AggregateRef,
        hosted: &HostedAggregate,
        head: StreamHead,
        snapshot: Option<Snapshot>,
    ) {
        let alone = self.quarantined.contains(aggregate);
        match self.restore(aggregate, hosted, snapshot.as_ref().map(|snapshot| snapshot.state.as_slice())) {
            Ok(resident) => {
                if let Some(slot) = self.slots.peek_mut(aggregate)
                    && let SlotPhase::Loading(loading) = &mut slot.phase
                {
                    loading.resident = Some(resident);
                    loading.head = head;
                    // Events are only retained from the first one on.
                    slot.tail = snapshot.is_none().then(RecentEvents::default);
                    loading.snapshot_version = snapshot.map_or(0, |snapshot| snapshot.version);
                    loading.folded = loading.snapshot_version;
                }
            }
            // Other aggregates may have filled the memory.
            Err(fault) if fault.kind == FaultKind::MemoryLimit && !alone => self.start_load(aggregate, true),
            Err(fault) if snapshot.is_some() && fault.kind != FaultKind::Host => {
                let version = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
                let evidence = FaultEvidence { snapshot, ..FaultEvidence::default() };
                let repro = self.report_fault(aggregate, hosted, version, evidence, &fault);
                let what = "a snapshot does not restore; the whole stream is folded instead";
                tracing::warn!(%aggregate, %fault, repro, "{what}");
                self.start_load(aggregate, false);
            }
            Err(fault) => self.fail_load(aggregate, 0, fault),
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
                None => {} // dropped while room was made for it
            }
        }
    }

    fn sandbox_for(&mut self, aggregate: &AggregateRef, hosted: &HostedAggregate) -> Result<SandboxId, Box<Fault>> {
        let alone = self.quarantined.contains(aggregate);
        if !alone && let Some(shared) = self.sandboxes.shared(hosted.digest) {
            if !self.sandboxes.is_bloated(shared, self.settings.sandbox_bytes) {
                return Ok(shared);
            }
            tracing::info!(plugin = hosted.component.manifest().name, "a sandbox has grown large and is given up");
            self.retire_sandbox(shared);
            return self.sandbox_for(aggregate, hosted);
        }
        while alone && self.sandboxes.alone_count() >= self.quarantine_places() && self.drop_spare_alone(aggregate) {}
        loop {
            match self.sandboxes.open(hosted, alone.then(|| aggregate.clone())) {
                // The runtime has no free sandbox, but one of ours may be unnecessary.
                Err(fault)
                    if fault.kind == FaultKind::Host && (self.drop_spare_alone(aggregate) || self.drop_empty()) => {}
                opened => return opened,
            }
        }
    }

    /// Drops the oldest dedicated sandbox that is not being hydrated, to make room for `aggregate`.
    fn drop_spare_alone(&mut self, aggregate: &AggregateRef) -> bool {
        let is_spare = |owner: &AggregateRef| {
            owner == aggregate
                || !self.slots.peek(owner).is_some_and(|slot| matches!(slot.phase, SlotPhase::Loading(_)))
        };
        let spare = self.sandboxes.oldest_alone(is_spare);
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
        while !self.waiting.is_empty() && self.has_quarantine_place() {
            let Some((aggregate, ())) = self.waiting.pop_lru() else { return };
            self.advance(&aggregate);
        }
    }

    /// Reserves a dedicated sandbox for as long as the aggregate is being hydrated: if more were hydrated than there
    /// are sandboxes, they would keep evicting each other.
    pub(super) fn may_hydrate_alone(&mut self, aggregate: &AggregateRef) -> bool {
        if self.has_quarantine_place() && !self.hydrating_alone.contains(aggregate) {
            self.hydrating_alone.push(aggregate.clone());
        }
        self.hydrating_alone.contains(aggregate)
    }

    fn has_quarantine_place(&mut self) -> bool {
        let loads = |aggregate: &AggregateRef| {
            self.slots.peek(aggregate).is_some_and(|slot| matches!(slot.phase, SlotPhase::Loading(_)))
        };
        self.hydrating_alone.retain(loads);
        self.hydrating_alone.len() < self.quarantine_places()
    }

    fn quarantine_places(&self) -> usize {
        self.settings.quarantine_sandboxes.max(1)
    }

    fn fold(&mut self, aggregate: &AggregateRef, resident: Resident, events: &EventBatch) {
        let crowded = self.sandboxes.is_crowded(resident.sandbox);
        let Some(sandbox) = self.sandboxes.get(resident.sandbox) else { return };
        let combined = sandbox.combine(resident.instance, events);
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let SlotPhase::Loading(loading) = &mut slot.phase else { return };
        loading.folded += events.len() as u64;
        let version = loading.folded;
        let Err(fault) = combined else { return };
        // The limits are those of one call. Each event stayed below them when it happened, so one at a time does
        // again.
        let too_much = matches!(fault.kind, FaultKind::OutOfFuel | FaultKind::MemoryLimit | FaultKind::TimeLimit);
        if too_much && (crowded || events.len() > 1) {
            slot.one_by_one = true;
            return self.drop_if_poisoned(resident.sandbox, aggregate); // and it is hydrated again, alone
        }
        self.drop_if_poisoned(resident.sandbox, aggregate);
        self.fail_load(aggregate, version, fault);
    }

    fn warm_up(&mut self, aggregate: &AggregateRef, resident: Resident) {
        if let Some(slot) = self.slots.peek_mut(aggregate)
            && let SlotPhase::Loading(loading) = &slot.phase
        {
            let (head, snapshot_version) = (loading.head, loading.snapshot_version);
            slot.phase = SlotPhase::Warm(WarmAggregate { resident, head, snapshot_version });
            if let Some(tail) = &mut slot.tail {
                tail.head = head;
            }
        }
        self.advance(aggregate);
    }

    /// Bytes of events that are retained of one aggregate.
    pub(super) fn tail_bytes(&self) -> usize {
        self.settings.tail_bytes / self.settings.resident_aggregates.max(1)
    }

    /// Folds an aggregate again from its retained events, without waiting. If the guest faults, the aggregate is read
    /// from the store, and a fault is reported there.
    pub(super) fn refold(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        let (tail, hosted) = (slot.tail.take(), Arc::clone(&slot.hosted));
        let usable = !self.quarantined.contains(aggregate) && self.roster.hosts(hosted.digest);
        let Some(tail) = tail.filter(|_| usable) else { return };
        let Ok(resident) = self.restore(aggregate, &hosted, None) else { return };
        let folded = self.sandboxes.get(resident.sandbox).map(|sandbox| match tail.events.is_empty() {
            true => Ok(()),
            false => sandbox.combine(resident.instance, &tail.events),
        });
        match (folded, self.slots.peek_mut(aggregate)) {
            (Some(Ok(())), Some(slot)) => {
                slot.phase = SlotPhase::Warm(WarmAggregate { resident, head: tail.head, snapshot_version: 0 });
                slot.tail = Some(tail);
            }
            _ if self.sandboxes.is_poisoned(resident.sandbox) => self.drop_sandbox(resident.sandbox),
            _ => drop(self.sandboxes.release(resident)),
        }
    }

    /// Answers every command that waits for an aggregate with the fault that prevents its hydration. It was folded up
    /// to `version`.
    fn fail_load(&mut self, aggregate: &AggregateRef, version: u64, fault: Box<Fault>) {
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
