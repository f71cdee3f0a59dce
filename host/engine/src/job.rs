//! One command on its way through the engine.

use std::{sync::Arc, thread};

use cantus_model::{AggregateRef, Answer, Command, CommandError, Context, Decision, Digest, Message, Route, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{byte_budget::ByteReservation, stats::StatsCounters, stop_signal::StopSignal};

/// A command that was admitted and must be answered.
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) request_hash: Digest,
    /// Who will decide it, as far as its shard knows.
    pub(crate) route: Option<Route>,
    /// Why nobody will, although it may have been decided before.
    pub(crate) refused: Option<CommandError>,
    pub(crate) admitted_at: Timestamp,
    /// The store is asked whether it is known, before it is decided.
    pub(crate) is_probe: bool,
    /// How often it was decided in vain.
    pub(crate) conflicts: u32,
    /// Its permit for the shard's queue, given back with the answer.
    pub(crate) permit: OwnedSemaphorePermit,
    /// Its bytes, and those of its decision, given back with the answer.
    pub(crate) bytes: ByteReservation,
    pub(crate) reply: Responder,
}

impl Job {
    pub(crate) fn aggregate(&self) -> &AggregateRef {
        &self.command.aggregate
    }

    /// Whether its aggregate waits for it while it is at the committer. A refusal depends on no state, and a probe has no
    /// decision.
    pub(crate) fn is_counted(&self) -> bool {
        self.refused.is_none() && !self.is_probe
    }

    /// What the guest is asked, in the version that `route` says. The payload leaves the job with it, because it is large.
    pub(crate) fn take_message(&mut self, route: &Route) -> Message {
        let payload = std::mem::take(&mut self.command.payload);
        Message { name: self.command.name.clone(), version: route.version, payload }
    }

    /// Takes back the payload: the command is to be decided again, or was not decided.
    pub(crate) fn put_back(&mut self, message: Message) {
        self.command.payload = message.payload;
    }

    /// Forgets a decision that did not hold.
    pub(crate) fn undo(&mut self, decision: Option<Decision>) {
        self.bytes.set_extra(0);
        if let Some(decision) = decision {
            self.put_back(decision.command);
        }
    }

    /// The context to decide it in. `last_at` keeps time from running backwards within the stream.
    pub(crate) fn context(&self, last_at: Timestamp) -> Context {
        let command = &self.command;
        Context {
            command_id: command.id.clone(),
            now: self.admitted_at.max(last_at),
            seed: command.seed(),
            correlation_id: command.correlation_id.clone().unwrap_or_else(|| command.id.clone()),
            causation_id: command.causation_id.clone(),
            actor: command.actor.clone(),
            metadata: command.metadata.clone(),
        }
    }

    pub(crate) fn answer(self, answer: Answer) {
        let Self { permit, bytes, reply, .. } = self;
        drop((permit, bytes)); // so that whoever hears the answer finds room
        reply.send(answer);
    }
}

/// The way back to whoever waits for a command. One that is dropped unused says why nobody decides any more.
pub(crate) struct Responder {
    caller: Option<oneshot::Sender<Answer>>,
    stats: Arc<StatsCounters>,
    signal: Arc<StopSignal>,
}

impl Responder {
    pub(crate) fn new(stats: &Arc<StatsCounters>, signal: &Arc<StopSignal>) -> (Self, oneshot::Receiver<Answer>) {
        let (caller, pending) = oneshot::channel();
        (Self { caller: Some(caller), stats: Arc::clone(stats), signal: Arc::clone(signal) }, pending)
    }

    fn send(mut self, answer: Answer) {
        self.answer(|_| answer);
    }

    fn answer(&mut self, answer: impl FnOnce(&StopSignal) -> Answer) {
        if let Some(caller) = self.caller.take() {
            let answer = answer(&self.signal);
            self.stats.answered(&answer);
            // The caller may have stopped waiting; what is decided stays decided.
            let _ = caller.send(answer);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.answer(|signal| {
            // What unwinds holds this one: the reason has to stand before it is told.
            signal.stop_if_panicking(thread::current().name().unwrap_or("a thread"));
            Err(signal.refusal())
        });
    }
}
