//! A shard: one OS thread that owns some of the aggregates and decides their commands.
//!
//! It never waits for I/O. The loader reads an aggregate that is not in memory while others go on. The shard applies
//! the events of a decision to the resident at once and takes the next command (speculation); the answer is sent when
//! the committer reports that the batch is durable. `slot` is the state of one aggregate, `sandboxes` holds the
//! guests, `decide` decides one command, `hydrate` handles what the loader read, `resolve` the results of the
//! committer, `expire` a store that does not answer, `backpressure` limits the bytes in flight, `probe` asks the
//! store first, `swap` replaces components, `suspects` isolates commands that faulted in a shared sandbox,
//! `report_fault` reports faults.

mod backpressure;
mod decide;
mod expire;
mod hydrate;
mod probe;
mod probe_mode;
mod report_fault;
mod resolve;
mod sandboxes;
mod slot;
mod suspect_commands;
mod suspects;
mod swap;
mod warmup_queue;

use std::{num::NonZeroUsize, sync::Arc};

use cantus_model::{
    AggregateRef, CommandError, Decision, Entry, HostedAggregate, PageLimit, PartitionId, Roster, StreamHead,
    ports::HydrationRequest,
};
use crossbeam_channel::{Receiver, TryRecvError};
use lru::LruCache;
use tokio::sync::mpsc;

use crate::{
    EngineSettings,
    byte_budget::ByteBudget,
    job::Job,
    loader::{LoadRequest, Loader},
    repro::FaultReporter,
    shard_message::ShardMessage,
    snapshots::WaitingSnapshot,
    submission::Submission,
};
use probe_mode::ProbeMode;
use sandboxes::{SandboxId, Sandboxes};
use slot::{AggregateSlot, SlotPhase};
use suspect_commands::SuspectCommands;
use warmup_queue::WarmupQueue;

/// The channels and budgets of a shard.
pub(crate) struct ShardLinks {
    pub(crate) loader: Loader,
    /// One for each partition, in order.
    pub(crate) commit_queues: Vec<mpsc::UnboundedSender<Submission>>,
    pub(crate) snapshot_queue: mpsc::Sender<WaitingSnapshot>,
    /// Bytes of the snapshots that wait, here or in the queue.
    pub(crate) snapshot_budget: Arc<ByteBudget>,
    /// Bytes of all commands in the engine, with their decisions.
    pub(crate) budget: Arc<ByteBudget>,
    /// Reports faults, if repro bundles are wanted.
    pub(crate) fault_reporter: Option<Arc<FaultReporter>>,
}

/// The event or snapshot at which a load starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LoadStart {
    /// The component's snapshot, if there is one.
    Snapshot,
    /// The first event, because the snapshot does not restore.
    FirstEvent,
}

pub(crate) struct Shard {
    index: usize,
    settings: Arc<EngineSettings>,
    /// The live components, as of this shard's last swap.
    roster: Arc<Roster>,
    links: ShardLinks,
    /// In the order of last use.
    slots: LruCache<AggregateRef, AggregateSlot>,
    sandboxes: Sandboxes,
    /// Aggregates that faulted and have not succeeded since; if there are too many, the oldest are forgotten.
    quarantined: LruCache<AggregateRef, ()>,
    /// Command kinds that faulted in a shared sandbox.
    suspects: SuspectCommands,
    /// Quarantined aggregates that are being hydrated, each in a dedicated sandbox.
    hydrating_dedicated: Vec<AggregateRef>,
    /// Aggregates that wait for a dedicated sandbox, the first first.
    waiting: LruCache<AggregateRef, ()>,
    /// Aggregates that are hydrated again after a swap before a command needs them.
    warming: WarmupQueue,
    /// Decides whether the store is asked first.
    probing: ProbeMode,
    /// Count of submissions that the committers have not answered.
    in_flight: usize,
    /// Aggregates that wait because the bytes in flight are used up.
    deferred: Vec<AggregateRef>,
    next_load: u64,
}

impl Shard {
    pub(crate) fn new(index: usize, settings: Arc<EngineSettings>, roster: Arc<Roster>, links: ShardLinks) -> Self {
        let quarantined = LruCache::new(NonZeroUsize::new(settings.resident_aggregates).unwrap_or(NonZeroUsize::MIN));
        Self {
            index,
            settings,
            roster,
            links,
            slots: LruCache::unbounded(),
            sandboxes: Sandboxes::default(),
            quarantined,
            suspects: SuspectCommands::default(),
            hydrating_dedicated: Vec::new(),
            waiting: LruCache::unbounded(),
            warming: WarmupQueue::default(),
            probing: ProbeMode::default(),
            in_flight: 0,
            deferred: Vec::new(),
            next_load: 0,
        }
    }

