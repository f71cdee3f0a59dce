//! One command on its way through the engine.

use cantus_model::{AggregateRef, Command, Context, Digest, Entry, EntryResult, Message, Timestamp, ports::StoreError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{Answer, CommandError, plugins::Route, stats::StatsCounters};

/// A command that was admitted and must be answered.
pub(crate) struct Job {
    pub(crate) command: Command,
    pub(crate) request_hash: Digest,
    /// Who will decide it, as far as its shard knows.
    pub(crate) route: Option<Route>,
    /// Why nobody will, although it may have been decided before.
    pub(crate) refused: Option<CommandError>,
    pub(crate) admitted_at: Timestamp,
    /// How often it was decided in vain.
    pub(crate) conflicts: u32,
    pub(crate) reply: oneshot::Sender<Answer>,
    /// Its place in the shard's queue, given back with the answer.
    pub(crate) place: OwnedSemaphorePermit,
}

impl Job {
    pub(crate) fn aggregate(&self) -> &AggregateRef {
        &self.command.aggregate
    }

    /// What the guest is asked, in the version that `route` says.
    pub(crate) fn message(&self, route: &Route) -> Message {
        Message { name: self.command.name.clone(), version: route.version, payload: self.command.payload.clone() }
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

    pub(crate) fn answer(self, answer: Answer, stats: &StatsCounters) {
        stats.answered(&answer);
        drop(self.place); // so that whoever hears the answer finds room
        // The caller may have stopped waiting; what is decided stays decided.
        let _ = self.reply.send(answer);
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

/// A job that came back from the committer.
pub(crate) struct Settled {
    pub(crate) submission: Submission,
    pub(crate) result: Result<EntryResult, StoreError>,
}
