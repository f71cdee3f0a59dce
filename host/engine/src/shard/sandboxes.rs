//! The sandboxes of one shard: a shared one per component, and a dedicated one for each aggregate in quarantine.

use std::{collections::HashMap, thread};

use cantus_model::{
    AggregateRef, Digest, Fault, FaultKind,
    ports::{AggregateSandbox, HashSeed, InstanceId},
};

use cantus_model::HostedAggregate;

/// Identifies a sandbox of this shard; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SandboxId(u64);

/// The instance of an aggregate in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resident {
    pub(super) sandbox: SandboxId,
    pub(super) instance: InstanceId,
}

struct GuestSandbox {
    sandbox: Box<dyn AggregateSandbox>,
    digest: Digest,
    /// The only aggregate in it, if it is dedicated.
    owner: Option<AggregateRef>,
    residents: usize,
    /// It takes no new residents.
    retired: bool,
}

#[derive(Default)]
pub(super) struct Sandboxes {
    guests: HashMap<SandboxId, GuestSandbox>,
    next: u64,
    /// The thread that drops the sandboxes of the last swap.
    dropping: Option<thread::JoinHandle<()>>,
}

impl Sandboxes {
    pub(super) fn get(&mut self, id: SandboxId) -> Option<&mut Box<dyn AggregateSandbox>> {
        self.guests.get_mut(&id).map(|guest| &mut guest.sandbox)
    }

    /// Returns the sandbox that a new resident of `digest` shares with others, if there is one.
    pub(super) fn shared(&self, digest: Digest) -> Option<SandboxId> {
        self.guests
            .iter()
            .find(|(_, guest)| guest.owner.is_none() && !guest.retired && guest.digest == digest)
            .map(|(id, _)| *id)
    }

    pub(super) fn open(
        &mut self,
        hosted: &HostedAggregate,
        owner: Option<AggregateRef>,
    ) -> Result<SandboxId, Box<Fault>> {
        let sandbox = match hosted.component.open_aggregates(HashSeed::default()) {
            // The sandboxes that are being dropped may be the missing ones.
            Err(fault) if fault.kind == FaultKind::Host && self.dropping.is_some() => {
                self.wait_for_drop();
                hosted.component.open_aggregates(HashSeed::default())?
            }
            opened => opened?,
        };
        let id = SandboxId(self.next);
        self.next += 1;
        self.guests.insert(id, GuestSandbox { sandbox, digest: hosted.digest, owner, residents: 0, retired: false });
        Ok(id)
    }

    /// Creates an instance in a sandbox. After a fault the sandbox is still there.
    pub(super) fn restore(
        &mut self,
        id: SandboxId,
        aggregate: &AggregateRef,
        snapshot: Option<&[u8]>,
    ) -> Option<Result<Resident, Box<Fault>>> {
        let guest = self.guests.get_mut(&id)?;
        let restored = guest.sandbox.restore(&aggregate.aggregate_type, &aggregate.id, snapshot);
        Some(restored.map(|instance| {
            guest.residents += 1;
            Resident { sandbox: id, instance }
        }))
    }

    /// Drops one instance, and its sandbox too if that is dedicated, or retired and now empty.
    pub(super) fn release(&mut self, resident: Resident) -> Result<(), Box<Fault>> {
        let Some(guest) = self.guests.get_mut(&resident.sandbox) else { return Ok(()) };
        guest.residents = guest.residents.saturating_sub(1);
        if guest.owner.is_some() || (guest.retired && guest.residents == 0) {
            self.guests.remove(&resident.sandbox);
            return Ok(());
        }
        guest.sandbox.release(resident.instance)
    }

    pub(super) fn remove(&mut self, id: SandboxId) {
        self.guests.remove(&id);
    }

    /// Drops the sandboxes of components that are not wanted any more, on another thread: releasing the memory of a
    /// large guest takes a while. The next swap waits for that thread, so at most the sandboxes of one swap are
    /// pending.
    pub(super) fn drop_unwanted(&mut self, is_wanted: impl Fn(Digest) -> bool) {
        let unwanted: Vec<_> = self.guests.extract_if(|_, guest| !is_wanted(guest.digest)).collect();
        if !unwanted.is_empty() {
            self.wait_for_drop();
            // If no thread can be started, they are dropped here.
            self.dropping = thread::Builder::new().name("cantus-drop".into()).spawn(move || drop(unwanted)).ok();
        }
    }

    fn wait_for_drop(&mut self) {
        if let Some(dropping) = self.dropping.take() {
            let _ = dropping.join();
        }
    }

    pub(super) fn retire(&mut self, id: SandboxId) {
        if let Some(guest) = self.guests.get_mut(&id) {
            guest.retired = true;
        }
    }

    /// Reports whether a sandbox is retired.
    pub(super) fn is_retired(&self, id: SandboxId) -> bool {
        self.guests.get(&id).is_some_and(|guest| guest.retired)
    }

    /// Reports whether a sandbox is dedicated to one aggregate.
    pub(super) fn is_dedicated(&self, id: SandboxId) -> bool {
        self.guests.get(&id).is_some_and(|guest| guest.owner.is_some())
    }

    pub(super) fn is_poisoned(&self, id: SandboxId) -> bool {
        self.guests.get(&id).is_none_or(|guest| guest.sandbox.is_poisoned())
    }

    /// Reports whether a sandbox has more than one resident.
    pub(super) fn has_other_residents(&self, id: SandboxId) -> bool {
        self.guests.get(&id).is_some_and(|guest| guest.residents > 1)
    }

    /// Reports whether a sandbox with more than one resident exceeds its memory limit.
    pub(super) fn is_oversized(&self, id: SandboxId, limit: usize) -> bool {
        self.guests.get(&id).is_some_and(|guest| guest.residents > 1 && guest.sandbox.memory_bytes() > limit)
    }

    /// Count of dedicated sandboxes.
    pub(super) fn dedicated_count(&self) -> usize {
        self.guests.values().filter(|guest| guest.owner.is_some()).count()
    }

    /// Finds a sandbox without residents.
    pub(super) fn empty(&self) -> Option<SandboxId> {
        self.guests.iter().filter(|(_, guest)| guest.residents == 0).map(|(id, _)| *id).min()
    }

    /// Finds the oldest dedicated sandbox whose aggregate satisfies `predicate`.
    pub(super) fn oldest_dedicated(&self, mut predicate: impl FnMut(&AggregateRef) -> bool) -> Option<SandboxId> {
        let dedicated = self.guests.iter().filter(|(_, guest)| guest.owner.as_ref().is_some_and(&mut predicate));
        dedicated.map(|(id, _)| *id).min()
    }
}
