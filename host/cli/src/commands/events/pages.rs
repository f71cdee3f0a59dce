//! Pages of events, bounded in events and in bytes.

use cantus_model::{
    EventQuery, PageLimit, RecordedEvent,
    ports::{EventReader, StoreError},
};

/// Reads the events of a query, page by page.
pub(crate) struct Pages<'a> {
    reader: &'a dyn EventReader,
    query: EventQuery,
    /// Events that are still asked for.
    left: usize,
    limit: PageLimit,
}

impl<'a> Pages<'a> {
    /// The events of `query`, up to its limit, in pages of at most `limit`.
    pub(crate) fn of(reader: &'a dyn EventReader, query: EventQuery, limit: PageLimit) -> Self {
        let left = query.limit;
        Self { reader, query: EventQuery { bytes: Some(limit.bytes), ..query }, left, limit }
    }

    /// The next page; `None` at the end.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<RecordedEvent>>, StoreError> {
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

    /// Events that were asked for and not found yet.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// After which event the next page begins.
    pub(crate) fn after(&self) -> Option<u64> {
        self.query.after
    }
}
