//! Reads recorded history, to execute it again.

use async_trait::async_trait;

use super::StoreError;
use crate::{HistoryPage, HistoryQuery};

/// A source of recorded history: a store, or a tape.
#[async_trait]
pub trait HistorySource: Send + Sync {
    /// Selects the streams to read. The history does not include commands that are recorded after the call.
    ///
    /// # Errors
    /// If it cannot be read.
    async fn history(&self, query: &HistoryQuery) -> Result<Box<dyn History>, StoreError>;
}

/// Reads a history page by page, in bounded memory.
#[async_trait]
pub trait History: Send {
    /// Returns the number of all commands, if it is known, to show progress.
    fn commands(&self) -> Option<u64>;

    /// Reads the next page. The streams come one after another, in the order in which they began.
    ///
    /// # Errors
    /// If it cannot be read, or contradicts itself.
    async fn next_page(&mut self) -> Result<Option<HistoryPage>, StoreError>;
}
