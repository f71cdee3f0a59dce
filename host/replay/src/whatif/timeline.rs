//! The new timeline: its events so far, and the components that take part.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{AggregateRef, Context, Digest, EventBatch, Fault, Message, Timestamp, Verdict, ports::Component};

use crate::replay::{ComponentRunner, EventBuffer, ReplayOutcome, RunMode};

/// One aggregate that continues without a store. Components join when they are first needed.
pub(super) struct Timeline {
    aggregate: AggregateRef,
    /// Count of events.
    pub(super) version: u64,
    /// The time of the last event.
    pub(super) last_at: Timestamp,
    events_per_command: usize,
    runners: BTreeMap<Digest, ComponentRunner>,
    /// Components that could not fold an event, and can never decide again.
    failed: BTreeMap<Digest, Box<Fault>>,
    /// All events, for components that join later.
    retained: EventBuffer,
}

impl Timeline {
    pub(super) fn new(aggregate: AggregateRef, events_per_command: usize) -> Self {
        let (runners, failed) = (BTreeMap::new(), BTreeMap::new());
        let (version, last_at) = (0, Timestamp::default());
        Self { aggregate, version, last_at, events_per_command, runners, failed, retained: EventBuffer::default() }
    }

    /// Lets a component take part from here on. If it cannot, its next decision reports why.
    pub(super) fn join(&mut self, component: &Arc<dyn Component>) {
        let _ = self.runner(component);
    }

    /// Folds recorded events, the last of which happened at `at`.
    pub(super) fn fold(&mut self, events: EventBatch, at: Timestamp) {
        if !events.is_empty() {
            self.append(&Arc::new(events), at, None);
        }
    }

    /// Decides a command, and appends its events.
    pub(super) fn decide(
        &mut self,
        component: &Arc<dyn Component>,
        command: &Message,
        context: &Context,
    ) -> ReplayOutcome {
        let outcome = match self.runner(component) {
            Ok(runner) => runner.decide(command, context),
            Err(why) => return why,
        };
        let ReplayOutcome::Decided(Verdict::Accepted(events)) = &outcome else { return outcome };
        if events.is_empty() {
            return outcome;
        }
        let (events, digest) = (Arc::new(events.iter().collect()), component.digest());
        // A component that cannot fold its own events has not decided: it is hydrated again for the next command.
        if let Some(Err(fault)) = self.runners.get_mut(&digest).map(|runner| runner.fold_new(Arc::clone(&events))) {
            self.runners.remove(&digest);
            return ReplayOutcome::Fault(fault);
        }
        self.append(&events, context.now, Some(digest));
        outcome
    }

    /// The current state, as a component folds it; or the reason why there is none.
    pub(super) fn state(&mut self, component: &Arc<dyn Component>) -> Result<Vec<u8>, String> {
        let state = match self.runner(component) {
            Ok(runner) => runner.state(),
            Err(ReplayOutcome::Fault(fault)) => Err(fault),
            Err(_) => Ok(None),
        };
        state.map_err(|fault| fault.to_string())?.ok_or_else(|| "its events are too many to be folded again".to_owned())
    }

    /// Appends events. The component `by` has folded them already.
    fn append(&mut self, events: &Arc<EventBatch>, at: Timestamp, by: Option<Digest>) {
        self.version += events.len() as u64;
        self.last_at = at;
        for (digest, runner) in self.runners.iter_mut().filter(|(digest, _)| Some(**digest) != by) {
            if let Err(fault) = runner.fold(Arc::clone(events)) {
                self.failed.insert(*digest, fault);
            }
        }
        self.runners.retain(|digest, _| !self.failed.contains_key(digest));
        self.retained.push(Arc::clone(events));
    }

    /// Returns the runner of a component, hydrated up to the end of the timeline.
    fn runner(&mut self, component: &Arc<dyn Component>) -> Result<&mut ComponentRunner, ReplayOutcome> {
        let digest = component.digest();
        if let Some(fault) = self.failed.get(&digest) {
            return Err(ReplayOutcome::Fault(fault.clone()));
        }
        if !self.runners.contains_key(&digest) {
            let retained = self.retained.all().ok_or(ReplayOutcome::Unreached)?;
            let mut runner = ComponentRunner::new(Arc::clone(component), RunMode::usual(), self.events_per_command);
            runner.begin(self.aggregate.clone());
            if let Err(fault) = retained.iter().try_for_each(|events| runner.fold(Arc::clone(events))) {
                self.failed.insert(digest, fault.clone());
                return Err(ReplayOutcome::Fault(fault));
            }
            self.runners.insert(digest, runner);
        }
        self.runners.get_mut(&digest).ok_or(ReplayOutcome::Unreached)
    }
}
