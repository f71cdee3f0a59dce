//! The events of one stream, kept for those who must fold it from its beginning.

use std::sync::Arc;

use cantus_model::EventBatch;

/// Bytes of events that are kept of one stream. What must be folded anew beyond them is not reached.
const KEPT_BYTES: usize = 64 << 20;

/// All events of a stream so far, or none once they are too many.
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

    /// Whether so many bytes more are kept.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.bytes + bytes <= KEPT_BYTES
    }

    /// All of them; `None` if they were too many.
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
