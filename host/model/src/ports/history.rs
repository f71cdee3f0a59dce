//! Reads recorded history for a replay.

use async_trait::async_trait;

use super::StoreError;
use crate::{HistoryPage, HistoryQuery};

/// A source of recorded history: a store, or a tape.
#[async_trait]
pub trait HistorySource: Send + Sync {
    /// Opens a reading of the streams that `query` selects. It does not contain commands that are recorded after the
    /// call.
    ///
    /// # Errors
    /// If it cannot be read.
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError>;
}

/// A reading of history that is under way. Its memory is bounded, whatever the size of the history.
#[async_trait]
pub trait History: Send {
    /// Count of all commands, if it is known: to show progress.
    fn commands(&self) -> Option<u64>;

    /// Reads the next page. The streams come one after another, in the order in which they began.
    ///
    /// # Errors
    /// If it cannot be read, or contradicts itself.
    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError>;
}
