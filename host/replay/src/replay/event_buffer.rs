//! The events of one stream, retained to fold it again from its beginning.

use std::sync::Arc;

use cantus_model::EventBatch;

/// Bytes of events that are retained of one stream. A longer stream cannot be folded again.
const KEPT_BYTES: usize = 64 << 20;

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
        self.bytes + bytes <= KEPT_BYTES
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
    fn all_or_nothing_is_kept() {
        let half = Message { name: "E".into(), version: 1, payload: vec![0; KEPT_BYTES / 2] };
        let half: Arc<EventBatch> = Arc::new([half].iter().collect());
        let mut kept = EventBuffer::default();
        kept.push(Arc::clone(&half));
        assert_eq!(kept.all().map(<[_]>::len), Some(1));
        assert!(!kept.has_room_for(half.bytes()));
        kept.push(half);
        assert!(kept.all().is_none());
    }
}
