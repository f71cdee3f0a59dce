//! The events of one stream, retained to fold it again from its beginning.

use std::sync::Arc;

use cantus_model::EventBatch;

/// Bytes of events that are retained of one stream. A longer stream cannot be folded again.
const RETAINED_BYTES: usize = 64 << 20;

/// All events of a stream so far, or none once they exceed the limit.
#[derive(Default)]
pub(crate) struct EventBuffer {
    batches: Vec<Arc<EventBatch>>,
    bytes: usize,
}

impl EventBuffer {
    pub(crate) fn push(&mut self, events: Arc<EventBatch>) {
        self.bytes += events.bytes();
        match self.has_room_for(0) {
            true => self.batches.push(events),
            false => self.batches = Vec::new(),
        }
    }

    /// Reports whether `bytes` more bytes fit.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes + bytes <= RETAINED_BYTES
    }

    /// Returns all events; `None` if they exceeded the limit.
    pub(crate) fn all(&self) -> Option<&[Arc<EventBatch>]> {
        self.has_room_for(0).then_some(&self.batches)
    }
}

#[cfg(test)]
mod tests {
    use cantus_model::Message;

    use super::*;

    #[test]
    fn a_stream_beyond_the_limit_is_not_retained_at_all() {
        let half = Message { name: "E".into(), version: 1, payload: vec![0; RETAINED_BYTES / 2] };
        let half: Arc<EventBatch> = Arc::new([half].iter().collect());
        let mut buffer = EventBuffer::default();
        buffer.push(Arc::clone(&half));
        assert_eq!(buffer.all().map(<[_]>::len), Some(1));
        assert!(!buffer.has_room_for(half.bytes()));
        buffer.push(half);
        assert!(buffer.all().is_none());
    }
}
