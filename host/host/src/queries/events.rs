//! Pages of events, bounded in events and in bytes.

use cantus_model::{
    EventQuery, PageLimit, RecordedEvent,
    ports::{EventReader, StoreError},
};

use super::Queries;

/// Reads the events of a query, page by page.
pub struct EventPages<'a> {
    reader: &'a dyn EventReader,
    query: EventQuery,
    /// Count of events that are still wanted.
    left: usize,
    limit: PageLimit,
}

impl<'a> EventPages<'a> {
    /// Reads the events of `query`, up to its limit, in pages of at most `limit`.
    pub fn new(reader: &'a dyn EventReader, query: EventQuery, limit: PageLimit) -> Self {
        let left = query.limit;
        Self { reader, query: EventQuery { bytes: Some(limit.bytes), ..query }, left, limit }
    }

    /// Reads the next page; `None` at the end.
    ///
    /// # Errors
    /// If the store cannot be read. The page may be read again then.
    pub async fn next(&mut self) -> Result<Option<Vec<RecordedEvent>>, StoreError> {
        self.query.limit = self.left.min(self.limit.events);
        if self.left == 0 {
            return Ok(None);
        }
        let page = self.reader.read_events(&self.query).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.query.after = Some(if self.query.aggregate.is_some() { last.version } else { last.position.offset });
        self.left -= page.len().min(self.left);
        Ok(Some(page))
    }

    /// The count of events up to the limit of the query that are not read yet. The log may have fewer.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The event after which the next page begins: a stream version or an offset, as in the query.
    pub fn after(&self) -> Option<u64> {
        self.query.after
    }
}

impl Queries {
    /// Reads the events of `query`, up to its limit, in pages of `engine.page_events` events and `engine.page_bytes` bytes.
    pub fn events(&self, query: EventQuery) -> EventPages<'_> {
        EventPages::new(self.reader(), query, self.page())
    }

    pub(super) fn page(&self) -> PageLimit {
        PageLimit { events: self.settings.engine.page_events, bytes: self.settings.engine.page_bytes }
    }
}
