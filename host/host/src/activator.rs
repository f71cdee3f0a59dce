//! Builds the `Activator`, which verifies and records activations.

use std::sync::Arc;

use cantus_engine::{SystemClock, registry::Activator};
use cantus_model::ports::{ActivationAuthor, ComponentLoader, Store};

use crate::{
    HostError, HostSettings,
    components::{self, StoredComponents},
};

/// Builds an activator from the settings and the ports of a store.
pub(crate) fn build_activator(
    settings: &HostSettings,
    store: &Arc<dyn Store>,
    author: ActivationAuthor,
    loader: Arc<dyn ComponentLoader>,
    components: Arc<StoredComponents>,
) -> Result<Activator, HostError> {
    Ok(Activator {
        log: store.clone(),
        history: store.clone(),
        journal: store.clone(),
        author,
        source: Arc::new(components::plugin_folder(settings)?),
        loader,
        components,
        clock: Arc::new(SystemClock),
        verify: settings.verify.clone(),
        events_per_command: settings.engine.events_per_command,
    })
}
