//! Replaces components, between two commands of each aggregate.

use std::{collections::HashSet, sync::Arc};

use cantus_model::{AggregateRef, HostedAggregate, Roster};

use super::{
    LoadStart, Shard,
    slot::{AggregateSlot, SlotPhase},
};

impl Shard {
    /// Replaces the live components. Decisions that were taken are committed; commands that wait are decided by the
    /// new component, on a state that it folded itself.
    pub(super) fn on_swap(&mut self, roster: Arc<Roster>) {
        self.roster = roster;
        let mut moved = Vec::new();
        for (aggregate, slot) in &mut self.slots {
            match self.roster.hosting(&aggregate.aggregate_type) {
                // It is the same component, but its health counts may be new.
                Some(current) if current.digest == slot.hosted.digest => slot.hosted = Arc::clone(current),
                current => moved.push((aggregate.clone(), current.cloned())),
            }
        }
        let reassigned: HashSet<&AggregateRef> = moved.iter().map(|(aggregate, _)| aggregate).collect();
        self.warming.waiting.retain(|aggregate| self.slots.contains(aggregate) && !reassigned.contains(aggregate));
        let roster = Arc::clone(&self.roster);
        self.sandboxes.drop_unwanted(|digest| roster.hosts(digest));
        for (aggregate, hosted) in &moved {
            self.reassign(aggregate, hosted.clone());
        }
        let (busy, idle): (Vec<_>, Vec<_>) = moved
            .into_iter()
            .partition(|(aggregate, _)| self.slots.peek(aggregate).is_some_and(|slot| !slot.queue.is_empty()));
        for (aggregate, _) in busy {
            self.advance(&aggregate);
        }
        let hosted = idle.into_iter().filter(|(_, hosted)| hosted.is_some());
        self.warming.waiting.extend(hosted.map(|(aggregate, _)| aggregate));
    }

    /// Assigns an aggregate to another component: forgets the old resident, and cancels a load that is under way.
    fn reassign(&mut self, aggregate: &AggregateRef, hosted: Option<Arc<HostedAggregate>>) {
        self.quarantined.pop(aggregate);
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        if matches!(slot.phase, SlotPhase::Loading(_)) {
            slot.retained = None;
        }
        slot.phase = SlotPhase::Cold;
        slot.snapshot = None;
        slot.snapshots_disabled = false;
        slot.single_events = false;
        if let Some(hosted) = hosted {
            slot.hosted = hosted;
        }
    }

    /// Refuses the commands of an aggregate that no component hosts any more.
    pub(super) fn refuse_unhosted(&mut self, aggregate: &AggregateRef) {
        let waiting = self.slots.peek_mut(aggregate).map(|slot| std::mem::take(&mut slot.queue));
        for mut job in waiting.into_iter().flatten() {
            let _ = self.route(&mut job);
            self.refuse(job);
        }
    }

    /// Hydrates the next aggregate in the background. Returns false if there is none that can be hydrated now.
    pub(super) fn warm_up_next(&mut self) -> bool {
        let Self { slots, warming, .. } = self;
        let is_loading = |aggregate: &AggregateRef| {
            slots.peek(aggregate).is_some_and(|slot| matches!(slot.phase, SlotPhase::Loading(_)))
        };
        warming.loading.retain(is_loading);
        if warming.loading.len() >= self.settings.background_loads {
            return false;
        }
        let Some(aggregate) = self.warming.waiting.pop_front() else { return false };
        let is_cold = |slot: &AggregateSlot| matches!(slot.phase, SlotPhase::Cold);
        if self.slots.peek(&aggregate).is_some_and(|slot| is_cold(slot) && slot.retained.is_some()) {
            self.refold(&aggregate);
        }
        // An aggregate with submissions in flight is hydrated by its next command.
        if self.slots.peek(&aggregate).is_some_and(|slot| is_cold(slot) && slot.in_flight == 0) {
            self.start_load(&aggregate, LoadStart::Snapshot);
            self.warming.loading.push(aggregate);
        }
        true
    }
}
