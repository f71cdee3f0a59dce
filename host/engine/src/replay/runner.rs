//! One component that decides recorded commands again, stream by stream, without a store and without consequences.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    AggregateRef, Context, Digest, EventBatch, Fault, FaultKind, Message, Verdict,
    ports::{Component, HashSeed, InstanceId, Reply, Sandbox},
};

use super::Kept;
use crate::{
    plugins::{Hosted, Live},
    verdict,
};

/// A sandbox that holds more is exchanged between two streams.
const SANDBOX_BYTES: usize = 64 << 20;

/// How a component is run: what must not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// The order of the guest's hash maps.
    pub(crate) hash_seed: HashSeed,
    /// At most so many events go into one call.
    pub(crate) batch: usize,
    /// How long an instance lives.
    pub(crate) instances: Instances,
}

/// How long an instance lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instances {
    /// For its whole stream, in a sandbox with those before it: as in the running host.
    Resident,
    /// For its whole stream, in a sandbox of its own.
    Apart,
    /// For one command: then it is made anew from its snapshot, in another sandbox.
    Fresh,
}

impl Way {
    /// As the host runs it.
    pub(crate) fn usual() -> Self {
        Self { hash_seed: HashSeed::default(), batch: usize::MAX, instances: Instances::Resident }
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redecided {
    /// A decision.
    Decided(Verdict),
    /// None: there is no such command, or its payload is not accepted.
    Undecided(String),
    /// The guest faulted.
    Fault(Box<Fault>),
    /// Its stream could not be folded up to it.
    Unreached,
}

/// Runs one component.
pub(crate) struct Runner {
    component: Arc<dyn Component>,
    hosted: BTreeMap<String, Arc<Hosted>>,
    way: Way,
    events_per_command: usize,
    sandbox: Option<Box<dyn Sandbox>>,
    fuel: u64,
    stream: Option<Stream>,
}

/// The stream that is being run.
struct Stream {
    aggregate: AggregateRef,
    instance: Option<InstanceId>,
    /// What was folded so far, in case it must be folded again.
    kept: Kept,
    one_by_one: bool,
    /// It does not come back from its own snapshot.
    spoilt: Option<Box<Fault>>,
}

impl Runner {
    pub(crate) fn new(component: Arc<dyn Component>, way: Way, events_per_command: usize) -> Self {
        let live = Live::new(Arc::clone(&component));
        let types = &component.manifest().aggregates;
        let hosted = types.iter().map(|kind| (kind.name.clone(), Arc::new(Hosted::new(&live, kind)))).collect();
        Self { component, hosted, way, events_per_command, sandbox: None, fuel: 0, stream: None }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.component.digest()
    }

    /// Whether it hosts such aggregates.
    pub(crate) fn hosts(&self, aggregate_type: &str) -> bool {
        self.hosted.contains_key(aggregate_type)
    }

    /// Fuel that all calls have used so far.
    pub(crate) fn fuel_used(&self) -> u64 {
        self.fuel + self.sandbox.as_ref().map_or(0, |sandbox| sandbox.fuel_used())
    }

    /// Begins a stream. A fault is told by the first fold or decision.
    pub(crate) fn begin(&mut self, aggregate: AggregateRef) {
        let exchange = self.way.instances != Instances::Resident
            || self.sandbox.as_ref().is_some_and(|sandbox| sandbox.memory_bytes() > SANDBOX_BYTES);
        if exchange {
            self.close();
        }
        let kept = Kept::default();
        self.stream = Some(Stream { aggregate, instance: None, kept, one_by_one: false, spoilt: None });
    }

    /// Folds recorded events. After a fault the stream is over: nothing of it can be decided any more.
    pub(crate) fn fold(&mut self, events: Arc<EventBatch>) -> Result<(), Box<Fault>> {
        let folded = match self.fold_on(&events) {
            // The limits are those of one call. Each event stayed below them when it happened.
            Err(fault) if is_too_much(&fault) && self.go_one_by_one() => self.fold_on(&events),
            folded => folded,
        };
        self.keep(events, folded)
    }

    /// Folds events that were decided just now, in one call as a host does. After a fault the stream is over.
    pub(crate) fn fold_new(&mut self, events: Arc<EventBatch>) -> Result<(), Box<Fault>> {
        let folded = self.fold_on(&events);
        self.keep(events, folded)
    }

    fn fold_on(&mut self, events: &Arc<EventBatch>) -> Result<(), Box<Fault>> {
        self.instance()?.map_or(Ok(()), |instance| self.combine(instance, std::slice::from_ref(events)))
    }

    fn keep(&mut self, events: Arc<EventBatch>, folded: Result<(), Box<Fault>>) -> Result<(), Box<Fault>> {
        match (&folded, &mut self.stream) {
            (Ok(()), Some(stream)) => stream.kept.push(events),
            _ => self.stream = None,
        }
        folded
    }

    /// Makes the stream's instance now, so that the next call is charged with nothing else. A fault comes again there.
    pub(crate) fn hydrate(&mut self) {
        let _ = self.instance();
    }

    /// Decides a command on the state that was folded so far. It does not change it.
    pub(crate) fn decide(&mut self, command: &Message, context: &Context) -> Redecided {
        let Some(stream) = &self.stream else { return Redecided::Unreached };
        let Some(hosted) = self.hosted.get(&stream.aggregate.aggregate_type).cloned() else {
            return Redecided::Undecided(format!("it hosts no {}", stream.aggregate.aggregate_type));
        };
        if hosted.aggregate_type.command(&command.name, Some(command.version)).is_none() {
            return Redecided::Undecided(format!("it has no command {} v{}", command.name, command.version));
        }
        let reply = match self.ask(command, context) {
            // Those before it may have filled the memory.
            Err(fault) if fault.kind == FaultKind::MemoryLimit => {
                self.close();
                self.ask(command, context).and_then(|reply| reply.map(Some).ok_or(fault))
            }
            reply => reply,
        };
        let judged = match reply {
            Ok(Some(reply)) => verdict::of(&hosted, command, reply, self.events_per_command),
            Ok(None) => return Redecided::Unreached,
            Err(fault) => Err(fault),
        };
        let redecided = match judged {
            Ok(Ok(verdict)) => Redecided::Decided(verdict),
            Ok(Err(why)) => Redecided::Undecided(why),
            Err(fault) => Redecided::Fault(fault),
        };
        if matches!(redecided, Redecided::Fault(_)) {
            self.close();
        } else if self.way.instances == Instances::Fresh {
            self.refresh();
        }
        redecided
    }

    fn ask(&mut self, command: &Message, context: &Context) -> Result<Option<Reply>, Box<Fault>> {
        let Some(instance) = self.instance()? else { return Ok(None) };
        self.sandbox.as_mut().map(|sandbox| sandbox.handle(instance, command, context)).transpose()
    }

    /// The state that the stream has come to, and the end of it. `None` if it could not be folded.
    pub(crate) fn end(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        let state = self.state();
        if let (Some(Stream { instance: Some(instance), .. }), Some(sandbox)) = (self.stream.take(), &mut self.sandbox)
        {
            let released = sandbox.release(instance);
            if released.is_err() || sandbox.is_poisoned() {
                self.close();
            }
        }
        state
    }

    /// The state as it stands. `None` if the stream is over.
    pub(crate) fn state(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        let Some(instance) = self.instance()? else { return Ok(None) };
        self.sandbox.as_mut().map(|sandbox| sandbox.snapshot(instance)).transpose()
    }

    /// The instance of the stream, hydrated if it was not there. `None` if the stream is over, or too long to be folded again.
    fn instance(&mut self) -> Result<Option<InstanceId>, Box<Fault>> {
        let Some(stream) = &self.stream else { return Ok(None) };
        match (&stream.spoilt, stream.instance) {
            (Some(fault), _) => return Err(fault.clone()),
            (None, Some(instance)) => return Ok(Some(instance)),
            (None, None) => {}
        }
        let Some(kept) = stream.kept.all().map(<[_]>::to_vec) else {
            self.stream = None;
            return Ok(None);
        };
        let aggregate = stream.aggregate.clone();
        let instance = self.restore(&aggregate, None)?;
        self.combine(instance, &kept)?;
        Ok(Some(instance))
    }

    fn restore(&mut self, aggregate: &AggregateRef, state: Option<&[u8]>) -> Result<InstanceId, Box<Fault>> {
        let instance = self.open()?.restore(&aggregate.aggregate_type, &aggregate.id, state)?;
        if let Some(stream) = &mut self.stream {
            stream.instance = Some(instance);
        }
        Ok(instance)
    }

    /// Makes the instance anew from its own snapshot.
    fn refresh(&mut self) {
        let state = self.state();
        self.close();
        let Some(aggregate) = self.stream.as_ref().map(|stream| stream.aggregate.clone()) else { return };
        let restored = match state {
            Ok(Some(state)) => self.restore(&aggregate, Some(&state)).map(drop),
            Ok(None) => Ok(()),
            Err(fault) => Err(fault),
        };
        if let (Err(fault), Some(stream)) = (restored, &mut self.stream) {
            stream.spoilt = Some(fault);
        }
    }

    fn combine(&mut self, instance: InstanceId, batches: &[Arc<EventBatch>]) -> Result<(), Box<Fault>> {
        let (Some(stream), Some(sandbox)) = (&self.stream, &mut self.sandbox) else { return Ok(()) };
        let batch = if stream.one_by_one { 1 } else { self.way.batch };
        let combined = batches.iter().try_for_each(|events| match events.len() {
            0 => Ok(()),
            len if len <= batch => sandbox.combine(instance, events),
            _ => events.chunks(batch).try_for_each(|chunk| sandbox.combine(instance, &chunk)),
        });
        if combined.is_err() {
            self.close();
        }
        combined
    }

    fn open(&mut self) -> Result<&mut Box<dyn Sandbox>, Box<Fault>> {
        if self.sandbox.as_ref().is_some_and(|sandbox| sandbox.is_poisoned()) {
            self.close();
        }
        let sandbox = match self.sandbox.take() {
            Some(sandbox) => sandbox,
            None => self.component.open(self.way.hash_seed)?,
        };
        Ok(self.sandbox.insert(sandbox))
    }

    /// Drops the sandbox, and with it the instance.
    fn close(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.fuel += sandbox.fuel_used();
        }
        if let Some(stream) = &mut self.stream {
            stream.instance = None;
        }
    }

    fn go_one_by_one(&mut self) -> bool {
        self.close();
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.kept.all().is_some()) else { return false };
        !std::mem::replace(&mut stream.one_by_one, true)
    }
}

fn is_too_much(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::OutOfFuel | FaultKind::MemoryLimit | FaultKind::TimeLimit)
}