    pub(crate) fn run(mut self, inbox: &Receiver<ShardMessage>) {
        while let Some(message) = self.next(inbox) {
            match message {
                ShardMessage::Command(job) => self.admit(*job),
                ShardMessage::Loaded { aggregate, load, part } => self.on_loaded(&aggregate, load, part),
                ShardMessage::BatchResolved(results) => self.on_batch_resolved(results),
                ShardMessage::BatchExpired(jobs) => self.on_batch_expired(jobs),
                ShardMessage::BatchReturned(aggregates) => self.on_batch_returned(&aggregates),
                ShardMessage::Swap(roster) => self.on_swap(roster),
                ShardMessage::Stop => return,
            }
            self.admit_waiting();
        }
    }

    /// Receives the next message. While there is none, hydrates aggregates in the background.
    fn next(&mut self, inbox: &Receiver<ShardMessage>) -> Option<ShardMessage> {
        loop {
            match inbox.try_recv() {
                Ok(message) => return Some(message),
                Err(TryRecvError::Empty) if self.warm_up_next() => {}
                Err(_) => return inbox.recv().ok(),
            }
        }
    }

    /// Queues a command for its aggregate. A refused command goes straight to the committer, because it may have been
    /// decided before.
    fn on_command(&mut self, mut job: Job) {
        let Some(hosted) = self.route(&mut job) else { return self.refuse(job) };
        let aggregate = job.aggregate().clone();
        self.slots.get_or_insert_mut(aggregate.clone(), || AggregateSlot::new(hosted)).queue.push_back(job);
        self.advance(&aggregate);
        self.evict_idle();
    }

    /// Finds the component that decides a command. `None` if there is none; then the job holds the refusal.
    fn route(&self, job: &mut Job) -> Option<Arc<HostedAggregate>> {
        if job.refused.is_none() {
            match self.roster.route(&job.command) {
                Ok(route) => return Some(Arc::clone(&job.route.insert(route).hosted)),
                Err(refusal) => job.refused = Some(refusal),
            }
        }
        None
    }

    fn refuse(&mut self, job: Job) {
        let refusal = job.refused.clone();
        self.submit(job, None, refusal);
    }

    /// Advances an aggregate: hydrates it if it is cold, and decides its commands if it is warm.
    fn advance(&mut self, aggregate: &AggregateRef) {
        loop {
            let must_defer = self.must_defer();
            let Some(slot) = self.slots.peek_mut(aggregate) else { return };
            match slot.phase {
                SlotPhase::Loading(_) => return,
                SlotPhase::Cold if slot.retained.is_some() && !slot.queue.is_empty() => self.refold(aggregate),
                SlotPhase::Cold if slot.expired > 0 => return self.answer_expired(aggregate),
                SlotPhase::Cold if slot.in_flight > 0 || slot.queue.is_empty() => return,
                SlotPhase::Cold if !self.roster.hosts(slot.hosted.digest) => return self.refuse_unhosted(aggregate),
                SlotPhase::Cold => return self.start_load(aggregate, LoadStart::Snapshot),
                SlotPhase::Warm(_) if must_defer && !slot.queue.is_empty() => return self.defer(aggregate),
                SlotPhase::Warm(_) => match slot.queue.pop_front() {
                    Some(job) => self.decide(aggregate, job),
                    None => return self.leave_retired_sandbox(aggregate),
                },
            }
        }
    }

    fn start_load(&mut self, aggregate: &AggregateRef, start: LoadStart) {
        if self.is_next_suspect(aggregate) {
            self.quarantined.put(aggregate.clone(), ());
        }
        if self.quarantined.contains(aggregate) && !self.may_hydrate_dedicated(aggregate) {
            if !self.waiting.contains(aggregate) {
                self.waiting.put(aggregate.clone(), ());
            }
            return self.cool(aggregate);
        }
        let id = self.next_load;
        self.next_load += 1;
        if let Some(slot) = self.slots.peek_mut(aggregate) {
            let snapshots = start == LoadStart::Snapshot && slot.hosted.aggregate_type.snapshot_every > 0;
            let snapshot_of = snapshots.then_some(slot.hosted.digest);
            let events = if slot.single_events { 1 } else { self.settings.page_events };
            let page = PageLimit { events, bytes: self.settings.page_bytes };
            let hydration = HydrationRequest { aggregate: aggregate.clone(), snapshot_of, page };
            let load = self.links.loader.start(LoadRequest { hydration, id });
            slot.phase = SlotPhase::Loading(slot::LoadingAggregate {
                id,
                _load: load,
                resident: None,
                head: StreamHead::default(),
                snapshot_version: 0,
                folded: 0,
            });
        }
    }

