//! The components of a replay, loaded when they are first needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use cantus_model::{
    Digest,
    ports::{Component, Refusal},
};

/// Finds the component of a digest.
pub type Find = Box<dyn Fn(Digest) -> Result<Option<Arc<dyn Component>>, Refusal> + Send + Sync>;

/// Shared by all workers.
pub struct Components {
    find: Find,
    found: Mutex<BTreeMap<Digest, Option<Arc<dyn Component>>>>,
}

impl Components {
    /// Components that `find` finds.
    pub fn new(find: Find) -> Self {
        Self { find, found: Mutex::default() }
    }

    /// The component of a digest. One that does not load is told once.
    pub(super) fn get(&self, digest: Digest) -> Option<Arc<dyn Component>> {
        // The lock is held while it loads: the others need it as well.
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let load = || {
            (self.find)(digest).unwrap_or_else(|why| {
                tracing::warn!(%why, component = digest.short(), "a component that decided does not load");
                None
            })
        };
        found.entry(digest).or_insert_with(load).clone()
    }

    /// Those that were asked for and are not there.
    pub(super) fn missing(&self) -> BTreeSet<Digest> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().filter(|(_, component)| component.is_none()).map(|(digest, _)| *digest).collect()
    }
}
