//! One way of replaying a block of streams: by the components that are recorded, or by a candidate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cantus_model::{AggregateRef, Digest, EventBatch, Fault, RecordedCommand};

use super::{Redecided, Runner, Way, components::Components, runner::KEPT_BYTES};

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Whoever decided then.
    Recorded,
    /// This component, always.
    Candidate(Digest),
}

/// The stream that is being run, for components that join it late.
#[derive(Default)]
pub(super) struct Track {
    aggregate: Option<AggregateRef>,
    folded: Vec<Arc<EventBatch>>,
    bytes: usize,
}

impl Track {
    pub(super) fn begin(&mut self, aggregate: AggregateRef) {
        *self = Self { aggregate: Some(aggregate), ..Self::default() };
    }

    pub(super) fn push(&mut self, events: Arc<EventBatch>) {
        self.bytes += events.bytes();
        match self.is_too_long() {
            true => self.folded.clear(),
            false => self.folded.push(events),
        }
    }

    fn is_too_long(&self) -> bool {
        self.bytes > KEPT_BYTES
    }
}

/// Decides and folds, in one way.
pub(super) struct Actor {
    role: Role,
    way: Way,
    components: Arc<Components>,
    events_per_command: usize,
    runners: BTreeMap<Digest, Runner>,
    /// Those that take part in the stream.
    on_stage: BTreeSet<Digest>,
    /// The last that decided.
    last: Option<Digest>,
}

impl Actor {
    pub(super) fn new(role: Role, way: Way, components: Arc<Components>, events_per_command: usize) -> Self {
        let (runners, on_stage) = (BTreeMap::new(), BTreeSet::new());
        Self { role, way, components, events_per_command, runners, on_stage, last: None }
    }

    /// Begins a stream.
    pub(super) fn begin(&mut self) {
        self.on_stage.clear();
        self.last = None;
    }

    /// Decides a command, on the events that the stream has so far; and says how much fuel the decision alone took.
    pub(super) fn metered(&mut self, command: &RecordedCommand, track: &Track) -> (Redecided, u64) {
        if let Ok(runner) = self.on_stage(self.digest_for(command), track) {
            runner.hydrate();
        }
        let before = self.fuel_used();
        let redecided = self.decide(command, track);
        (redecided, self.fuel_used() - before)
    }

    fn digest_for(&self, command: &RecordedCommand) -> Digest {
        match self.role {
            Role::Recorded => command.record.component,
            Role::Candidate(digest) => digest,
        }
    }

    /// Decides a command, on the events that the stream has so far.
    pub(super) fn decide(&mut self, command: &RecordedCommand, track: &Track) -> Redecided {
        let digest = self.digest_for(command);
        self.last = Some(digest);
        match self.on_stage(digest, track) {
            Ok(runner) => runner.decide(&command.record.command, &command.record.context),
            Err(redecided) => redecided,
        }
    }

    /// Folds the events that a command has produced; and gives the fault if the one who decided it cannot. The rest of
    /// the stream is unreached then.
    pub(super) fn fold(&mut self, events: &Arc<EventBatch>) -> Option<Box<Fault>> {
        let mut fault = None;
        for digest in &self.on_stage {
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
        for digest in std::mem::take(&mut self.on_stage) {
            let ended = self.runners.get_mut(&digest).and_then(|runner| runner.end().ok().flatten());
            if Some(digest) == self.last {
                state = ended;
            }
        }
        state
    }

    /// Fuel that all calls have used so far.
    fn fuel_used(&self) -> u64 {
        self.runners.values().map(Runner::fuel_used).sum()
    }

    /// The runner of a component, brought to where the stream is.
    fn on_stage(&mut self, digest: Digest, track: &Track) -> Result<&mut Runner, Redecided> {
        if !self.runners.contains_key(&digest) {
            let component = self.components.get(digest).ok_or(Redecided::Unreached)?;
            self.runners.insert(digest, Runner::new(component, self.way, self.events_per_command));
        }
        let runner = self.runners.get_mut(&digest).ok_or(Redecided::Unreached)?;
        if self.on_stage.insert(digest) {
            let aggregate = track.aggregate.clone().ok_or(Redecided::Unreached)?;
            runner.begin(aggregate);
            if track.is_too_long() {
                return Err(Redecided::Unreached);
            }
            for events in &track.folded {
                if runner.fold(Arc::clone(events)).is_err() {
                    break;
                }
            }
        }
        Ok(runner)
    }
}
