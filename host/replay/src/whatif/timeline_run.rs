//! Follows the recorded timeline, and from the branch point on the new one.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    Command, CommandError, CommandRecord, Context, Digest, EventBatch, HistoryPage, LiveComponent, Message,
    RecordedCommand, RequestShape, Roster, Timestamp, check_ids, check_size, ports::Component,
};

use super::{
    CommonPrefix, Divergence, TimelineEnd, TimelineStep, WhatIfError, WhatIfQuery,
    steps::{TimelineCommand, removed_step, step},
    timeline::Timeline,
};
use crate::replay::ReplayOutcome;

/// A what-if that is running. It holds a page of history, the memory of a [`Timeline`], and the steps of the report.
pub(super) struct WhatIfRun {
    query: WhatIfQuery,
    timeline: Timeline,
    components: BTreeMap<Digest, Arc<dyn Component>>,
    common_prefix: CommonPrefix,
    /// Events of this page that both timelines have and that are not folded yet, and the time of the last of them.
    pending: (EventBatch, Timestamp),
    /// `None` before the branch point.
    divergence: Option<Divergence>,
    /// The component that decided the newest recorded command, and the version after it.
    recorded_end: Option<(Digest, u64)>,
}

/// The result of a [`WhatIfRun`].
pub(super) struct WhatIfOutcome {
    pub(super) common_prefix: CommonPrefix,
    pub(super) divergence: Divergence,
    pub(super) now: TimelineEnd,
    /// The version at which the recorded timeline ends, the component that decided last in it, and that component
    /// loaded, to fold the timeline with.
    pub(super) version: u64,
    pub(super) last_component: Digest,
    pub(super) component: Result<Arc<dyn Component>, WhatIfError>,
}

impl WhatIfRun {
    pub(super) fn new(query: WhatIfQuery) -> Self {
        let timeline = Timeline::new(query.branch.aggregate.clone(), query.events_per_command);
        Self {
            query,
            timeline,
            components: BTreeMap::new(),
            common_prefix: CommonPrefix::default(),
            pending: Default::default(),
            divergence: None,
            recorded_end: None,
        }
    }

    /// Runs one page of history. The pages come one after another.
    pub(super) fn page(&mut self, page: &HistoryPage) -> Result<(), WhatIfError> {
        page.commands.iter().try_for_each(|command| self.command(command))?;
        self.fold();
        Ok(())
    }

    /// Ends the run at the end of history.
    pub(super) fn end(mut self) -> Result<WhatIfOutcome, WhatIfError> {
        let (Some((last_component, version)), Some(divergence)) = (self.recorded_end, self.divergence.take()) else {
            return Err(WhatIfError::NoAggregate(self.query.branch.aggregate));
        };
        let component = self.component(last_component);
        let (by, component) = match (&self.query.plugin, component) {
            (Some(plugin), component) => (Arc::clone(plugin), component),
            (None, Ok(component)) => (Arc::clone(&component), Ok(component)),
            (None, Err(error)) => return Err(error),
        };
        let state = self.timeline.state(&by);
        let now = TimelineEnd { version: self.timeline.version, component: by.digest(), state };
        Ok(WhatIfOutcome { common_prefix: self.common_prefix, divergence, now, version, last_component, component })
    }

    fn command(&mut self, command: &RecordedCommand) -> Result<(), WhatIfError> {
        let record = &command.record;
        if self.recorded_end.is_none() {
            self.begin(record)?;
        }
        self.recorded_end = Some((record.component, record.version()));
        if self.divergence.is_some() {
            return self.decide_again(command);
        }
        let branch = self.query.branch.command.as_ref();
        let is_branch = branch.is_some_and(|branch| branch.context.command_id == record.context.command_id);
        if !is_branch || self.query.retain_branch_command {
            self.extend_prefix(command);
        }
        match is_branch {
            true if self.query.retain_branch_command => self.branch_off(record, None),
            true => self.branch_off(record, Some(command)),
            false => Ok(()),
        }
    }

    /// Begins at the first command: the component that decides at the branch point takes part from here on.
    fn begin(&mut self, first: &CommandRecord) -> Result<(), WhatIfError> {
        let component = match &self.query.branch.command {
            Some(branch) => branch.component,
            None => first.component,
        };
        let component = self.decider(component)?;
        self.timeline.join(&component);
        match self.query.branch.command {
            Some(_) => Ok(()),
            None => self.branch_off(first, None),
        }
    }

    fn extend_prefix(&mut self, command: &RecordedCommand) {
        let context = &command.record.context;
        for event in &command.events {
            self.pending.0.push(&event.name, event.version, &event.payload);
            self.pending.1 = context.now;
        }
        self.common_prefix.commands += 1;
        self.common_prefix.version = command.record.version();
        self.common_prefix.last_command = Some(context.command_id.clone());
    }

