//! One way of replaying a block of streams: by the components that are recorded, or by a candidate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cantus_model::{AggregateRef, Digest, EventBatch, Fault, RecordedCommand};

use super::{Kept, Redecided, Runner, Way, components::Components};

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Whoever decided then.
    Recorded,
    /// This component, always.
    Candidate(Digest),
}

/// Sandboxes that an actor keeps from one stream to the next.
const RUNNERS: usize = 4;

/// The stream that is being run, for components that join it late.
#[derive(Default)]
pub(super) struct Track {
    pub(super) aggregate: Option<AggregateRef>,
    pub(super) kept: Kept,
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
        if self.runners.len() > RUNNERS {
            self.runners.clear();
        }
    }

    /// Decides a command, on the events that the stream has so far; and says how much fuel the decision alone took, if
    /// there was who could decide.
    pub(super) fn decide(&mut self, command: &RecordedCommand, track: &Track) -> (Redecided, Option<u64>) {
        let digest = self.digest_for(command);
        self.last = Some(digest);
        let runner = match self.on_stage(digest, track) {
            Ok(runner) => runner,
            Err(redecided) => return (redecided, self.runners.contains_key(&digest).then_some(0)),
        };
        runner.hydrate();
        let before = runner.fuel_used();
        let redecided = runner.decide(&command.record.command, &command.record.context);
        (redecided, Some(runner.fuel_used() - before))
    }

    /// Lets whoever decides this command fold the stream from here on: soon it is too long to join.
    pub(super) fn join(&mut self, command: &RecordedCommand, track: &Track) {
        let _ = self.on_stage(self.digest_for(command), track);
    }

    fn digest_for(&self, command: &RecordedCommand) -> Digest {
        match self.role {
            Role::Recorded => command.record.component,
            Role::Candidate(digest) => digest,
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

    /// The runner of a component, brought to where the stream is.
    fn on_stage(&mut self, digest: Digest, track: &Track) -> Result<&mut Runner, Redecided> {
        if !self.runners.contains_key(&digest) {
            let component = self.components.get(digest).ok_or(Redecided::Unreached)?;
            self.runners.insert(digest, Runner::new(component, self.way, self.events_per_command));
        }
        let runner = self.runners.get_mut(&digest).ok_or(Redecided::Unreached)?;
        if self.on_stage.contains(&digest) {
            return Ok(runner);
        }
        let (Some(aggregate), Some(kept)) = (&track.aggregate, track.kept.all()) else {
            return Err(Redecided::Unreached);
        };
        self.on_stage.insert(digest);
        runner.begin(aggregate.clone());
        match kept.iter().try_for_each(|events| runner.fold(Arc::clone(events))) {
            Ok(()) => Ok(runner),
            Err(fault) => Err(Redecided::Fault(fault)),
        }
    }
}
