//! Reading history to execute it again.

use async_trait::async_trait;

use super::StoreError;
use crate::{HistoryPage, HistoryQuery};

/// Recorded history: a store, or a tape.
#[async_trait]
pub trait HistorySource: Send + Sync {
    /// Reads the streams that `query` selects. What is recorded after the call is not in it.
    ///
    /// # Errors
    /// If it cannot be read.
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError>;
}

/// A reading of history under way: memory is bounded whatever its size.
#[async_trait]
pub trait History: Send {
    /// How many commands there are in all, where that is known: for showing how far it has come.
    fn commands(&self) -> Option<u64>;

    /// The next page. The streams come one after another, in the order in which they began.
    ///
    /// # Errors
    /// If it cannot be read, or contradicts itself.
    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError>;
}
