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

/// A component that is not there to decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingComponent {
    /// Which.
    pub component: Digest,
    /// Why it does not load; `None` if it is nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Shared by all workers.
pub struct Components {
    find: ComponentFinder,
    found: Mutex<BTreeMap<Digest, ComponentLookup>>,
}

type ComponentLookup = Result<Arc<dyn Component>, MissingComponent>;

impl Components {
    /// Components that `find` finds.
    pub fn new(find: ComponentFinder) -> Self {
        Self { find, found: Mutex::default() }
    }

    /// The component of a digest, if it is there.
    pub(super) fn get(&self, digest: Digest) -> Option<Arc<dyn Component>> {
        // The lock is held while it loads: the others need it as well.
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |why| MissingComponent { component: digest, why };
        let load = || match (self.find)(digest) {
            Ok(component) => component.ok_or(missing(None)),
            Err(why) => Err(missing(Some(why.to_string()))),
        };
        found.entry(digest).or_insert_with(load).as_ref().ok().cloned()
    }

    /// Those that were asked for and are not there.
    pub(super) fn missing(&self) -> Vec<MissingComponent> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.values().filter_map(|found| found.as_ref().err().cloned()).collect()
    }
}
