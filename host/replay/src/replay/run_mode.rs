//! Modes in which a component is run, which must not change its decisions.

use cantus_model::ports::HashSeed;

/// The mode in which a component is run. It must not change any decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunMode {
    /// The seed of the guest's hash maps.
    pub(crate) hash_seed: HashSeed,
    /// The maximum count of events in one call.
    pub(crate) batch: usize,
    /// The sandbox in which an instance lives.
    pub(crate) instances: InstancePlacement,
    /// The steps after which an instance is restored from its own snapshot.
    pub(crate) restores: RestoreSchedule,
}

/// The sandbox in which the instance of a stream lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstancePlacement {
    /// A sandbox that it shares with the streams before it, as in the running host.
    Resident,
    /// A sandbox of its own.
    Apart,
}

/// The steps after which an instance is restored from its own snapshot in another sandbox, as after a restart of the
/// host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestoreSchedule {
    /// Never.
    Never,
    /// After each decision.
    EachDecision,
    /// After the first, second, fourth, eighth and so on of the folds and decisions of a stream, and at its end: many
    /// points for little work, and the same ones in each run. Not for aggregates that take no snapshots.
    PowersOfTwo,
}

impl RunMode {
    /// The mode of the running host.
    pub(crate) fn usual() -> Self {
        let (instances, restores) = (InstancePlacement::Resident, RestoreSchedule::Never);
        Self { hash_seed: HashSeed::default(), batch: usize::MAX, instances, restores }
    }
}
