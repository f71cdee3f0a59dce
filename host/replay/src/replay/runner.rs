//! Runs one component on recorded streams, one after another, without a store and without consequences.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    AggregateRef, Context, Digest, EventBatch, Fault, FaultKind, HostedAggregate, LiveComponent, Message, Snapshot,
    Verdict, decide,
    ports::{AggregateSandbox, Component, HandleError, InstanceId},
};

use super::{EventBuffer, InstancePlacement, RestoreSchedule, RunMode};

/// Bytes of memory after which a sandbox is replaced between two streams.
const SANDBOX_BYTES: usize = 64 << 20;

/// The outcome of a command that was decided again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReplayOutcome {
    /// The component decided.
    Decided(Verdict),
    /// The component has no such command, or does not accept its payload.
    Undecided(String),
    /// The guest faulted.
    Fault(Box<Fault>),
    /// The stream could not be folded up to the command.
    Unreached,
}

/// Runs one component.
pub(crate) struct ComponentRunner {
    pub(super) component: Arc<dyn Component>,
    pub(super) hosted: BTreeMap<String, Arc<HostedAggregate>>,
    pub(super) mode: RunMode,
    events_per_command: usize,
    sandbox: Option<Box<dyn AggregateSandbox>>,
    fuel: u64,
    pub(super) stream: Option<RunnerStream>,
    /// Set if the stream's instance did not come back unchanged from its own snapshot.
    pub(super) restore_fault: Option<Box<Fault>>,
}

/// The stream that is being run.
pub(super) struct RunnerStream {
    pub(super) aggregate: AggregateRef,
    /// A snapshot of this component at which the stream begins, instead of at the initial state.
    start: Option<Snapshot>,
    /// The stream version up to which it was folded.
    pub(super) version: u64,
    /// Count of folds and decisions so far.
    pub(super) steps: u64,
    instance: Option<InstanceId>,
    /// The events that were folded, in case they must be folded again.
    retained: EventBuffer,
    single_events: bool,
}

impl ComponentRunner {
    pub(crate) fn new(component: Arc<dyn Component>, mode: RunMode, events_per_command: usize) -> Self {
        let live = LiveComponent::new(Arc::clone(&component));
        let types = &component.manifest().aggregates;
        let hosted = types
            .iter()
            .map(|declared| (declared.name.clone(), Arc::new(HostedAggregate::new(&live, declared))))
            .collect();
        let (sandbox, stream, restore_fault) = (None, None, None);
        Self { component, hosted, mode, events_per_command, sandbox, fuel: 0, stream, restore_fault }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.component.digest()
    }

    /// Reports whether the component hosts an aggregate type.
    pub(crate) fn hosts(&self, aggregate_type: &str) -> bool {
        self.hosted.contains_key(aggregate_type)
    }

    /// Fuel that all calls have used so far.
    pub(crate) fn fuel_used(&self) -> u64 {
        self.fuel + self.sandbox.as_ref().map_or(0, |sandbox| sandbox.fuel_used())
    }

    /// Begins a stream. The first fold or decision reports a fault.
    pub(crate) fn begin(&mut self, aggregate: AggregateRef) {
        self.begin_from(aggregate, None);
    }

    /// Begins a stream at a snapshot that the same component took.
    pub(crate) fn begin_from(&mut self, aggregate: AggregateRef, start: Option<Snapshot>) {
        let replace_sandbox = self.mode.instances != InstancePlacement::Resident
            || self.sandbox.as_ref().is_some_and(|sandbox| sandbox.memory_bytes() > SANDBOX_BYTES);
        if replace_sandbox {
            self.drop_sandbox();
        }
        let (version, retained) = (start.as_ref().map_or(0, |start| start.version), EventBuffer::default());
        self.restore_fault = None;
        self.stream =
            Some(RunnerStream { aggregate, start, version, steps: 0, instance: None, retained, single_events: false });
    }

