//! Follows the recorded timeline, and from the branch point on the new one.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    Command, CommandError, CommandRecord, Context, Digest, EventBatch, HistoryPage, LiveComponent, Message,
    RecordedCommand, RequestShape, Roster, Timestamp, check_ids, check_size, ports::Component,
};

use super::{
    CommonPrefix, Divergence, TimelineEnd, TimelineStep, WhatIfError, WhatIfQuery,
    steps::{TimelineCommand, removed, step},
    timeline::Timeline,
};
use crate::replay::ReplayOutcome;

/// A what-if that is running. It holds a page of history, the memory of a [`Timeline`], and the steps of the report.
pub(super) struct WhatIfRun {
    what: WhatIfQuery,
    timeline: Timeline,
    components: BTreeMap<Digest, Arc<dyn Component>>,
    shared: CommonPrefix,
    /// Events of this page that both timelines have and that are not folded yet, and the time of the last of them.
    waiting: (EventBatch, Timestamp),
    /// `None` before the branch point.
    parted: Option<Divergence>,
    /// The component that decided the newest recorded command, and the version after it.
    last: Option<(Digest, u64)>,
}

/// The result of a [`WhatIfRun`].
pub(super) struct WhatIfOutcome {
    pub(super) shared: CommonPrefix,
    pub(super) parted: Divergence,
    pub(super) now: TimelineEnd,
    /// The version at which the recorded timeline ends, the component that decided last in it, and that component
    /// loaded, to fold the timeline with.
    pub(super) version: u64,
    pub(super) last: Digest,
    pub(super) component: Result<Arc<dyn Component>, WhatIfError>,
}

impl WhatIfRun {
    pub(super) fn new(what: WhatIfQuery) -> Self {
        let timeline = Timeline::new(what.branch.aggregate.clone(), what.events_per_command);
        Self {
            what,
            timeline,
            components: BTreeMap::new(),
            shared: CommonPrefix::default(),
            waiting: Default::default(),
            parted: None,
            last: None,
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
        let (Some((last, version)), Some(parted)) = (self.last, self.parted.take()) else {
            return Err(WhatIfError::NoAggregate(self.what.branch.aggregate));
        };
        let component = self.component(last);
        let (by, component) = match (&self.what.plugin, component) {
            (Some(plugin), component) => (Arc::clone(plugin), component),
            (None, Ok(component)) => (Arc::clone(&component), Ok(component)),
            (None, Err(error)) => return Err(error),
        };
        let state = self.timeline.state(&by);
        let now = TimelineEnd { version: self.timeline.version, component: by.digest(), state };
        Ok(WhatIfOutcome { shared: self.shared, parted, now, version, last, component })
    }

    fn command(&mut self, command: &RecordedCommand) -> Result<(), WhatIfError> {
        let record = &command.record;
        if self.last.is_none() {
            self.begin(record)?;
        }
        self.last = Some((record.component, record.version()));
        if self.parted.is_some() {
            return self.again(command);
        }
        let branch = self.what.branch.command.as_ref();
        let is_branch = branch.is_some_and(|branch| branch.context.command_id == record.context.command_id);
        if !is_branch || self.what.keep {
            self.share(command);
        }
        match is_branch {
            true if self.what.keep => self.part(record, None),
            true => self.part(record, Some(command)),
            false => Ok(()),
        }
    }

    /// Begins at the first command: the component that decides at the branch point takes part from here on.
    fn begin(&mut self, first: &CommandRecord) -> Result<(), WhatIfError> {
        let component = match &self.what.branch.command {
            Some(branch) => branch.component,
            None => first.component,
        };
        let component = self.decider(component)?;
        self.timeline.join(&component);
        match self.what.branch.command {
            Some(_) => Ok(()),
            None => self.part(first, None),
        }
    }

    fn share(&mut self, command: &RecordedCommand) {
        let context = &command.record.context;
        for event in &command.events {
            self.waiting.0.push(&event.name, event.version, &event.payload);
            self.waiting.1 = context.now;
        }
        self.shared.commands += 1;
        self.shared.version = command.record.version();
        self.shared.last_command = Some(context.command_id.clone());
    }

    /// Folds the events that both timelines have into the new one.
    fn fold(&mut self) {
        let (events, at) = std::mem::take(&mut self.waiting);
        self.timeline.fold(events, at);
    }

    /// Branches off at a recorded command: leaves out `before`, if there is one, and decides the new commands
    /// instead.
    fn part(&mut self, at: &CommandRecord, mut before: Option<&RecordedCommand>) -> Result<(), WhatIfError> {
        self.fold();
        self.parted = Some(Divergence::default());
        self.shared.now = at.context.now;
        let component = self.decider(at.component)?;
        let commands = std::mem::take(&mut self.what.commands);
        if let Some(left_out) = before.take_if(|_| !commands.iter().any(|command| command.id == at.context.command_id))
        {
            self.found(removed(left_out));
        }
        for command in commands {
            let recorded = before.take_if(|_| command.id == at.context.command_id);
            self.ask(&command, at, &component, recorded);
        }
        Ok(())
    }

    /// Decides a command that was never recorded.
    fn ask(
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
                let context = Context { now, ..context(command) };
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
        self.found(step(recorded, &asked));
    }

    /// Refuses what a host refuses before it calls a guest; otherwise returns the version of the command that is
    /// decided.
    fn admit(&self, command: &Command, component: &Arc<dyn Component>) -> Result<u32, CommandError> {
        check_ids(command)?;
        check_size(command, self.what.payload_bytes)?;
        let plugins = Roster::new(&[LiveComponent::new(Arc::clone(component))]);
        let route = plugins.map_err(|error| CommandError::Invalid(error.to_string()))?.route(command)?;
        match command.expected_version {
            Some(expected) if expected != self.timeline.version => {
                Err(CommandError::Conflict { expected: Some(expected), actual: self.timeline.version })
            }
            _ => Ok(route.version),
        }
    }

    /// Decides a recorded command again, on the state of the new timeline.
    fn again(&mut self, command: &RecordedCommand) -> Result<(), WhatIfError> {
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
        self.found(step(Some(command), &asked));
        Ok(())
    }

    fn found(&mut self, step: TimelineStep) {
        if let Some(parted) = &mut self.parted {
            parted.add(step, self.what.limit);
        }
    }

    /// Returns the component that decides, in the new timeline, what `recorded` decided in the other.
    fn decider(&mut self, recorded: Digest) -> Result<Arc<dyn Component>, WhatIfError> {
        match &self.what.plugin {
            Some(plugin) => Ok(Arc::clone(plugin)),
            None => self.component(recorded),
        }
    }

    fn component(&mut self, digest: Digest) -> Result<Arc<dyn Component>, WhatIfError> {
        if let Some(component) = self.components.get(&digest) {
            return Ok(Arc::clone(component));
        }
        let component = (self.what.find)(digest)?.ok_or(WhatIfError::NoComponent(digest))?;
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

fn context(command: &Command) -> Context {
    Context {
        command_id: command.id.clone(),
        now: Timestamp::default(),
        seed: command.seed(),
        correlation_id: command.correlation_id.clone().unwrap_or_else(|| command.id.clone()),
        causation_id: command.causation_id.clone(),
        actor: command.actor.clone(),
        metadata: command.metadata.clone(),
    }
}
