//! Turns decisions into steps of a report.

use std::ops::Range;

use cantus_model::{Digest, Message, RecordedCommand, Timestamp, Verdict};
use similar::DiffTag;

use super::{EventStep, StepMark, TimelineSide, TimelineStep};
use crate::replay::{ReplayOutcome, ReportedDecision, compare, payload_json};

/// A command of the new timeline.
pub(super) struct TimelineCommand<'a> {
    pub(super) id: &'a str,
    pub(super) now: Timestamp,
    /// The stream version on which it was decided.
    pub(super) version: u64,
    pub(super) name: &'a str,
    pub(super) command_version: Option<u32>,
    pub(super) payload: &'a [u8],
    pub(super) component: Digest,
    pub(super) outcome: ReplayOutcome,
}

/// The step of a command that is in the new timeline, and perhaps in the recorded one.
pub(super) fn step(before: Option<&RecordedCommand>, asked: &TimelineCommand<'_>) -> TimelineStep {
    let change = before.and_then(|before| compare(&ReportedDecision::recorded(before), &asked.outcome));
    let mark = match before {
        None => StepMark::Added,
        Some(before) if change.is_none() && asked.is_same_as(&before.record.command) => StepMark::Unchanged,
        Some(_) => StepMark::Changed,
    };
    let recorded = before.map_or(&[][..], |before| &before.events);
    let versions = (before.map_or(0, |before| before.record.base_version), asked.version);
    let mut step = TimelineStep {
        mark,
        command_id: asked.id.to_owned(),
        change,
        before: before.map(side),
        now: Some(asked.side()),
        events: align_events(recorded, asked.events(), versions),
    };
    if let (Some(before), Some(old), Some(new)) = (before.filter(|_| change.is_some()), &mut step.before, &mut step.now)
    {
        let now = ReportedDecision::Rerun(&asked.outcome);
        (old.decision, new.decision) = ReportedDecision::recorded(before).distinguish(&now);
    }
    step
}

/// The step of a command that is only in the recorded timeline.
pub(super) fn removed_step(before: &RecordedCommand) -> TimelineStep {
    TimelineStep {
        mark: StepMark::Removed,
        command_id: before.record.context.command_id.clone(),
        change: None,
        before: Some(side(before)),
        now: None,
        events: align_events(&before.events, &[], (before.record.base_version, 0)),
    }
}

fn side(recorded: &RecordedCommand) -> TimelineSide {
    let record = &recorded.record;
    TimelineSide {
        version: record.base_version,
        now: record.context.now,
        command: record.command.name.clone(),
        command_version: Some(record.command.version),
        payload: payload_json(&record.command.payload),
        decision: ReportedDecision::recorded(recorded).json(),
        component: record.component,
    }
}

impl TimelineCommand<'_> {
    fn side(&self) -> TimelineSide {
        TimelineSide {
            version: self.version,
            now: self.now,
            command: self.name.to_owned(),
            command_version: self.command_version,
            payload: payload_json(self.payload),
            decision: ReportedDecision::Rerun(&self.outcome).json(),
            component: self.component,
        }
    }

    fn is_same_as(&self, command: &Message) -> bool {
        self.name == command.name
            && self.command_version == Some(command.version)
            && self.payload == command.payload.as_slice()
    }

    fn events(&self) -> &[Message] {
        match &self.outcome {
            ReplayOutcome::Decided(Verdict::Accepted(events)) => events,
            _ => &[],
        }
    }
}

/// Aligns the events of both timelines. Events that both have in the same order are matched first, so that one event
/// less leaves the others unchanged. `from` are the versions before the first ones.
fn align_events(before: &[Message], now: &[Message], from: (u64, u64)) -> Vec<EventStep> {
    let key = |event: &'_ Message| (event.name.clone(), event.version, event.payload.clone());
    let [old, new] = [before, now].map(|events| events.iter().map(key).collect::<Vec<_>>());
    let ops = similar::capture_diff_slices(similar::Algorithm::Myers, &old, &new);
    ops.iter().flat_map(|op| pair_events(op.tag(), op.old_range(), op.new_range(), from)).collect()
}

fn pair_events(
    tag: DiffTag,
    old: Range<usize>,
    new: Range<usize>,
    from: (u64, u64),
) -> impl Iterator<Item = EventStep> {
    (0..old.len().max(new.len())).map(move |index| {
        let before = (index < old.len()).then(|| from.0 + (old.start + index) as u64 + 1);
        let now = (index < new.len()).then(|| from.1 + (new.start + index) as u64 + 1);
        let mark = match (before, now) {
            (Some(_), Some(_)) if tag == DiffTag::Equal => StepMark::Unchanged,
            (Some(_), Some(_)) => StepMark::Changed,
            (None, _) => StepMark::Added,
            (_, None) => StepMark::Removed,
        };
        EventStep { mark, before, now }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_less_leaves_the_others_unchanged() {
        let messages = |names: &str| {
            let event = |name: char| Message { name: name.into(), version: 1, payload: Vec::new() };
            names.chars().map(event).collect::<Vec<_>>()
        };
        let marks = |before, now| {
            let fields = |step: &EventStep| (step.mark, step.before, step.now);
            align_events(&messages(before), &messages(now), (4, 2)).iter().map(fields).collect::<Vec<_>>()
        };
        let (unchanged, removed, added) = (StepMark::Unchanged, StepMark::Removed, StepMark::Added);
        assert_eq!(marks("AB", "B"), [(removed, Some(5), None), (unchanged, Some(6), Some(3))]);
        assert_eq!(marks("B", "AB"), [(added, None, Some(3)), (unchanged, Some(5), Some(4))]);
        assert_eq!(marks("AB", "AC"), [(unchanged, Some(5), Some(3)), (StepMark::Changed, Some(6), Some(4))]);
        assert_eq!(marks("AB", ""), [(removed, Some(5), None), (removed, Some(6), None)]);
    }
}
