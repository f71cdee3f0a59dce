//! One way of replaying a block of streams: by the components that are recorded, or by a candidate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cantus_model::{AggregateRef, Digest, EventBatch, Fault, RecordedCommand};

use super::{ComponentRunner, EventBuffer, ReplayOutcome, RunMode, components::Components};

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VariantRole {
    /// Whoever decided then.
    Recorded,
    /// This component, always.
    Candidate(Digest),
}

/// Sandboxes that an variant keeps from one stream to the next.
const RUNNERS: usize = 4;

/// The stream that is being run, for components that join it late.
#[derive(Default)]
pub(super) struct StreamPrefix {
    pub(super) aggregate: Option<AggregateRef>,
    pub(super) kept: EventBuffer,
}

/// Decides and folds, in one mode.
pub(super) struct ReplayVariant {
    role: VariantRole,
    mode: RunMode,
    components: Arc<Components>,
    events_per_command: usize,
    runners: BTreeMap<Digest, ComponentRunner>,
    /// Those that take part in the stream.
    taking_part: BTreeSet<Digest>,
    /// The last that decided.
    last: Option<Digest>,
}

impl ReplayVariant {
    pub(super) fn new(
        role: VariantRole,
        mode: RunMode,
        components: Arc<Components>,
        events_per_command: usize,
    ) -> Self {
        let (runners, taking_part) = (BTreeMap::new(), BTreeSet::new());
        Self { role, mode, components, events_per_command, runners, taking_part, last: None }
    }

    /// Begins a stream.
    pub(super) fn begin(&mut self) {
        self.taking_part.clear();
        self.last = None;
        if self.runners.len() > RUNNERS {
            self.runners.clear();
        }
    }

    /// Decides a command, on the events that the stream has so far; and says how much fuel the decision alone took, if
    /// there was who could decide.
    pub(super) fn decide(&mut self, command: &RecordedCommand, track: &StreamPrefix) -> (ReplayOutcome, Option<u64>) {
        let digest = self.digest_for(command);
        self.last = Some(digest);
        let runner = match self.taking_part(digest, track) {
            Ok(runner) => runner,
            Err(outcome) => return (outcome, self.runners.contains_key(&digest).then_some(0)),
        };
        runner.hydrate();
        let before = runner.fuel_used();
        let outcome = runner.decide(&command.record.command, &command.record.context);
        (outcome, Some(runner.fuel_used() - before))
    }

    /// Lets whoever decides this command fold the stream from here on: soon it is too long to join.
    pub(super) fn join(&mut self, command: &RecordedCommand, track: &StreamPrefix) {
        let _ = self.taking_part(self.digest_for(command), track);
    }

    fn digest_for(&self, command: &RecordedCommand) -> Digest {
        match self.role {
            VariantRole::Recorded => command.record.component,
            VariantRole::Candidate(digest) => digest,
        }
    }

    /// Folds the events that a command has produced; and gives the fault if the one who decided it cannot. The rest of
    /// the stream is unreached then.
    pub(super) fn fold(&mut self, events: &Arc<EventBatch>) -> Option<Box<Fault>> {
        let mut fault = None;
        for digest in &self.taking_part {
            let folded = self.runners.get_mut(digest).map(|runner| runner.fold(Arc::clone(events)));
            if let Some(Err(why)) = folded
                && self.last == Some(*digest)
            {
                fault = Some(why);
            }
        }
        fault
    }

    /// The state that the stream has come to, by the component that decided last. A fault is no state.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        let mut state = None;
        for digest in std::mem::take(&mut self.taking_part) {
            let ended = self.runners.get_mut(&digest).and_then(|runner| runner.end().ok().flatten());
            if Some(digest) == self.last {
                state = ended;
            }
        }
        state
    }

    /// The runner of a component, brought to where the stream is.
    fn taking_part(&mut self, digest: Digest, track: &StreamPrefix) -> Result<&mut ComponentRunner, ReplayOutcome> {
        if !self.runners.contains_key(&digest) {
            let component = self.components.get(digest).ok_or(ReplayOutcome::Unreached)?;
            self.runners.insert(digest, ComponentRunner::new(component, self.mode, self.events_per_command));
        }
        let runner = self.runners.get_mut(&digest).ok_or(ReplayOutcome::Unreached)?;
        if self.taking_part.contains(&digest) {
            return Ok(runner);
        }
        let (Some(aggregate), Some(kept)) = (&track.aggregate, track.kept.all()) else {
            return Err(ReplayOutcome::Unreached);
        };
        self.taking_part.insert(digest);
        runner.begin(aggregate.clone());
        match kept.iter().try_for_each(|events| runner.fold(Arc::clone(events))) {
            Ok(()) => Ok(runner),
            Err(fault) => Err(ReplayOutcome::Fault(fault)),
        }
    }
}
