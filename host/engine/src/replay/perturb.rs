//! Ways to run the same history that must not matter: each shows another kind of hidden nondeterminism.

use std::sync::Arc;

use cantus_model::ports::HashSeed;

use super::{Instances, Perturbation, Restores, Way, components::Components};

/// All of them. `interpreted` are the same components on an interpreter, instead of compiled to machine code.
pub fn perturbations(components: &Arc<Components>, interpreted: Option<Arc<Components>>) -> Vec<Perturbation> {
    let (usual, instances) = (Way::usual(), Instances::Apart);
    let ways = [
        ("another hash seed", Way { hash_seed: HashSeed(0x5eed_0001, 0x5eed_0002), ..usual }),
        ("a third hash seed", Way { hash_seed: HashSeed(u64::MAX, 7), ..usual }),
        ("events one by one", Way { batch: 1, ..usual }),
        ("a sandbox for each stream", Way { instances, ..usual }),
        ("fresh instances from snapshots", Way { instances, restores: Restores::EachDecision, ..usual }),
        ("restored from snapshots at several points", Way { instances, restores: Restores::PowersOfTwo, ..usual }),
    ];
    let compiled = ways.map(|(name, way)| (name, way, Arc::clone(components)));
    let interpreted = interpreted.map(|components| ("interpreted by Pulley", usual, components));
    let all = compiled.into_iter().chain(interpreted);
    all.map(|(name, way, components)| Perturbation { name: name.into(), way, components }).collect()
}
