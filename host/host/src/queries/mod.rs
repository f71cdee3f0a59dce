//! Reads: states, events, and what decisions rested on. Nothing here writes.

mod events;
mod explain;
mod state;

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use cantus_model::{
    Digest,
    ports::{Component, ComponentLoader, ComponentStore, EventReader, Store},
};
use lru::LruCache;

pub use events::EventPages;
pub use explain::Explanation;
pub use state::{AggregateState, StateAt};

use crate::{
    HostError, HostSettings,
    components::{self, StoredComponents},
};

/// Components that are kept ready to fold; the one that was used longest ago goes.
const LOADED_COMPONENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// Reads a store, with or without a running host beside it.
pub struct Queries {
    settings: HostSettings,
    store: Arc<dyn Store>,
    loaded: Mutex<LoadedComponents>,
}

/// Components that were loaded for queries, in a runtime of their own: queries take no sandbox from those that decide.
struct LoadedComponents {
    /// Made when it is first needed.
    loader: Option<Arc<dyn ComponentLoader>>,
    components: LruCache<Digest, Arc<dyn Component>>,
}

impl Queries {
    /// Opens the store of the settings for reading. It is not made if it is missing.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub async fn open(settings: &HostSettings) -> Result<Self, HostError> {
        Ok(Self::new(settings.clone(), cantus_store::open_read_only(&settings.store).await?))
    }

    pub(crate) fn new(settings: HostSettings, store: Arc<dyn Store>) -> Self {
        let loaded = LoadedComponents { loader: None, components: LruCache::new(LOADED_COMPONENTS) };
        Self { settings, store, loaded: loaded.into() }
    }

    /// The log, event by event.
    pub fn reader(&self) -> &dyn EventReader {
        &*self.store
    }

    /// Finds what folds aggregates of a type: the component that is live for it, or was last; else one in the folder of plugins.
    ///
    /// # Errors
    /// If there is none: the aggregates that are hosted are named.
    pub async fn component_for(&self, aggregate_type: &str) -> Result<Arc<dyn Component>, HostError> {
        let live = components::last_live_for(&*self.store, aggregate_type).await?;
        if let Some(component) = live.map(|digest| self.component(digest)).transpose()?.flatten() {
            return Ok(component);
        }
        let loader = self.loader()?;
        components::in_folder_for(&self.settings, &*loader, aggregate_type)
    }

    /// Loads a stored component. `None` if its bytes are not stored.
    ///
    /// # Errors
    /// If the stored components cannot be read, or it does not load.
    pub fn component(&self, digest: Digest) -> Result<Option<Arc<dyn Component>>, HostError> {
        if let Some(component) = self.lock().components.get(&digest) {
            return Ok(Some(Arc::clone(component)));
        }
        let stored = StoredComponents::open(&self.settings)?;
        let Some(bytes) = stored.get_component(digest).map_err(HostError::machine)? else { return Ok(None) };
        let component = self.loader()?.load(&bytes).map_err(HostError::plugin)?;
        self.lock().components.put(digest, Arc::clone(&component));
        Ok(Some(component))
    }

    fn loader(&self) -> Result<Arc<dyn ComponentLoader>, HostError> {
        let mut loaded = self.lock();
        if let Some(loader) = &loaded.loader {
            return Ok(Arc::clone(loader));
        }
        let loader: Arc<dyn ComponentLoader> = Arc::new(components::unpooled_runtime(&self.settings)?);
        loaded.loader = Some(Arc::clone(&loader));
        Ok(loader)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LoadedComponents> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
