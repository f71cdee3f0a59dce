//! Runs a bundle: restore, combine, handle, each time in a fresh sandbox.

use std::sync::Arc;

use cantus_model::{
    EventBatch, Fault, HostedAggregate, LiveComponent, Message, Rejection, Verdict, decide,
    ports::{AggregateSandbox, Component, HandleError, HashSeed, InstanceId},
};

use super::bundle::{Bundle, BundleCommand, EventBody};

/// Events that go into one call, as in the host.
const PAGE_EVENTS: usize = 1_024;

/// What a state is folded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartingState {
    /// From the first event on.
    FirstEvent,
    /// From the snapshot on.
    Snapshot,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RerunOutcome {
    /// A fault: perhaps the recorded one.
    Fault(Box<Fault>),
    /// The command was accepted and produced these events.
    Accepted(Vec<Message>),
    /// The command was rejected.
    Rejected(Rejection),
    /// There is no such command, or its payload is not accepted.
    Undecided(String),
    /// The state was brought into memory, and nothing was asked.
    Folded,
}

/// One run of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleRun {
    /// From where.
    pub start: StartingState,
    /// Events that were folded.
    pub events: usize,
    /// What came of it.
    pub outcome: RerunOutcome,
    /// Whether that is the recorded fault.
    pub again: bool,
}

/// Why a bundle cannot be run on a component.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RerunError {
    /// Something is missing.
    #[error("it cannot be run, something is missing: {0}")]
    Incomplete(String),
    /// The component hosts other aggregates.
    #[error("{plugin} hosts no {aggregate}")]
    NotHosted {
        /// Its name and version.
        plugin: String,
        /// As in the bundle.
        aggregate: String,
    },
    /// There are no events to begin with, and a snapshot of another component is of no use.
    #[error("its state begins with a snapshot, which only the component that wrote it can read: {wanted}")]
    ForeignSnapshot {
        /// The digest of that component.
        wanted: String,
    },
}

/// A bundle on a component.
pub struct BundleRerun<'a> {
    pub(super) bundle: &'a Bundle,
    component: Arc<dyn Component>,
    hosted: HostedAggregate,
    events_per_command: usize,
}

impl<'a> BundleRerun<'a> {
    /// Prepares to run `bundle` on `component`, the one that faulted or another. A command that returns more than
    /// `events_per_command` events faults.
    ///
    /// # Errors
    /// See [`RerunError`].
    pub fn new(
        bundle: &'a Bundle,
        component: Arc<dyn Component>,
        events_per_command: usize,
    ) -> Result<Self, RerunError> {
        if let Some(why) = &bundle.incomplete {
            return Err(RerunError::Incomplete(why.clone()));
        }
        let manifest = component.manifest();
        let name = &bundle.aggregate.aggregate_type;
        let aggregate_type = manifest.aggregate(name).ok_or_else(|| RerunError::NotHosted {
            plugin: format!("{} {}", manifest.name, manifest.version),
            aggregate: name.clone(),
        })?;
        let hosted = HostedAggregate::new(&LiveComponent::new(Arc::clone(&component)), aggregate_type);
        let rerun = Self { bundle, component, hosted, events_per_command };
        match rerun.starts().is_empty() {
            true => Err(RerunError::ForeignSnapshot { wanted: bundle.component.to_string() }),
            false => Ok(rerun),
        }
    }

    /// Runs it in every way that the bundle allows: from its first event, and from its snapshot. They should agree; where
    /// they do not, the component loses something between `snapshot` and `restore`.
    pub fn runs(&self) -> Vec<BundleRun> {
        let run = |start| {
            let events = self.events(start);
            let outcome = self.run(start, &events.iter().collect());
            BundleRun { start, events: events.len(), again: self.is_again(&outcome), outcome }
        };
        self.starts().into_iter().map(run).collect()
    }

    fn starts(&self) -> Vec<StartingState> {
        // Its snapshots are nobody else's.
        let restores = self.bundle.snapshot.is_some() && self.component.digest() == self.bundle.component;
        let first = (self.bundle.after == 0).then_some(StartingState::FirstEvent);
        first.into_iter().chain(restores.then_some(StartingState::Snapshot)).collect()
    }

