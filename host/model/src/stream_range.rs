//! The part of a stream that is still to be read.

use crate::{AggregateRef, EventBatch, PageLimit, ports::StoreError};

/// The events of a stream after one version up to another, which are read page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamRange {
    /// The version up to which the stream was read.
    pub after: u64,
    /// The version at which reading ends.
    pub end: u64,
}

impl StreamRange {
    /// Reports whether all events were read.
    pub const fn is_empty(self) -> bool {
        self.after >= self.end
    }

    /// Limits the next page to the events of the range.
    pub fn limit(self, page: PageLimit) -> PageLimit {
        let left = usize::try_from(self.end.saturating_sub(self.after)).unwrap_or(usize::MAX);
        PageLimit { events: page.events.min(left), ..page }
    }

    /// Continues after a page that was read from the start of the range.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the page is empty: the stream ends too early.
    pub fn advance(&mut self, aggregate: &AggregateRef, page: &EventBatch) -> Result<(), StoreError> {
        if page.is_empty() {
            let Self { after, end } = self;
            return Err(StoreError::Corrupt(format!("{aggregate} ends at version {after}, not at {end}")));
        }
        self.after += page.len() as u64;
        Ok(())
    }
}
