//! The components of a replay, loaded when they are first needed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cantus_model::{
    Digest,
    ports::{Component, Refused},
};
use serde::{Deserialize, Serialize};

/// Finds the component of a digest.
pub type ComponentFinder = Box<dyn Fn(Digest) -> Result<Option<Arc<dyn Component>>, Refused> + Send + Sync>;

/// A component that cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingComponent {
    /// The digest of the component.
    pub component: Digest,
    /// The reason why it does not load; `None` if it is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The components of a replay, shared by all threads.
pub struct Components {
    finder: ComponentFinder,
    loaded: Mutex<BTreeMap<Digest, ComponentLookup>>,
}

type ComponentLookup = Result<Arc<dyn Component>, MissingComponent>;

impl Components {
    /// Components that `finder` finds.
    pub fn new(finder: ComponentFinder) -> Self {
        Self { finder, loaded: Mutex::default() }
    }

    /// Returns the component of a digest, if it can be loaded.
    pub(super) fn get(&self, digest: Digest) -> Option<Arc<dyn Component>> {
        // The lock is held during the load, because the other threads need the same component.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |why| MissingComponent { component: digest, why };
        let load = || match (self.finder)(digest) {
            Ok(component) => component.ok_or(missing(None)),
            Err(why) => Err(missing(Some(why.to_string()))),
        };
        loaded.entry(digest).or_insert_with(load).as_ref().ok().cloned()
    }

    /// Components that were needed and could not be loaded.
    pub(super) fn missing(&self) -> Vec<MissingComponent> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.values().filter_map(|lookup| lookup.as_ref().err().cloned()).collect()
    }
}
