//! Opens stores for commands that only read.

use std::sync::Arc;

use cantus_model::ports::Store;

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    settings::Settings,
};

/// Opens the store of the settings for reading. It is not made if it is missing.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) async fn open_to_read(settings: &Settings) -> Result<Arc<dyn Store>, CliError> {
    cantus_store::open_read_only(&settings.host.store).await.or_exit(Exit::Store)
}
