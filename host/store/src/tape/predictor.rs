//! Predicts the next command of a block from the commands before it. Writer and reader predict the same, so that only the difference
//! is stored.

use cantus_model::CommandRecord;

/// The time and the offset of a command.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimeAndOffset {
    pub(super) time: u64,
    pub(super) offset: u64,
}

/// The predictor of a block.
#[derive(Debug, Default)]
pub(super) struct Predictor {
    /// The first command of the latest stream: streams come in the order in which they began.
    stream_begin: TimeAndOffset,
    is_first: bool,
    /// The predicted time of the next command, and the predicted offset of its first event.
    pub(super) next: TimeAndOffset,
    /// The version that the next command is decided on.
    pub(super) version: u64,
}

impl Predictor {
    /// Begins a stream, or continues one, at `version`.
    pub(super) fn start_stream(&mut self, version: u64) {
        (self.next, self.version, self.is_first) = (self.stream_begin, version, true);
    }

    /// Observes a command of the stream.
    pub(super) fn observe(&mut self, record: &CommandRecord) {
        let observed =
            TimeAndOffset { time: record.context.now.0, offset: record.first_offset.unwrap_or(self.next.offset) };
        if std::mem::take(&mut self.is_first) {
            self.stream_begin = observed;
        }
        self.version = record.version();
        let events = self.version.wrapping_sub(record.base_version);
        self.next = TimeAndOffset { time: observed.time, offset: observed.offset.wrapping_add(events) };
    }
}
