//! Pages of events, bounded in events and in bytes.

use cantus_model::{
    EventQuery, PageLimit, RecordedEvent,
    ports::{EventReader, StoreError},
};

/// Events of the first page. How large they are shows only then.
const FIRST: usize = 16;

/// Reads the events of a query, page by page.
pub(crate) struct Pages<'a> {
    reader: &'a dyn EventReader,
    query: EventQuery,
    /// Events that are still asked for.
    left: usize,
    limit: PageLimit,
    /// Events of the next page.
    size: usize,
}

impl<'a> Pages<'a> {
    /// The events of `query`, up to its limit, in pages of about `limit`.
    pub(crate) fn of(reader: &'a dyn EventReader, query: EventQuery, limit: PageLimit) -> Self {
        let left = query.limit;
        Self { reader, query, left, limit, size: FIRST.min(limit.events) }
    }

    /// The next page; `None` at the end.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<RecordedEvent>>, StoreError> {
        // The reader bounds a page in events only, so that the size follows that of the events. Once `EventQuery` has a
        // bound in bytes (`bytes`), `limit.bytes` goes there, `limit.events` into `limit`, and `size` is no longer needed.
        self.query.limit = self.left.min(self.size);
        if self.left == 0 {
            return Ok(None);
        }
        let page = self.reader.read_events(&self.query).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.query.after = Some(if self.query.aggregate.is_some() { last.version } else { last.position.offset });
        self.left -= page.len().min(self.left);
        self.size = next_size(self.size, &page, self.limit);
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

/// As many events as would have the bytes of a page if they were as large as those of the last one, and no more than
/// twice as many as there: larger ones may follow.
fn next_size(size: usize, page: &[RecordedEvent], limit: PageLimit) -> usize {
    let bytes: usize = page.iter().map(|event| event.event.payload.len()).sum();
    let each = (bytes / page.len().max(1)).max(1);
    (limit.bytes / each).min(size.saturating_mul(2)).min(limit.events).max(1)
}

#[cfg(test)]
mod tests {
    use cantus_model::{AggregateRef, Message, PartitionId, Position, Timestamp};

    use super::*;

    fn page(events: usize, bytes: usize) -> Vec<RecordedEvent> {
        let event = RecordedEvent {
            position: Position { partition: PartitionId::FIRST, offset: 0 },
            aggregate: AggregateRef::new("A", "a"),
            version: 1,
            event: Message { name: "E".into(), version: 1, payload: vec![0; bytes] },
            recorded_at: Timestamp(0),
            command_id: "c".into(),
        };
        vec![event; events]
    }

    #[test]
    fn a_page_follows_the_size_of_its_events() {
        let limit = PageLimit { events: 1_000, bytes: 1 << 20 };
        assert_eq!(next_size(16, &page(16, 10), limit), 32);
        assert_eq!(next_size(800, &page(800, 10), limit), 1_000);
        assert_eq!(next_size(16, &page(16, 1 << 20), limit), 1);
        assert_eq!(next_size(16, &page(1, 5 << 20), limit), 1);
        assert_eq!(next_size(100, &page(100, 100_000), limit), 10);
        assert_eq!(next_size(1, &page(1, 0), limit), 2);
    }
}