    /// Folds recorded events. After a fault the stream is over: nothing more of it can be decided.
    pub(crate) fn fold(&mut self, events: Arc<EventBatch>) -> Result<(), Box<Fault>> {
        let folded = match self.fold_once(&events) {
            // The limits are those of one call, and each event stayed below them when it happened.
            Err(fault) if fault.kind.is_call_limit() && self.switch_to_single_events() => self.fold_once(&events),
            folded => folded,
        };
        self.finish_fold(events, folded)
    }

    /// Folds events of a new decision, in one call as a host does. After a fault the stream is over.
    pub(crate) fn fold_new(&mut self, events: Arc<EventBatch>) -> Result<(), Box<Fault>> {
        let folded = self.fold_once(&events);
        self.finish_fold(events, folded)
    }

    fn fold_once(&mut self, events: &Arc<EventBatch>) -> Result<(), Box<Fault>> {
        self.instance()?.map_or(Ok(()), |instance| self.combine(instance, std::slice::from_ref(events)))
    }

    fn finish_fold(&mut self, events: Arc<EventBatch>, folded: Result<(), Box<Fault>>) -> Result<(), Box<Fault>> {
        match (&folded, &mut self.stream) {
            (Ok(()), Some(stream)) => {
                stream.version += events.len() as u64;
                stream.retained.push(events);
            }
            _ => self.stream = None,
        }
        if self.is_restore_due() {
            self.check_restore();
        }
        folded
    }

    /// Hydrates the stream's instance now, so that the next call is charged only for itself. The next call reports a
    /// fault.
    pub(crate) fn hydrate(&mut self) {
        let _ = self.instance();
    }

    /// Decides a command on the state that was folded so far, which it does not change.
    pub(crate) fn decide(&mut self, command: &Message, context: &Context) -> ReplayOutcome {
        if self.is_restore_due() {
            self.check_restore();
        }
        self.decide_again(command, context)
    }

    /// Decides without counting a step of the stream, so that the same sandbox decides the command once more.
    pub(crate) fn decide_again(&mut self, command: &Message, context: &Context) -> ReplayOutcome {
        let Some(stream) = &self.stream else { return ReplayOutcome::Unreached };
        let Some(hosted) = self.hosted.get(&stream.aggregate.aggregate_type).cloned() else {
            return ReplayOutcome::Undecided(format!("it hosts no {}", stream.aggregate.aggregate_type));
        };
        if hosted.aggregate_type.command(&command.name, Some(command.version)).is_none() {
            return ReplayOutcome::Undecided(format!("it has no command {} v{}", command.name, command.version));
        }
        let outcome = self.decide_now(&hosted, command, context);
        if matches!(outcome, ReplayOutcome::Fault(_)) {
            self.drop_sandbox();
        } else if self.mode.restores == RestoreSchedule::EachDecision {
            self.check_restore();
        }
        outcome
    }

    pub(super) fn decide_now(
        &mut self,
        hosted: &HostedAggregate,
        command: &Message,
        context: &Context,
    ) -> ReplayOutcome {
        let verdict = match self.call_handle(hosted, command, context) {
            // Earlier streams may have filled the memory.
            Err(HandleError::Fault(fault)) if fault.kind == FaultKind::MemoryLimit => {
                self.drop_sandbox();
                self.call_handle(hosted, command, context).and_then(|verdict| verdict.map(Some).ok_or(fault.into()))
            }
            verdict => verdict,
        };
        match verdict {
            Ok(Some(verdict)) => ReplayOutcome::Decided(verdict),
            Ok(None) => ReplayOutcome::Unreached,
            Err(HandleError::Malformed(why)) => ReplayOutcome::Undecided(why),
            Err(HandleError::Fault(fault)) => ReplayOutcome::Fault(fault),
        }
    }