    /// Sends a job to the committer: with a decision, or with the error with which it is answered unless it was
    /// decided before.
    fn submit(&mut self, job: Job, decision: Option<Decision>, error: Option<CommandError>) {
        let entry = Entry {
            command_id: job.command.id.clone(),
            request_hash: job.request_hash,
            aggregate: job.aggregate().clone(),
            decision,
        };
        if job.counts_in_flight()
            && let Some(slot) = self.slots.peek_mut(job.aggregate())
        {
            slot.in_flight += 1;
        }
        self.in_flight += 1;
        let submission = Submission { shard: self.index, job, entry, error };
        let queues = &self.links.commit_queues;
        let partition = PartitionId::of(&submission.entry.aggregate, queues.len() as u32);
        // Without a committer the engine has stopped, and the job answers so when it is dropped.
        let _ = queues[partition.0 as usize].send(submission);
    }

    /// Evicts the least recently used aggregates above the bound, except those with work.
    fn evict_idle(&mut self) {
        let excess = self.slots.len().saturating_sub(self.settings.resident_aggregates);
        if excess == 0 {
            return;
        }
        let idle = self.slots.iter().rev().filter(|(_, slot)| slot.is_idle());
        let idle: Vec<AggregateRef> = idle.take(excess).map(|(aggregate, _)| aggregate.clone()).collect();
        for aggregate in idle {
            self.cool(&aggregate);
            self.slots.pop(&aggregate);
        }
    }

    /// Makes an aggregate cold: drops its instance, its snapshot and its retained events.
    fn cool(&mut self, aggregate: &AggregateRef) {
        let Some(slot) = self.slots.peek_mut(aggregate) else { return };
        slot.snapshot = None;
        slot.retained = None;
        if let Some(resident) = slot.take_resident()
            && let Err(fault) = self.sandboxes.release(resident)
        {
            tracing::warn!(%aggregate, %fault, "a guest faulted while an aggregate was dropped");
            self.drop_if_poisoned(resident.sandbox, aggregate);
        }
    }

    /// Retires a sandbox that has grown large: no new aggregates come in. Aggregates that are being hydrated in it
    /// first decide the commands that wait, because starting again each time might never end; the sandbox is dropped
    /// with the last of them.
    fn retire_sandbox(&mut self, sandbox: SandboxId) {
        self.sandboxes.retire(sandbox);
        let lives_there =
            |slot: &AggregateSlot| matches!(&slot.phase, SlotPhase::Warm(warm) if warm.resident.sandbox == sandbox);
        let warm = self.slots.iter().filter(|(_, slot)| lives_there(slot));
        let warm: Vec<AggregateRef> = warm.map(|(aggregate, _)| aggregate.clone()).collect();
        warm.iter().for_each(|aggregate| self.cool(aggregate));
    }

    /// Makes an aggregate cold that has no commands and is in a retired sandbox.
    fn leave_retired_sandbox(&mut self, aggregate: &AggregateRef) {
        let resident = self.slots.peek(aggregate).and_then(AggregateSlot::resident);
        if resident.is_some_and(|resident| self.sandboxes.is_retired(resident.sandbox)) {
            self.cool(aggregate);
        }
    }

    /// Drops a sandbox: every aggregate in it is cold, and is hydrated again when it is needed.
    fn drop_sandbox(&mut self, sandbox: SandboxId) {
        self.sandboxes.remove(sandbox);
        let mut interrupted = Vec::new();
        for (aggregate, slot) in &mut self.slots {
            if slot.resident().is_some_and(|resident| resident.sandbox == sandbox) {
                if matches!(slot.phase, SlotPhase::Loading(_)) {
                    slot.retained = None;
                }
                slot.phase = SlotPhase::Cold;
                slot.snapshot = None;
                interrupted.push(aggregate.clone());
            }
        }
        for aggregate in interrupted {
            if self.slots.peek(&aggregate).is_some_and(|slot| !slot.queue.is_empty()) {
                self.advance(&aggregate);
            }
        }
    }
}
