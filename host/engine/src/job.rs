//! One command on its way through the engine.

use std::{sync::Arc, thread};

use cantus_model::{
    AggregateRef, Command, Context, Decision, Digest, Entry, EntryResult, Message, Timestamp, ports::StoreError,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    Answer, CommandError, byte_budget::HeldBytes, commit_queue::Ticket, plugins::Route, stats::StatsCounters,
    stop_signal::StopSignal,
};

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
    /// Its place in the shard's queue, given back with the answer.
    pub(crate) place: OwnedSemaphorePermit,
    /// Its bytes, and those of its decision, given back with the answer.
    pub(crate) bytes: HeldBytes,
    pub(crate) reply: Reply,
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
        let Self { place, bytes, reply, .. } = self;
        drop((place, bytes)); // so that whoever hears the answer finds room
        reply.send(answer);
    }
}

/// The way back to whoever waits for a command. One that is dropped unused says why nobody decides any more.
pub(crate) struct Reply {
    caller: Option<oneshot::Sender<Answer>>,
    stats: Arc<StatsCounters>,
    signal: Arc<StopSignal>,
}

impl Reply {
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

impl Drop for Reply {
    fn drop(&mut self) {
        self.answer(|signal| {
            // What unwinds holds this one: the reason has to stand before it is told.
            signal.stop_if_panicking(thread::current().name().unwrap_or("a thread"));
            Err(signal.refusal())
        });
    }
}

/// A job at the committer.
pub(crate) struct Submission {
    pub(crate) shard: usize,
    pub(crate) job: Job,
    pub(crate) entry: Entry,
    /// For an entry without a decision: the answer, unless the command turns out to be decided already.
    pub(crate) held: Option<CommandError>,
}

impl Submission {
    /// The entry for the store, and what is needed to answer.
    pub(crate) fn into_parts(self) -> (Entry, Ticket) {
        let Self { shard, job, entry, held } = self;
        (entry, Ticket { shard, job, held })
    }

    /// What [`Self::into_parts`] took apart.
    pub(crate) fn from_parts(entry: Entry, ticket: Ticket) -> Self {
        let Ticket { shard, job, held } = ticket;
        Self { shard, job, entry, held }
    }
}

/// A job that came back from the committer.
pub(crate) struct Settled {
    pub(crate) submission: Submission,
    pub(crate) result: Result<EntryResult, StoreError>,
}
