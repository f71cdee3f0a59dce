//! Ways to run a component that must not matter.

use cantus_model::ports::HashSeed;

/// How a component is run: what must not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunMode {
    /// The order of the guest's hash maps.
    pub(crate) hash_seed: HashSeed,
    /// At most so many events go into one call.
    pub(crate) batch: usize,
    /// Which sandbox an instance lives in.
    pub(crate) instances: InstancePlacement,
    /// When an instance is made again from its own snapshot.
    pub(crate) restores: RestoreSchedule,
}

/// Which sandbox the instance of a stream lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstancePlacement {
    /// One that it shares with the streams before it: as in the running host.
    Resident,
    /// One of its own.
    Apart,
}

/// When an instance is made again from its own snapshot, in another sandbox: as after a restart of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestoreSchedule {
    /// Never.
    Never,
    /// After each decision.
    EachDecision,
    /// At the first, second, fourth, eighth and so on of the folds and decisions of a stream, and at its end: many points
    /// for little work, and the same ones in each run. Not for aggregates that take no snapshots.
    PowersOfTwo,
}

impl RunMode {
    /// As the host runs it.
    pub(crate) fn usual() -> Self {
        let (instances, restores) = (InstancePlacement::Resident, RestoreSchedule::Never);
        Self { hash_seed: HashSeed::default(), batch: usize::MAX, instances, restores }
    }
}
