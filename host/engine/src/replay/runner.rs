//! One component that decides recorded commands again, stream by stream, without a store and without consequences.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    AggregateRef, Context, Digest, EventBatch, Fault, FaultKind, Message, Verdict,
    ports::{Component, HashSeed, InstanceId, Sandbox},
};

use crate::{
    plugins::{Hosted, Live},
    verdict,
};

/// Events of one stream that are kept to hydrate it again after a fault; beyond, the rest of the stream is not run.
pub(crate) const KEPT_BYTES: usize = 64 << 20;
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
    folded: Vec<Arc<EventBatch>>,
    folded_bytes: usize,
    /// It is too long: nothing is kept of it any more, so after a fault it is over.
    too_long: bool,
    one_by_one: bool,
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
        self.stream = Some(Stream {
            aggregate,
            instance: None,
            folded: Vec::new(),
            folded_bytes: 0,
            too_long: false,
            one_by_one: false,
        });
    }

    /// Folds recorded events. After a fault the stream is over: nothing of it can be decided any more.
    pub(crate) fn fold(&mut self, events: Arc<EventBatch>) -> Result<(), Box<Fault>> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.folded_bytes += events.bytes();
        stream.folded.push(events);
        let result = match self.instance() {
            Ok((instance, true)) => self.combine(instance, self.folded_count() - 1),
            Ok((_, false)) => Ok(()), // it was hydrated just now, with these events
            Err(fault) => Err(fault),
        };
        let result = match result {
            // The limits are those of one call. Each event stayed below them when it happened.
            Err(fault) if is_too_much(&fault) && self.go_one_by_one() => self.instance().map(|_| ()),
            result => result,
        };
        if result.is_err() {
            self.stream = None;
        }
        if let Some(stream) = &mut self.stream
            && stream.folded_bytes > KEPT_BYTES
        {
            stream.too_long = true;
            stream.folded.clear();
        }
        result
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
        let reply = self.instance().and_then(|(instance, _)| match &mut self.sandbox {
            Some(sandbox) => sandbox.handle(instance, command, context),
            None => Err(verdict::fault(&hosted, "its sandbox is gone".into())),
        });
        let judged = reply.and_then(|reply| verdict::of(&hosted, command, reply, self.events_per_command));
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

    /// The state as it stands.
    pub(crate) fn state(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        if self.stream.is_none() {
            return Ok(None);
        }
        let (instance, _) = self.instance()?;
        self.sandbox.as_mut().map(|sandbox| sandbox.snapshot(instance)).transpose()
    }

    /// The instance of the stream, hydrated if it was not there; and whether it was.
    fn instance(&mut self) -> Result<(InstanceId, bool), Box<Fault>> {
        let Some(stream) = &mut self.stream else {
            return Err(self.gone("its stream is over"));
        };
        if let Some(instance) = stream.instance {
            return Ok((instance, true));
        }
        if stream.too_long {
            return Err(self.gone("the stream is too long to be folded again after a fault"));
        }
        let aggregate = stream.aggregate.clone();
        let instance = self.open()?.restore(&aggregate.aggregate_type, &aggregate.id, None)?;
        if let Some(stream) = &mut self.stream {
            stream.instance = Some(instance);
        }
        self.combine(instance, 0)?;
        Ok((instance, false))
    }

    /// Makes the instance anew from its own snapshot.
    fn refresh(&mut self) {
        let Ok(Some(state)) = self.state() else { return self.close() };
        self.close();
        let Some(aggregate) = self.stream.as_ref().map(|stream| stream.aggregate.clone()) else { return };
        let restored =
            self.open().and_then(|sandbox| sandbox.restore(&aggregate.aggregate_type, &aggregate.id, Some(&state)));
        match (restored, &mut self.stream) {
            (Ok(instance), Some(stream)) => stream.instance = Some(instance),
            _ => self.close(),
        }
    }

    /// Folds what the stream has folded so far, from a batch on.
    fn combine(&mut self, instance: InstanceId, from: usize) -> Result<(), Box<Fault>> {
        let (Some(stream), Some(sandbox)) = (&self.stream, &mut self.sandbox) else { return Ok(()) };
        let batch = if stream.one_by_one { 1 } else { self.way.batch };
        let combined = stream.folded.iter().skip(from).try_for_each(|events| match events.len() {
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
        let sandbox = match self.sandbox.take() {
            Some(sandbox) if !sandbox.is_poisoned() => sandbox,
            _ => self.component.open(self.way.hash_seed)?,
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
        let Some(stream) = &mut self.stream else { return false };
        !std::mem::replace(&mut stream.one_by_one, true)
    }

    fn folded_count(&self) -> usize {
        self.stream.as_ref().map_or(0, |stream| stream.folded.len())
    }

    fn gone(&self, message: &str) -> Box<Fault> {
        let manifest = self.component.manifest();
        Box::new(Fault {
            kind: FaultKind::Host,
            call: "replay",
            message: message.into(),
            backtrace: Vec::new(),
            plugin: format!("{}@{}", manifest.name, manifest.version),
            component: self.component.digest(),
        })
    }
}

fn is_too_much(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::OutOfFuel | FaultKind::MemoryLimit | FaultKind::TimeLimit)
}
