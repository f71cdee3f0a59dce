//! Opens the event store of the settings for reading.

use std::sync::Arc;

use cantus_model::ports::Store;

use crate::{HostError, HostSettings};

/// Opens the event store of the settings for reading. The store is not created if it is missing.
///
/// # Errors
/// [`HostError::Store`] if there is no store, or it cannot be read.
pub async fn open_store_read_only(settings: &HostSettings) -> Result<Arc<dyn Store>, HostError> {
    Ok(cantus_store::open_read_only(&settings.store).await?)
}
