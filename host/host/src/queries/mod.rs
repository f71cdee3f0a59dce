//! Queries: states, events, explanations, plugins and other timelines. Nothing here writes.

mod events;
mod explain;
mod plugins;
mod state;
mod whatif;

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
pub use plugins::{PluginStatus, plugins_in_folder, verification_report};
pub use state::{AggregateState, StateAt};
pub use whatif::{BranchCommand, WhatIfAnswer, WhatIfRequest};

use crate::{
    HostError, HostSettings,
    components::{self, StoredComponents},
    store::open_store_read_only,
};

/// Components that stay loaded; the one that was used longest ago is dropped first.
const LOADED_COMPONENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// Queries on a store, with or without a running host. They may be called from several tasks at the same time.
pub struct Queries {
    settings: HostSettings,
    store: Arc<dyn Store>,
    loaded: Mutex<LoadedComponents>,
}

/// The components of queries, in a runtime of their own: queries must not use the sandboxes of the shards.
struct LoadedComponents {
    /// `None` until it is first needed.
    loader: Option<Arc<dyn ComponentLoader>>,
    components: LruCache<Digest, Arc<dyn Component>>,
}

impl Queries {
    /// Opens the store of the settings for reading. The store is not created if it is missing.
    ///
    /// # Errors
    /// [`HostError::Store`] if there is no store, or it cannot be read.
    pub async fn open(settings: &HostSettings) -> Result<Self, HostError> {
        Ok(Self::new(settings.clone(), open_store_read_only(settings).await?))
    }

    pub(crate) fn new(settings: HostSettings, store: Arc<dyn Store>) -> Self {
        let loaded = LoadedComponents { loader: None, components: LruCache::new(LOADED_COMPONENTS) };
        Self { settings, store, loaded: loaded.into() }
    }

    /// The reader of events and command records.
    pub fn reader(&self) -> &dyn EventReader {
        &*self.store
    }

    /// Finds the component that folds aggregates of a type: the one that is live, or was last, or one in the folder of
    /// plugins.
    ///
    /// # Errors
    /// [`HostError::Invalid`] if no component hosts the type; the message lists the types that are hosted. Else if the store
    /// or the component cannot be read.
    pub async fn component_for(&self, aggregate_type: &str) -> Result<Arc<dyn Component>, HostError> {
        let live = components::find_live_or_last(&*self.store, aggregate_type).await?;
        if let Some(component) = live.map(|digest| self.component(digest)).transpose()?.flatten() {
            return Ok(component);
        }
        let loader = self.loader()?;
        components::find_in_folder(&self.settings, &*loader, aggregate_type)
    }

    /// Loads a component from the component store. `None` if it is not there. Sixteen components stay loaded.
    ///
    /// # Errors
    /// [`HostError::Machine`] if the component store cannot be read, [`HostError::Plugin`] if the component does not load.
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
