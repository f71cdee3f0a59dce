//! What is expected of the next command, from those before it. Writer and reader follow the same course, so that only the
//! distance from it is stored.

use cantus_model::CommandRecord;

/// When and where something was recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    pub(super) time: u64,
    pub(super) offset: u64,
}

/// The course of a block.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Of the first command of the latest stream: streams come in the order in which they began.
    began: Moment,
    is_first: bool,
    /// When the next command is expected, and where its first event.
    pub(super) next: Moment,
    /// The version that the next command is decided on.
    pub(super) version: u64,
}

impl Course {
    /// A stream begins, or goes on, at `version`.
    pub(super) fn start(&mut self, version: u64) {
        (self.next, self.version, self.is_first) = (self.began, version, true);
    }

    /// A command of the stream.
    pub(super) fn follow(&mut self, record: &CommandRecord) {
        let here = Moment { time: record.context.now.0, offset: record.first_offset.unwrap_or(self.next.offset) };
        if std::mem::take(&mut self.is_first) {
            self.began = here;
        }
        self.version = record.version();
        let events = self.version.wrapping_sub(record.base_version);
        self.next = Moment { time: here.time, offset: here.offset.wrapping_add(events) };
    }
}
