//! Consecutive events of one stream in a flat form.

use crate::{Message, MessageKind};

/// One event in an [`EventBatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// Index into the batch's kinds.
    pub kind: u32,
    /// Bytes of its payload.
    pub size: u32,
}

/// Limits how much of a stream one reading returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// At most this many events.
    pub events: usize,
    /// Bytes of payloads after which no more events are read; a larger event is returned alone.
    pub bytes: usize,
}

impl PageLimit {
    /// Limits the count of events, not their size.
    pub const fn events(events: usize) -> Self {
        Self { events, bytes: usize::MAX }
    }

    /// Reports whether a page of `events` events with `bytes` bytes of payloads takes one more.
    pub(crate) fn takes_more(self, events: usize, bytes: usize) -> bool {
        events < self.events && (events == 0 || bytes < self.bytes)
    }

    /// Reports whether `page` takes one more event.
    pub fn has_room(self, page: &EventBatch) -> bool {
        self.takes_more(page.len(), page.payloads().len())
    }
}

/// Consecutive events of one stream, oldest first, with their payloads in one buffer: it crosses the store and the
/// guest boundary without an allocation per event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventBatch {
    kinds: Vec<MessageKind>,
    events: Vec<EventRef>,
    payloads: Vec<u8>,
}

impl EventBatch {
    /// Adds one event. Its kind is found by a scan from the newest, because a stream has few kinds.
    ///
    /// # Panics
    /// If the batch's kinds or one payload reach 2^32.
    pub fn push(&mut self, name: &str, version: u32, payload: &[u8]) {
        let kind = match self.kinds.iter().rposition(|kind| kind.version == version && kind.name == name) {
            Some(index) => index,
            None => {
                self.kinds.push(MessageKind { name: name.to_owned(), version });
                self.kinds.len() - 1
            }
        };
        assert!(payload.len() <= u32::MAX as usize, "an event's payload is under 4 GiB");
        self.events.push(EventRef { kind: kind as u32, size: payload.len() as u32 });
        self.payloads.extend_from_slice(payload);
    }

    /// Adds the events of another batch.
    pub fn append(&mut self, other: &Self) {
        for (kind, payload) in other.iter() {
            self.push(&kind.name, kind.version, payload);
        }
    }

    /// Count of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Reports whether the batch has no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The kinds that occur, in the order of their first event.
    pub fn kinds(&self) -> &[MessageKind] {
        &self.kinds
    }

    /// The events in order.
    pub fn events(&self) -> &[EventRef] {
        &self.events
    }

    /// All payloads, one after another.
    pub fn payloads(&self) -> &[u8] {
        &self.payloads
    }

    /// Approximate bytes of memory that the batch takes.
    pub fn bytes(&self) -> usize {
        let kinds: usize = self.kinds.iter().map(|kind| size_of::<MessageKind>() + kind.name.len()).sum();
        size_of::<Self>() + kinds + self.events.len() * size_of::<EventRef>() + self.payloads.len()
    }

    /// Iterates over the events: kind and payload of each.
    pub fn iter(&self) -> impl Iterator<Item = (&MessageKind, &[u8])> {
        let mut rest = self.payloads.as_slice();
        self.events.iter().map(move |event| {
            let (payload, tail) = rest.split_at(event.size as usize);
            rest = tail;
            (&self.kinds[event.kind as usize], payload)
        })
    }

    /// Divides the events into batches of at most `size`, which must not be 0.
    pub fn chunks(&self, size: usize) -> impl Iterator<Item = Self> {
        let mut events = self.iter().peekable();
        std::iter::from_fn(move || {
            events.peek()?;
            let mut chunk = Self::default();
            for (kind, payload) in events.by_ref().take(size) {
                chunk.push(&kind.name, kind.version, payload);
            }
            Some(chunk)
        })
    }
}

impl<'a> FromIterator<&'a Message> for EventBatch {
    fn from_iter<T: IntoIterator<Item = &'a Message>>(messages: T) -> Self {
        let mut batch = Self::default();
        for message in messages {
            batch.push(&message.name, message.version, &message.payload);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_returns_its_events_unchanged() {
        let messages = [("A", 1, "x"), ("B", 1, ""), ("A", 2, "yz"), ("A", 1, "w")]
            .map(|(name, version, payload)| Message { name: name.into(), version, payload: payload.into() });
        let batch: EventBatch = messages.iter().collect();
        assert_eq!(batch.kinds().len(), 3);
        let returned: Vec<Message> = batch
            .iter()
            .map(|(kind, payload)| Message { name: kind.name.clone(), version: kind.version, payload: payload.into() })
            .collect();
        assert_eq!(returned, messages);
        let chunks: Vec<_> = batch.chunks(3).map(|chunk| chunk.len()).collect();
        assert_eq!(chunks, [3, 1]);
    }
}
