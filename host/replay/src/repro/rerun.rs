//! Runs a bundle: `restore`, `combine`, `handle`, each time in a fresh sandbox.

use std::sync::Arc;

use cantus_model::{
    EventBatch, Fault, HostedAggregate, LiveComponent, Message, Rejection, Verdict, decide,
    ports::{AggregateSandbox, Component, HandleError, HashSeed, InstanceId},
};

use super::bundle::{Bundle, BundleCommand, EventBody};

/// Events of one call, as in the host.
const PAGE_EVENTS: usize = 1_024;

/// The starting point from which a state is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartingState {
    /// The initial state, before the first event.
    FirstEvent,
    /// The snapshot.
    Snapshot,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RerunOutcome {
    /// The guest faulted: perhaps with the recorded fault.
    Fault(Box<Fault>),
    /// The command was accepted and produced these events.
    Accepted(Vec<Message>),
    /// The command was rejected.
    Rejected(Rejection),
    /// The component has no such command, or does not accept its payload.
    Undecided(String),
    /// The state was folded, and the bundle has no command.
    Folded,
}

/// One run of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleRun {
    /// The starting point.
    pub start: StartingState,
    /// Count of events that were folded.
    pub events: usize,
    /// Its outcome.
    pub outcome: RerunOutcome,
    /// The outcome is the recorded fault.
    pub reproduced: bool,
}

/// The reason why a bundle cannot be run on a component.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RerunError {
    /// The bundle is incomplete.
    #[error("the bundle is incomplete and cannot be run: {0}")]
    Incomplete(String),
    /// The component does not host the aggregate type.
    #[error("{plugin} hosts no {aggregate}")]
    NotHosted {
        /// The plugin's name and version.
        plugin: String,
        /// The aggregate type in the bundle.
        aggregate: String,
    },
    /// The first events are not in the bundle, and its snapshot is of another component.
    #[error("the bundle begins at a snapshot, which only the component that wrote it can read: {wanted}")]
    ForeignSnapshot {
        /// The digest of that component.
        wanted: String,
    },
}

/// A bundle, ready to run on a component.
pub struct BundleRerun<'a> {
    pub(super) bundle: &'a Bundle,
    component: Arc<dyn Component>,
    hosted: HostedAggregate,
    events_per_command: usize,
}

impl<'a> BundleRerun<'a> {
    /// Prepares to run `bundle` on `component`, which may be the one that faulted or another. A command that returns
    /// more than `events_per_command` events faults.
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

    /// Runs it from every starting point that the bundle has: its first event, and its snapshot. The outcomes should
    /// agree; if they do not, the component loses something between `snapshot` and `restore`.
    pub fn runs(&self) -> Vec<BundleRun> {
        let run = |start| {
            let events = self.events(start);
            let outcome = self.run(start, &events.iter().collect());
            BundleRun { start, events: events.len(), reproduced: self.reproduces(&outcome), outcome }
        };
        self.starts().into_iter().map(run).collect()
    }

    fn starts(&self) -> Vec<StartingState> {
        // Only the component that wrote a snapshot can read it.
        let restores = self.bundle.snapshot.is_some() && self.component.digest() == self.bundle.component;
        let first = (self.bundle.after == 0).then_some(StartingState::FirstEvent);
        first.into_iter().chain(restores.then_some(StartingState::Snapshot)).collect()
    }

    /// The events that are folded after the starting point.
    pub(super) fn events(&self, start: StartingState) -> &'a [EventBody] {
        let Bundle { snapshot, after, events, .. } = self.bundle;
        let in_snapshot = match (start, snapshot) {
            (StartingState::Snapshot, Some(snapshot)) => snapshot.version.saturating_sub(*after),
            _ => 0,
        };
        let in_snapshot = usize::try_from(in_snapshot).unwrap_or(usize::MAX);
        &events[in_snapshot.min(events.len())..]
    }

    /// Runs it with these events instead of the recorded ones.
    pub(super) fn run(&self, start: StartingState, events: &EventBatch) -> RerunOutcome {
        let outcome = match self.attempt(start, events, PAGE_EVENTS) {
            // The limits are those of one call, and each event stayed below them when it happened.
            Err(fault) if exceeds_call_limit(&fault) && events.len() > 1 => self.attempt(start, events, 1),
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

    /// Reports whether the outcome is the recorded fault: the same kind in the same call with the same words. Numbers
    /// in the message may differ, but on the same component the line that panicked may not.
    pub(super) fn reproduces(&self, outcome: &RerunOutcome) -> bool {
        let (recorded, RerunOutcome::Fault(fault)) = (&self.bundle.fault, outcome) else { return false };
        let same_lines = self.component.digest() == self.bundle.component;
        fault.kind == recorded.kind
            && fault.call == recorded.call
            && normalized_words(&fault.message) == normalized_words(&recorded.message)
            && (!same_lines || panic_location(&fault.message) == panic_location(&recorded.message))
    }
}

fn exceeds_call_limit(fault: &Fault) -> bool {
    fault.call == "combine" && fault.kind.is_call_limit()
}

/// The words of a message. A word with a digit, such as a count or an address, becomes `#`.
pub fn normalized_words(message: &str) -> Vec<&str> {
    let words = message.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| if word.contains(|char: char| char.is_ascii_digit()) { "#" } else { word }).collect()
}

/// The source file and line of a Rust panic.
fn panic_location(message: &str) -> Option<&str> {
    message.strip_prefix("panicked at ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_numbers_have_the_same_words() {
        let alike = |one, two| normalized_words(one) == normalized_words(two);
        assert!(alike("the len is 3 but the index is 7", "the len is 10 but the index is 12"));
        assert!(alike("order o-17 at 0x1f3a", "order o-9 at 0xbeef0"));
        assert!(!alike("the len is 3", "the length is 3"));
    }

    #[test]
    fn a_panic_names_its_file_and_line() {
        assert_eq!(panic_location("panicked at src/lib.rs:3:9: no"), Some("src/lib.rs:3:9:"));
        assert_eq!(panic_location("out of fuel after 9 units: does it loop?"), None);
    }
}
