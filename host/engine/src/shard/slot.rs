//! The state of one aggregate in a shard.

use std::{collections::VecDeque, sync::Arc};

use cantus_model::{EventBatch, HostedAggregate, StreamHead};

use super::sandboxes::Resident;
use crate::{job::Job, loader::LoadHandle, repro::FaultIncident, snapshots::WaitingSnapshot};

/// An aggregate that has commands, or is in memory, or both.
pub(super) struct AggregateSlot {
    /// The component that decides for it.
    pub(super) hosted: Arc<HostedAggregate>,
    pub(super) phase: SlotPhase,
    /// All events of the stream, while they are few.
    pub(super) retained: Option<RetainedEvents>,
    /// Commands that wait to be decided, in the order of admission.
    pub(super) queue: VecDeque<Job>,
    /// Commands to decide again, because an earlier decision was discarded or conflicted; they go before the queue.
    pub(super) requeued: Vec<Job>,
    /// Count of submissions that are not settled.
    pub(super) in_flight: usize,
    /// Count of those that are answered already, because the store did not answer in time.
    pub(super) expired: usize,
    /// It is in the shard's list of deferred aggregates.
    pub(super) is_deferred: bool,
    /// A speculative decision did not become durable. Decisions after it come back as conflicts.
    pub(super) stale: bool,
    /// A snapshot at a version that is not durable yet; it is saved when it is.
    pub(super) snapshot: Option<WaitingSnapshot>,
    /// Faults on states that are not durable yet.
    pub(super) incidents: Vec<FaultIncident>,
    /// A snapshot faulted, so no more are taken while the aggregate is in this slot.
    pub(super) snapshots_disabled: bool,
    /// A page of events exceeded a limit of the guest, though each event did not: they are folded one by one.
    pub(super) single_events: bool,
}

/// All events of a stream. They allow folding an aggregate again without the store, after its guest was dropped.
#[derive(Default)]
pub(super) struct RetainedEvents {
    pub(super) events: EventBatch,
    pub(super) head: StreamHead,
}

/// The phase of an aggregate: in memory or not. A cold one with submissions in flight waits until all are settled:
/// only then the store holds all its decisions.
pub(super) enum SlotPhase {
    Cold,
    Loading(LoadingAggregate),
    Warm(WarmAggregate),
}

pub(super) struct LoadingAggregate {
    pub(super) id: u64,
    /// Cancels the load when it is dropped.
    pub(super) _load: LoadHandle,
    /// The instance, once the first part has arrived.
    pub(super) resident: Option<Resident>,
    pub(super) head: StreamHead,
    /// The version of the snapshot that it starts from.
    pub(super) snapshot_version: u64,
    /// The stream version up to which it is folded.
    pub(super) folded: u64,
}

pub(super) struct WarmAggregate {
    pub(super) resident: Resident,
    /// The head after all speculative decisions: ahead of the store while some are in flight.
    pub(super) head: StreamHead,
    /// The version of the last snapshot.
    pub(super) snapshot_version: u64,
}

impl AggregateSlot {
    /// Creates the slot of a cold aggregate.
    pub(super) fn new(hosted: Arc<HostedAggregate>) -> Self {
        Self {
            hosted,
            phase: SlotPhase::Cold,
            retained: None,
            queue: VecDeque::new(),
            requeued: Vec::new(),
            in_flight: 0,
            expired: 0,
            is_deferred: false,
            stale: false,
            snapshot: None,
            incidents: Vec::new(),
            snapshots_disabled: false,
            single_events: false,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.requeued.is_empty()
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

    /// Retains events that the resident has folded, if all earlier ones are retained and they fit `limit` bytes.
    pub(super) fn retain(&mut self, events: &EventBatch, limit: usize) {
        if let Some(retained) = &mut self.retained {
            retained.events.append(events);
            if retained.events.bytes() > limit {
                self.retained = None;
            }
        }
    }

    /// Makes the slot cold and returns the instance that was in memory.
    pub(super) fn take_resident(&mut self) -> Option<Resident> {
        let resident = self.resident();
        self.phase = SlotPhase::Cold;
        resident
    }
}