    /// The events to fold.
    pub(super) fn events(&self, start: StartingState) -> &'a [EventBody] {
        let Bundle { snapshot, after, events, .. } = self.bundle;
        let in_snapshot = match (start, snapshot) {
            (StartingState::Snapshot, Some(snapshot)) => snapshot.version.saturating_sub(*after),
            _ => 0,
        };
        let in_snapshot = usize::try_from(in_snapshot).unwrap_or(usize::MAX);
        &events[in_snapshot.min(events.len())..]
    }

    /// Runs it with these events.
    pub(super) fn run(&self, start: StartingState, events: &EventBatch) -> RerunOutcome {
        let outcome = match self.attempt(start, events, PAGE_EVENTS) {
            // The limits are those of one call. Each event stayed below them when it happened.
            Err(fault) if is_too_much(&fault) && events.len() > 1 => self.attempt(start, events, 1),
            outcome => outcome,
        };
        outcome.unwrap_or_else(RerunOutcome::Fault)
    }

    fn attempt(&self, start: StartingState, events: &EventBatch, page: usize) -> Result<RerunOutcome, Box<Fault>> {
        let aggregate = &self.bundle.aggregate;
        let snapshot = self.bundle.snapshot.as_ref().filter(|_| start == StartingState::Snapshot);
        let mut sandbox = self.component.open_aggregates(HashSeed::default())?;
        let state = snapshot.map(|snapshot| snapshot.state.as_slice());
        let instance = sandbox.restore(&aggregate.aggregate_type, &aggregate.id, state)?;
        for events in events.chunks(page) {
            sandbox.combine(instance, &events)?;
        }
        if self.bundle.fault.call == "snapshot" {
            sandbox.snapshot(instance)?;
        }
        match &self.bundle.command {
            Some(command) => self.decide(&mut *sandbox, instance, command),
            None => Ok(RerunOutcome::Folded),
        }
    }

    fn decide(
        &self,
        sandbox: &mut dyn AggregateSandbox,
        instance: InstanceId,
        command: &BundleCommand,
    ) -> Result<RerunOutcome, Box<Fault>> {
        let message = command.message();
        if self.hosted.aggregate_type.command(&message.name, Some(message.version)).is_none() {
            return Ok(RerunOutcome::Undecided(format!("there is no command {} v{}", message.name, message.version)));
        }
        let limit = self.events_per_command;
        Ok(match decide(sandbox, instance, &self.hosted, &message, &command.context, limit) {
            Err(HandleError::Malformed(why)) => RerunOutcome::Undecided(why),
            Err(HandleError::Fault(fault)) => return Err(fault),
            Ok(Verdict::Rejected(rejection)) => RerunOutcome::Rejected(rejection),
            Ok(Verdict::Accepted(events)) => {
                if !events.is_empty() {
                    sandbox.combine(instance, &events.iter().collect())?;
                }
                RerunOutcome::Accepted(events)
            }
        })
    }

    /// Whether it is the recorded fault: the same kind in the same call with the same words. Numbers in them may differ;
    /// but where the component is the same, so is the line that panicked.
    pub(super) fn is_again(&self, outcome: &RerunOutcome) -> bool {
        let (recorded, RerunOutcome::Fault(fault)) = (&self.bundle.fault, outcome) else { return false };
        let same_lines = self.component.digest() == self.bundle.component;
        fault.kind == recorded.kind
            && fault.call == recorded.call
            && words(&fault.message) == words(&recorded.message)
            && (!same_lines || place(&fault.message) == place(&recorded.message))
    }
}

fn is_too_much(fault: &Fault) -> bool {
    fault.call == "combine" && fault.kind.is_call_limit()
}

/// The words of a message. Those with a digit, such as counts and addresses, are all one.
pub fn words(message: &str) -> Vec<&str> {
    let words = message.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| if word.contains(|char: char| char.is_ascii_digit()) { "#" } else { word }).collect()
}

/// The source file and line of a panic of Rust.
fn place(message: &str) -> Option<&str> {
    message.strip_prefix("panicked at ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_alike_but_for_their_numbers() {
        let alike = |one, two| words(one) == words(two);
        assert!(alike("the len is 3 but the index is 7", "the len is 10 but the index is 12"));
        assert!(alike("order o-17 at 0x1f3a", "order o-9 at 0xbeef0"));
        assert!(!alike("the len is 3", "the length is 3"));
    }

    #[test]
    fn a_panic_says_where() {
        assert_eq!(place("panicked at src/lib.rs:3:9: no"), Some("src/lib.rs:3:9:"));
        assert_eq!(place("out of fuel after 9 units: does it loop?"), None);
    }
}
