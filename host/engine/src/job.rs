//! A command that is processed by the engine.

use std::{sync::Arc, thread};

use cantus_model::{AggregateRef, Answer, Command, CommandError, Context, Decision, Digest, Message, Route, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{byte_budget::ByteReservation, stats::StatsCounters, stop_signal::StopSignal};

/// A command that was admitted and must be answered.
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) request_hash: Digest,
    /// The component that decides it, as of the shard's current roster.
    pub(crate) route: Option<Route>,
    /// The reason to refuse it, unless it was decided before.
    pub(crate) refused: Option<CommandError>,
    pub(crate) admitted_at: Timestamp,
    /// The store is asked whether it is known, before it is decided.
    pub(crate) is_probe: bool,
    /// Count of its decisions that conflicted.
    pub(crate) conflicts: u32,
    /// Its permit for the shard's queue, released with the answer.
    pub(crate) permit: OwnedSemaphorePermit,
    /// Its bytes, and those of its decision, released with the answer.
    pub(crate) bytes: ByteReservation,
    pub(crate) reply: Responder,
}

impl Job {
    pub(crate) fn aggregate(&self) -> &AggregateRef {
        &self.command.aggregate
    }

    /// Reports whether it counts as a submission in flight of its aggregate. A refusal depends on no state, and a
    /// probe has no decision.
    pub(crate) fn counts_in_flight(&self) -> bool {
        self.refused.is_none() && !self.is_probe
    }

    /// Takes the message for the guest, in the version of `route`. The payload moves with it, because it may be
    /// large.
    pub(crate) fn take_message(&mut self, route: &Route) -> Message {
        let payload = std::mem::take(&mut self.command.payload);
        Message { name: self.command.name.clone(), version: route.version, payload }
    }

    /// Puts the payload back into the job: the command is decided again, or was not decided.
    pub(crate) fn restore_payload(&mut self, message: Message) {
        self.command.payload = message.payload;
    }

    /// Discards a decision that did not become durable.
    pub(crate) fn discard_decision(&mut self, decision: Option<Decision>) {
        self.bytes.set_extra(0);
        if let Some(decision) = decision {
            self.restore_payload(decision.command);
        }
    }

    /// The context in which it is decided. `last_at` keeps time from running backwards within the stream.
    pub(crate) fn context(&self, last_at: Timestamp) -> Context {
        self.command.context(self.admitted_at.max(last_at))
    }

    pub(crate) fn answer(self, answer: Answer) {
        let Self { permit, bytes, reply, .. } = self;
        drop((permit, bytes)); // before the answer, so that its receiver finds room
        reply.send(answer);
    }
}

/// Sends the answer to the caller. If it is dropped without an answer, it answers that nothing is decided any more.
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
            self.stats.record_answer(&answer);
            // The caller may have stopped waiting; the decision stays.
            let _ = caller.send(answer);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.answer(|signal| {
            // A panic may drop this responder: the reason must be set before it is reported.
            signal.stop_if_panicking(thread::current().name().unwrap_or("a thread"));
            Err(signal.command_error())
        });
    }
}