    /// Folds the events that both timelines have into the new one.
    fn fold(&mut self) {
        let (events, at) = std::mem::take(&mut self.pending);
        self.timeline.fold(events, at);
    }

    /// Branches off at a recorded command: leaves out `before`, if there is one, and decides the new commands
    /// instead.
    fn branch_off(&mut self, at: &CommandRecord, mut before: Option<&RecordedCommand>) -> Result<(), WhatIfError> {
        self.fold();
        self.divergence = Some(Divergence::default());
        self.common_prefix.now = at.context.now;
        let component = self.decider(at.component)?;
        let commands = std::mem::take(&mut self.query.commands);
        if let Some(left_out) = before.take_if(|_| !commands.iter().any(|command| command.id == at.context.command_id))
        {
            self.add_step(removed_step(left_out));
        }
        for command in commands {
            let recorded = before.take_if(|_| command.id == at.context.command_id);
            self.decide_new(&command, at, &component, recorded);
        }
        Ok(())
    }

    /// Decides a command that was never recorded.
    fn decide_new(
        &mut self,
        command: &Command,
        at: &CommandRecord,
        component: &Arc<dyn Component>,
        recorded: Option<&RecordedCommand>,
    ) {
        let version = self.timeline.version;
        let now = at.context.now.max(self.timeline.last_at);
        let (command_version, outcome) = match self.admit(command, component) {
            Err(why) => (command.version, ReplayOutcome::Undecided(why.to_string())),
            Ok(command_version) => {
                let (name, payload) = (command.name.clone(), command.payload.clone());
                let message = Message { name, version: command_version, payload };
                let context = command.context(now);
                (Some(command_version), self.timeline.decide(component, &message, &context))
            }
        };
        let asked = TimelineCommand {
            id: &command.id,
            now,
            version,
            name: &command.name,
            command_version,
            payload: &command.payload,
            component: component.digest(),
            outcome,
        };
        self.add_step(step(recorded, &asked));
    }

    /// Refuses what a host refuses before it calls a guest; otherwise returns the version of the command that is
    /// decided.
    fn admit(&self, command: &Command, component: &Arc<dyn Component>) -> Result<u32, CommandError> {
        check_ids(command)?;
        check_size(command, self.query.payload_bytes)?;
        let roster = Roster::new(&[LiveComponent::new(Arc::clone(component))]);
        let route = roster.map_err(|error| CommandError::Invalid(error.to_string()))?.route(command)?;
        match command.expected_version {
            Some(expected) if expected != self.timeline.version => {
                Err(CommandError::Conflict { expected: Some(expected), actual: self.timeline.version })
            }
            _ => Ok(route.version),
        }
    }

    /// Decides a recorded command again, on the state of the new timeline.
    fn decide_again(&mut self, command: &RecordedCommand) -> Result<(), WhatIfError> {
        let record = &command.record;
        let component = self.decider(record.component)?;
        let version = self.timeline.version;
        let now = record.context.now.max(self.timeline.last_at);
        let context = Context { now, ..record.context.clone() };
        let outcome = match expected_version(record).filter(|expected| *expected != version) {
            Some(expected) => {
                let conflict = CommandError::Conflict { expected: Some(expected), actual: version };
                ReplayOutcome::Undecided(conflict.to_string())
            }
            None => self.timeline.decide(&component, &record.command, &context),
        };
        let asked = TimelineCommand {
            id: &context.command_id,
            now,
            version,
            name: &record.command.name,
            command_version: Some(record.command.version),
            payload: &record.command.payload,
            component: component.digest(),
            outcome,
        };
        self.add_step(step(Some(command), &asked));
        Ok(())
    }

    fn add_step(&mut self, step: TimelineStep) {
        if let Some(divergence) = &mut self.divergence {
            divergence.add(step, self.query.limit);
        }
    }

    /// Returns the component that decides, in the new timeline, what `recorded` decided in the other.
    fn decider(&mut self, recorded: Digest) -> Result<Arc<dyn Component>, WhatIfError> {
        match &self.query.plugin {
            Some(plugin) => Ok(Arc::clone(plugin)),
            None => self.component(recorded),
        }
    }

    fn component(&mut self, digest: Digest) -> Result<Arc<dyn Component>, WhatIfError> {
        if let Some(component) = self.components.get(&digest) {
            return Ok(Arc::clone(component));
        }
        let component = (self.query.finder)(digest)?.ok_or(WhatIfError::NoComponent(digest))?;
        self.components.insert(digest, Arc::clone(&component));
        Ok(component)
    }
}

/// The stream version that a recorded command expected, if it expected any: it held, so it is the base version. The
/// hash of the request shows whether it did.
fn expected_version(record: &CommandRecord) -> Option<u64> {
    let CommandRecord { request_hash, aggregate, command, base_version, .. } = record;
    let shape = RequestShape::of(request_hash, aggregate, command, *base_version)?;
    shape.expected_version.then_some(*base_version)
}
