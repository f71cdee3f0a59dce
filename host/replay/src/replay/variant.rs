//! One variant of a replay: a role (the recorded components, or a candidate) and a mode.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cantus_model::{AggregateRef, Digest, EventBatch, Fault, RecordedCommand};

use super::{ComponentRunner, EventBuffer, ReplayOutcome, RunMode, components::Components};

/// The component that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VariantRole {
    /// The component that decided then.
    Recorded,
    /// Always this component.
    Candidate(Digest),
}

/// Runners that a variant retains from one stream to the next.
const MAX_IDLE_RUNNERS: usize = 4;

/// The events of the current stream so far, for components that join late.
#[derive(Default)]
pub(super) struct StreamPrefix {
    pub(super) aggregate: Option<AggregateRef>,
    pub(super) retained: EventBuffer,
}

/// Runs streams in one mode.
pub(super) struct ReplayVariant {
    role: VariantRole,
    mode: RunMode,
    components: Arc<Components>,
    events_per_command: usize,
    runners: BTreeMap<Digest, ComponentRunner>,
    /// The components that take part in the stream.
    participants: BTreeSet<Digest>,
    /// The component that decided last.
    last: Option<Digest>,
}

impl ReplayVariant {
    pub(super) fn new(
        role: VariantRole,
        mode: RunMode,
        components: Arc<Components>,
        events_per_command: usize,
    ) -> Self {
        let (runners, participants) = (BTreeMap::new(), BTreeSet::new());
        Self { role, mode, components, events_per_command, runners, participants, last: None }
    }

    /// Begins a stream.
    pub(super) fn begin(&mut self) {
        self.participants.clear();
        self.last = None;
        if self.runners.len() > MAX_IDLE_RUNNERS {
            self.runners.clear();
        }
    }

    /// Decides a command on the events of the stream so far. Returns also the fuel that the decision alone used, if a
    /// component could decide.
    pub(super) fn decide(&mut self, command: &RecordedCommand, prefix: &StreamPrefix) -> (ReplayOutcome, Option<u64>) {
        let digest = self.digest_for(command);
        self.last = Some(digest);
        let runner = match self.participant(digest, prefix) {
            Ok(runner) => runner,
            Err(outcome) => return (outcome, self.runners.contains_key(&digest).then_some(0)),
        };
        runner.hydrate();
        let before = runner.fuel_used();
        let outcome = runner.decide(&command.record.command, &command.record.context);
        (outcome, Some(runner.fuel_used() - before))
    }

    /// Lets the component that decides this command fold the stream from here on: soon it is too long to join.
    pub(super) fn join(&mut self, command: &RecordedCommand, prefix: &StreamPrefix) {
        let _ = self.participant(self.digest_for(command), prefix);
    }

    fn digest_for(&self, command: &RecordedCommand) -> Digest {
        match self.role {
            VariantRole::Recorded => command.record.component,
            VariantRole::Candidate(digest) => digest,
        }
    }

    /// Folds the events of a command. Returns the fault if the component that decided it cannot fold them; then the
    /// rest of the stream is unreached.
    pub(super) fn fold(&mut self, events: &Arc<EventBatch>) -> Option<Box<Fault>> {
        let mut fault = None;
        for digest in &self.participants {
            let folded = self.runners.get_mut(digest).map(|runner| runner.fold(Arc::clone(events)));
            if let Some(Err(error)) = folded
                && self.last == Some(*digest)
            {
                fault = Some(error);
            }
        }
        fault
    }

    /// Ends the stream. Returns its state as the component that decided last folded it, or `None` after a fault.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        let mut state = None;
        for digest in std::mem::take(&mut self.participants) {
            let last_state = self.runners.get_mut(&digest).and_then(|runner| runner.end().ok().flatten());
            if Some(digest) == self.last {
                state = last_state;
            }
        }
        state
    }

    /// Returns the runner of a component, hydrated up to the current end of the stream.
    fn participant(&mut self, digest: Digest, prefix: &StreamPrefix) -> Result<&mut ComponentRunner, ReplayOutcome> {
        if !self.runners.contains_key(&digest) {
            let component = self.components.get(digest).ok_or(ReplayOutcome::Unreached)?;
            self.runners.insert(digest, ComponentRunner::new(component, self.mode, self.events_per_command));
        }
        let runner = self.runners.get_mut(&digest).ok_or(ReplayOutcome::Unreached)?;
        if self.participants.contains(&digest) {
            return Ok(runner);
        }
        let (Some(aggregate), Some(retained)) = (&prefix.aggregate, prefix.retained.all()) else {
            return Err(ReplayOutcome::Unreached);
        };
        self.participants.insert(digest);
        runner.begin(aggregate.clone());
        match retained.iter().try_for_each(|events| runner.fold(Arc::clone(events))) {
            Ok(()) => Ok(runner),
            Err(fault) => Err(ReplayOutcome::Fault(fault)),
        }
    }
}
