//! The one place where the parts meet: opens the store, reads the folder of plugins, starts the engine.

mod host;
mod plugins;
mod repros;
mod status;

use std::sync::Arc;

use cantus_engine::{
    SystemClock,
    registry::{ActivationError, Activator},
};
use cantus_model::ports::{ActivationAuthor, PluginSource, Store};

pub(crate) use host::start;
pub(crate) use plugins::{
    CachePolicy, LoadedFile, component_for, kept, load_file, name_in, name_of, recorded, recorded_on, source, unpooled_runtime,
};
pub(crate) use repros::ReproFolder;
pub(crate) use status::known_files;

use crate::{
    exit_codes::{Exit, CliError, OrExit},
    settings::Settings,
};

/// Opens the store for reading only. It is not made if it is missing.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) async fn open_to_read(settings: &Settings) -> Result<Arc<dyn Store>, CliError> {
    cantus_store::open_read_only(&settings.store).await.or_exit(Exit::Store)
}

/// What verifies and records, on a store that may be written or not.
pub(crate) fn activator(
    settings: &Settings,
    store: Arc<dyn Store>,
    author: ActivationAuthor,
    source: Arc<dyn PluginSource>,
) -> Activator {
    Activator {
        store,
        author,
        source,
        clock: Arc::new(SystemClock),
        verify: settings.verify.clone(),
        events_per_command: settings.engine.events_per_command,
    }
}

impl From<ActivationError> for CliError {
    fn from(error: ActivationError) -> Self {
        let exit = match &error {
            ActivationError::Store(_) => Exit::Store,
            ActivationError::Refused(_) => Exit::Plugin,
            ActivationError::Overtaken => Exit::Some,
        };
        Self { exit, error: error.into() }
    }
}
