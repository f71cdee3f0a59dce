//! What a shard knows of one aggregate.

use std::{collections::VecDeque, sync::Arc};

use cantus_model::{EventBatch, HostedAggregate, StreamHead};

use super::sandboxes::Resident;
use crate::{job::Job, loader::LoadHandle, repro::FaultIncident, snapshots::WaitingSnapshot};

/// One aggregate with commands in hand, or in memory, or both.
pub(super) struct AggregateSlot {
    /// Who decides for it.
    pub(super) hosted: Arc<HostedAggregate>,
    pub(super) phase: SlotPhase,
    /// All events of the stream that the resident stands at, while they are few.
    pub(super) tail: Option<RecentEvents>,
    /// Waits to be decided, in the order of admission.
    pub(super) queue: VecDeque<Job>,
    /// Decided on speculation that did not hold: to be decided again, before the queue.
    pub(super) redo: Vec<Job>,
    /// Submissions that the committer has not settled.
    pub(super) in_flight: usize,
    /// Those of them that are answered already, because the store did not answer in time.
    pub(super) expired: usize,
    /// It is in the shard's list of those that are held back.
    pub(super) is_held_back: bool,
    /// Something that was speculated on did not become durable. What was decided after it comes back as a conflict.
    pub(super) stale: bool,
    /// A state at a version that is not durable yet; it is saved when it is.
    pub(super) snapshot: Option<WaitingSnapshot>,
    /// Faults on states that are not durable yet.
    pub(super) incidents: Vec<FaultIncident>,
    /// A snapshot faulted: no more are tried while the aggregate is known here.
    pub(super) no_snapshots: bool,
    /// A page of events was too much for the guest at once, though each was not: they are folded one by one.
    pub(super) one_by_one: bool,
}

/// With it an aggregate whose guest is gone, though nothing that it decided was wrong, is folded anew without the store.
#[derive(Default)]
pub(super) struct RecentEvents {
    pub(super) events: EventBatch,
    pub(super) head: StreamHead,
}

/// Whether the aggregate is in memory. A cold one with submissions in flight waits until all are settled: only then
/// does the store hold all that it decided.
pub(super) enum SlotPhase {
    Cold,
    Loading(LoadingAggregate),
    Warm(WarmAggregate),
}

pub(super) struct LoadingAggregate {
    pub(super) id: u64,
    /// Gives the load up when it is dropped.
    pub(super) _load: LoadHandle,
    /// Once the load has started.
    pub(super) resident: Option<Resident>,
    pub(super) head: StreamHead,
    /// Where the snapshot that it starts from was taken.
    pub(super) snapshot_version: u64,
    /// The stream version that it has come to.
    pub(super) folded: u64,
}

pub(super) struct WarmAggregate {
    pub(super) resident: Resident,
    /// Ahead of the store by what is in flight.
    pub(super) head: StreamHead,
    /// Where the last snapshot was taken.
    pub(super) snapshot_version: u64,
}

impl AggregateSlot {
    /// An aggregate of which nothing is known yet.
    pub(super) fn new(hosted: Arc<HostedAggregate>) -> Self {
        Self {
            hosted,
            phase: SlotPhase::Cold,
            tail: None,
            queue: VecDeque::new(),
            redo: Vec::new(),
            in_flight: 0,
            expired: 0,
            is_held_back: false,
            stale: false,
            snapshot: None,
            incidents: Vec::new(),
            no_snapshots: false,
            one_by_one: false,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.redo.is_empty()
            && self.in_flight == 0
            && !matches!(self.phase, SlotPhase::Loading(_))
    }

    pub(super) fn resident(&self) -> Option<Resident> {
        match &self.phase {
            SlotPhase::Cold => None,
            SlotPhase::Loading(loading) => loading.resident,
            SlotPhase::Warm(warm) => Some(warm.resident),
        }
    }

    /// Keeps events that the resident has folded, if it has all of them and they are not too many bytes.
    pub(super) fn keep(&mut self, events: &EventBatch, limit: usize) {
        if let Some(tail) = &mut self.tail {
            tail.events.append(events);
            if tail.events.bytes() > limit {
                self.tail = None;
            }
        }
    }

    /// Makes the slot cold and returns what was in memory.
    pub(super) fn take_resident(&mut self) -> Option<Resident> {
        let resident = self.resident();
        self.phase = SlotPhase::Cold;
        resident
    }
}
