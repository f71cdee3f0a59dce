//! One component that decides recorded commands again, stream by stream, without a store and without consequences.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    AggregateRef, Context, Digest, EventBatch, Fault, FaultKind, Message, Snapshot, Verdict,
    ports::{Component, HashSeed, InstanceId, Reply, Sandbox},
};

use super::{Kept, payload_json};
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
    /// Which sandbox an instance lives in.
    pub(crate) instances: Instances,
    /// When an instance is made again from its own snapshot.
    pub(crate) restores: Restores,
}

/// Which sandbox the instance of a stream lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instances {
    /// One that it shares with the streams before it: as in the running host.
    Resident,
    /// One of its own.
    Apart,
}

/// When an instance is made again from its own snapshot, in another sandbox: as after a restart of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restores {
    /// Never.
    Never,
    /// After each decision.
    EachDecision,
    /// At the first, second, fourth, eighth and so on of the folds and decisions of a stream, and at its end: many points
    /// for little work, and the same ones in each run. Not for aggregates that take no snapshots.
    PowersOfTwo,
}

impl Way {
    /// As the host runs it.
    pub(crate) fn usual() -> Self {
        let (instances, restores) = (Instances::Resident, Restores::Never);
        Self { hash_seed: HashSeed::default(), batch: usize::MAX, instances, restores }
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
    /// The stream's instance did not come back from its own snapshot as it was.
    restore_fault: Option<Box<Fault>>,
}

/// The stream that is being run.
struct Stream {
    aggregate: AggregateRef,
    /// A snapshot of this component that it begins with, instead of nothing.
    start: Option<Snapshot>,
    /// The stream version that was folded so far.
    version: u64,
    /// Count of folds and decisions so far.
    steps: u64,
    instance: Option<InstanceId>,
    /// What was folded so far, in case it must be folded again.
    kept: Kept,
    one_by_one: bool,
}

impl Runner {
    pub(crate) fn new(component: Arc<dyn Component>, way: Way, events_per_command: usize) -> Self {
        let live = Live::new(Arc::clone(&component));
        let types = &component.manifest().aggregates;
        let hosted = types.iter().map(|kind| (kind.name.clone(), Arc::new(Hosted::new(&live, kind)))).collect();
        let (sandbox, stream, restore_fault) = (None, None, None);
        Self { component, hosted, way, events_per_command, sandbox, fuel: 0, stream, restore_fault }
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

    /// The fault, if the stream's instance did not come back from its own snapshot as it was.
    pub(crate) fn restore_fault(&self) -> Option<&Fault> {
        self.restore_fault.as_deref()
    }

    /// Begins a stream. A fault is told by the first fold or decision.
    pub(crate) fn begin(&mut self, aggregate: AggregateRef) {
        self.begin_from(aggregate, None);
    }

    /// Begins a stream at a snapshot that this very component took.
    pub(crate) fn begin_from(&mut self, aggregate: AggregateRef, start: Option<Snapshot>) {
        let exchange = self.way.instances != Instances::Resident
            || self.sandbox.as_ref().is_some_and(|sandbox| sandbox.memory_bytes() > SANDBOX_BYTES);
        if exchange {
            self.close();
        }
        let (version, kept) = (start.as_ref().map_or(0, |start| start.version), Kept::default());
        self.restore_fault = None;
        self.stream = Some(Stream { aggregate, start, version, steps: 0, instance: None, kept, one_by_one: false });
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
            (Ok(()), Some(stream)) => {
                stream.version += events.len() as u64;
                stream.kept.push(events);
            }
            _ => self.stream = None,
        }
        if self.is_restore_due() {
            self.refresh();
        }
        folded
    }

    /// Counts one more step of the stream, and says whether its instance is to be restored at it.
    fn is_restore_due(&mut self) -> bool {
        let restores = self.restores_in_between();
        let Some(stream) = &mut self.stream else { return false };
        stream.steps += 1;
        restores && stream.steps.is_power_of_two()
    }

    /// Whether the stream's instance is restored at some of its steps and at its end.
    fn restores_in_between(&self) -> bool {
        let hosted = self.stream.as_ref().and_then(|stream| self.hosted.get(&stream.aggregate.aggregate_type));
        let takes_snapshots = hosted.is_some_and(|hosted| hosted.aggregate_type.snapshot_every > 0);
        self.way.restores == Restores::PowersOfTwo && takes_snapshots
    }

    /// Makes the stream's instance now, so that the next call is charged with nothing else. A fault comes again there.
    pub(crate) fn hydrate(&mut self) {
        let _ = self.instance();
    }

    /// Decides a command on the state that was folded so far. It does not change it.
    pub(crate) fn decide(&mut self, command: &Message, context: &Context) -> Redecided {
        if self.is_restore_due() {
            self.refresh();
        }
        self.decide_again(command, context)
    }

    /// Decides without counting a step of the stream, so that a sandbox which has decided before decides once more.
    pub(crate) fn decide_again(&mut self, command: &Message, context: &Context) -> Redecided {
        let Some(stream) = &self.stream else { return Redecided::Unreached };
        let Some(hosted) = self.hosted.get(&stream.aggregate.aggregate_type).cloned() else {
            return Redecided::Undecided(format!("it hosts no {}", stream.aggregate.aggregate_type));
        };
        if hosted.aggregate_type.command(&command.name, Some(command.version)).is_none() {
            return Redecided::Undecided(format!("it has no command {} v{}", command.name, command.version));
        }
        let redecided = self.decide_here(&hosted, command, context);
        if matches!(redecided, Redecided::Fault(_)) {
            self.close();
        } else if self.way.restores == Restores::EachDecision {
            self.refresh();
        }
        redecided
    }