    /// Lets the guest decide. `None` if the stream is over.
    fn call_handle(
        &mut self,
        hosted: &HostedAggregate,
        command: &Message,
        context: &Context,
    ) -> Result<Option<Verdict>, HandleError> {
        let Some(instance) = self.instance()? else { return Ok(None) };
        let Some(sandbox) = &mut self.sandbox else { return Ok(None) };
        decide(&mut **sandbox, instance, hosted, command, context, self.events_per_command).map(Some)
    }

    /// Ends the stream and returns its state. `None` if it could not be folded.
    pub(crate) fn end(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        let state = self.last_state();
        self.release();
        state
    }

    /// Ends the stream.
    pub(crate) fn release(&mut self) {
        if let (Some(RunnerStream { instance: Some(instance), .. }), Some(sandbox)) =
            (self.stream.take(), &mut self.sandbox)
        {
            let released = sandbox.release(instance);
            if released.is_err() || sandbox.is_poisoned() {
                self.drop_sandbox();
            }
        }
    }

    /// Returns the current state. `None` if the stream is over.
    pub(crate) fn state(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        let Some(instance) = self.instance()? else { return Ok(None) };
        self.sandbox.as_mut().map(|sandbox| sandbox.snapshot(instance)).transpose()
    }

    /// Returns the instance of the stream, hydrated if necessary. `None` if the stream is over, or too long to be
    /// folded again.
    fn instance(&mut self) -> Result<Option<InstanceId>, Box<Fault>> {
        let Some(stream) = &self.stream else { return Ok(None) };
        match (&self.restore_fault, stream.instance) {
            (Some(fault), _) => return Err(fault.clone()),
            (None, Some(instance)) => return Ok(Some(instance)),
            (None, None) => {}
        }
        let Some(retained) = stream.retained.all().map(<[_]>::to_vec) else {
            self.stream = None;
            return Ok(None);
        };
        let (aggregate, start) = (stream.aggregate.clone(), stream.start.as_ref().map(|start| start.state.clone()));
        let instance = self.restore(&aggregate, start.as_deref())?;
        self.combine(instance, &retained)?;
        Ok(Some(instance))
    }

    pub(super) fn restore(&mut self, aggregate: &AggregateRef, state: Option<&[u8]>) -> Result<InstanceId, Box<Fault>> {
        let instance = self.open()?.restore(&aggregate.aggregate_type, &aggregate.id, state)?;
        if let Some(stream) = &mut self.stream {
            stream.instance = Some(instance);
        }
        Ok(instance)
    }

    fn combine(&mut self, instance: InstanceId, batches: &[Arc<EventBatch>]) -> Result<(), Box<Fault>> {
        let (Some(stream), Some(sandbox)) = (&self.stream, &mut self.sandbox) else { return Ok(()) };
        let batch = if stream.single_events { 1 } else { self.mode.batch };
        let combined = batches.iter().try_for_each(|events| match events.len() {
            0 => Ok(()),
            len if len <= batch => sandbox.combine(instance, events),
            _ => events.chunks(batch).try_for_each(|chunk| sandbox.combine(instance, &chunk)),
        });
        if combined.is_err() {
            self.drop_sandbox();
        }
        combined
    }

    fn open(&mut self) -> Result<&mut Box<dyn AggregateSandbox>, Box<Fault>> {
        if self.sandbox.as_ref().is_some_and(|sandbox| sandbox.is_poisoned()) {
            self.drop_sandbox();
        }
        let sandbox = match self.sandbox.take() {
            Some(sandbox) => sandbox,
            None => self.component.open_aggregates(self.mode.hash_seed)?,
        };
        Ok(self.sandbox.insert(sandbox))
    }

    /// Drops the sandbox, and the instance with it.
    pub(super) fn drop_sandbox(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.fuel += sandbox.fuel_used();
        }
        if let Some(stream) = &mut self.stream {
            stream.instance = None;
        }
    }

    fn switch_to_single_events(&mut self) -> bool {
        self.drop_sandbox();
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.retained.all().is_some()) else { return false };
        !std::mem::replace(&mut stream.single_events, true)
    }
}
