//! Perturbations: ways to run the same history that must not change any decision. Each reveals another kind of hidden
//! nondeterminism.

use std::sync::Arc;

use cantus_model::ports::HashSeed;

use super::{InstancePlacement, Perturbation, RestoreSchedule, RunMode, components::Components};

/// All perturbations. `interpreted` are the same components on an interpreter, instead of compiled to machine code.
pub fn perturbations(components: &Arc<Components>, interpreted: Option<Arc<Components>>) -> Vec<Perturbation> {
    let (usual, instances) = (RunMode::usual(), InstancePlacement::Apart);
    let modes = [
        ("another hash seed", RunMode { hash_seed: HashSeed(0x5eed_0001, 0x5eed_0002), ..usual }),
        ("a third hash seed", RunMode { hash_seed: HashSeed(u64::MAX, 7), ..usual }),
        ("events one by one", RunMode { batch: 1, ..usual }),
        ("a sandbox for each stream", RunMode { instances, ..usual }),
        ("fresh instances from snapshots", RunMode { instances, restores: RestoreSchedule::EachDecision, ..usual }),
        (
            "restored from snapshots at several points",
            RunMode { instances, restores: RestoreSchedule::PowersOfTwo, ..usual },
        ),
    ];
    let compiled = modes.map(|(name, mode)| (name, mode, Arc::clone(components)));
    let interpreted = interpreted.map(|components| ("interpreted by Pulley", usual, components));
    let all = compiled.into_iter().chain(interpreted);
    all.map(|(name, mode, components)| Perturbation { name: name.into(), mode, components }).collect()
}