    /// Whether a command is decided otherwise on an instance that was folded whole than on one that was restored from that
    /// one's snapshot, each in a sandbox of its own.
    pub(crate) fn restore_changes(&mut self, command: &Message, context: &Context) -> bool {
        let Some(stream) = &self.stream else { return false };
        let Some(hosted) = self.hosted.get(&stream.aggregate.aggregate_type).cloned() else { return false };
        self.close();
        let folded = self.decide_here(&hosted, command, context);
        self.close();
        let restored = self.restart().map_or_else(Redecided::Fault, |()| self.decide_here(&hosted, command, context));
        folded != restored
    }

    /// The state of the stream, folded whole in a sandbox of its own.
    pub(crate) fn folded_state(&mut self) -> Option<Vec<u8>> {
        self.close();
        self.state().ok().flatten()
    }

    fn decide_here(&mut self, hosted: &Hosted, command: &Message, context: &Context) -> Redecided {
        let reply = match self.ask(command, context) {
            // Those before it may have filled the memory.
            Err(fault) if fault.kind == FaultKind::MemoryLimit => {
                self.close();
                self.ask(command, context).and_then(|reply| reply.map(Some).ok_or(fault))
            }
            reply => reply,
        };
        let judged = match reply {
            Ok(Some(reply)) => verdict::of(hosted, command, reply, self.events_per_command),
            Ok(None) => return Redecided::Unreached,
            Err(fault) => Err(fault),
        };
        match judged {
            Ok(Ok(verdict)) => Redecided::Decided(verdict),
            Ok(Err(why)) => Redecided::Undecided(why),
            Err(fault) => Redecided::Fault(fault),
        }
    }

    fn ask(&mut self, command: &Message, context: &Context) -> Result<Option<Reply>, Box<Fault>> {
        let Some(instance) = self.instance()? else { return Ok(None) };
        self.sandbox.as_mut().map(|sandbox| sandbox.handle(instance, command, context)).transpose()
    }

    /// The state that the stream has come to, and the end of it. `None` if it could not be folded.
    pub(crate) fn end(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        let state = self.last_state();
        self.release();
        state
    }

    /// The state that the stream has come to, restored once more if that is due.
    pub(crate) fn last_state(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        if self.restores_in_between() {
            self.refresh();
        }
        self.state()
    }

    /// Ends the stream.
    pub(crate) fn release(&mut self) {
        if let (Some(Stream { instance: Some(instance), .. }), Some(sandbox)) = (self.stream.take(), &mut self.sandbox)
        {
            let released = sandbox.release(instance);
            if released.is_err() || sandbox.is_poisoned() {
                self.close();
            }
        }
    }

    /// The state as it stands. `None` if the stream is over.
    pub(crate) fn state(&mut self) -> Result<Option<Vec<u8>>, Box<Fault>> {
        let Some(instance) = self.instance()? else { return Ok(None) };
        self.sandbox.as_mut().map(|sandbox| sandbox.snapshot(instance)).transpose()
    }

    /// The instance of the stream, hydrated if it was not there. `None` if the stream is over, or too long to be folded again.
    fn instance(&mut self) -> Result<Option<InstanceId>, Box<Fault>> {
        let Some(stream) = &self.stream else { return Ok(None) };
        match (&self.restore_fault, stream.instance) {
            (Some(fault), _) => return Err(fault.clone()),
            (None, Some(instance)) => return Ok(Some(instance)),
            (None, None) => {}
        }
        let Some(kept) = stream.kept.all().map(<[_]>::to_vec) else {
            self.stream = None;
            return Ok(None);
        };
        let (aggregate, start) = (stream.aggregate.clone(), stream.start.as_ref().map(|start| start.state.clone()));
        let instance = self.restore(&aggregate, start.as_deref())?;
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

    /// Makes the instance again from its own snapshot. If it is not as it was, nothing more can be done with the stream.
    fn refresh(&mut self) {
        if self.restore_fault.is_none() {
            self.restore_fault = self.restart().err();
        }
    }

    /// Restores the instance from its own snapshot in another sandbox, as a host does after a restart.
    fn restart(&mut self) -> Result<(), Box<Fault>> {
        let Some(before) = self.state()? else { return Ok(()) };
        self.close();
        let Some(stream) = &self.stream else { return Ok(()) };
        let (aggregate, version) = (stream.aggregate.clone(), stream.version);
        let restored = self.restore(&aggregate, Some(&before)).and_then(|_| self.state());
        match restored {
            Ok(Some(after)) if after == before => Ok(()),
            Ok(after) => Err(self.changed_by_restore(version, &before, &after.unwrap_or_default())),
            Err(fault) if fault.kind == FaultKind::Host => Err(fault),
            Err(fault) => {
                let message = format!("restore(snapshot) faults at version {version}: {}", fault.message);
                Err(Box::new(Fault { message, ..*fault }))
            }
        }
    }

    fn changed_by_restore(&self, version: u64, before: &[u8], after: &[u8]) -> Box<Fault> {
        let manifest = self.component.manifest();
        let [before, after] = [before, after].map(excerpt);
        Box::new(Fault {
            kind: FaultKind::Malformed,
            call: "restore",
            message: format!("restore(snapshot) gives another state at version {version}: {after} instead of {before}"),
            backtrace: Vec::new(),
            plugin: format!("{}@{}", manifest.name, manifest.version),
            component: self.digest(),
        })
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

/// Characters of a state that a message shows.
const EXCERPT: usize = 200;

/// The beginning of a state, for a message.
fn excerpt(state: &[u8]) -> String {
    let text = payload_json(state).to_string();
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
