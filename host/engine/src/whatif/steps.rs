//! From decisions to steps.

use cantus_model::{Digest, Message, RecordedCommand, Timestamp, Verdict};

use super::{Mark, Side, Step};
use crate::replay::{Decision, Redecided, compare, payload_json};

/// A command of the new timeline.
pub(super) struct Asked<'a> {
    pub(super) id: &'a str,
    pub(super) now: Timestamp,
    /// The stream version that it was decided on.
    pub(super) version: u64,
    pub(super) name: &'a str,
    pub(super) command_version: Option<u32>,
    pub(super) payload: &'a [u8],
    pub(super) component: Digest,
    pub(super) redecided: Redecided,
}

/// A command that is in the new timeline, and perhaps in the recorded one.
pub(super) fn step(before: Option<&RecordedCommand>, asked: &Asked<'_>) -> Step {
    let change = before.and_then(|before| compare(&Decision::recorded(before), &asked.redecided));
    let mark = match before {
        None => Mark::Added,
        Some(before) if change.is_none() && asked.is(&before.record.command) => Mark::Unchanged,
        Some(_) => Mark::Changed,
    };
    let recorded = before.map_or(&[][..], |before| &before.events);
    Step {
        mark,
        command_id: asked.id.to_owned(),
        change,
        before: before.map(side),
        now: Some(asked.side()),
        events: marks(recorded, asked.events()),
    }
}

/// A command that is in the recorded timeline alone.
pub(super) fn removed(before: &RecordedCommand) -> Step {
    Step {
        mark: Mark::Removed,
        command_id: before.record.context.command_id.clone(),
        change: None,
        before: Some(side(before)),
        now: None,
        events: marks(&before.events, &[]),
    }
}

fn side(recorded: &RecordedCommand) -> Side {
    let record = &recorded.record;
    Side {
        version: record.base_version,
        now: record.context.now,
        command: record.command.name.clone(),
        command_version: Some(record.command.version),
        payload: payload_json(&record.command.payload),
        decision: Decision::recorded(recorded).json(),
        component: record.component,
    }
}

impl Asked<'_> {
    fn side(&self) -> Side {
        Side {
            version: self.version,
            now: self.now,
            command: self.name.to_owned(),
            command_version: self.command_version,
            payload: payload_json(self.payload),
            decision: Decision::Redecided(&self.redecided).json(),
            component: self.component,
        }
    }

    fn is(&self, command: &Message) -> bool {
        self.name == command.name
            && self.command_version == Some(command.version)
            && self.payload == command.payload.as_slice()
    }

    fn events(&self) -> &[Message] {
        match &self.redecided {
            Redecided::Decided(Verdict::Accepted(events)) => events,
            _ => &[],
        }
    }
}

fn marks(before: &[Message], now: &[Message]) -> Vec<Mark> {
    let mark = |place: usize| match (before.get(place), now.get(place)) {
        (Some(before), Some(now)) if before == now => Mark::Unchanged,
        (Some(_), Some(_)) => Mark::Changed,
        (None, _) => Mark::Added,
        (_, None) => Mark::Removed,
    };
    (0..before.len().max(now.len())).map(mark).collect()
}
