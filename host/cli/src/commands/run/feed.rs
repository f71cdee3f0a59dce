//! The feed: submits commands in the order of their lines, with a bounded number on their way.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use cantus_engine::{Engine, StopReason};
use cantus_model::{Answer, Command, CommandError, ports::StoreError};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    answer::OutcomeLine, input::Item, order::AnswerOrder, outcomes::Outcomes, progress::FeedProgress, tally::Tally,
};
use crate::exit_codes::{CliError, Exit};

/// What the feed runs on.
pub(super) struct Feed {
    pub(super) engine: Arc<Engine>,
    pub(super) in_flight: usize,
    pub(super) pace: Pace,
    pub(super) stop: oneshot::Receiver<()>,
    /// Resolves if the engine stops by itself.
    pub(super) stopped: Pin<Box<dyn Future<Output = StopReason> + Send>>,
}

/// How fast lines are taken.
pub(super) struct Pace {
    per_second: Option<u32>,
    started: Instant,
    taken: u32,
}

impl Pace {
    /// At most so many a second, or as fast as they go.
    pub(super) fn new(per_second: Option<u32>) -> Self {
        Self { per_second, started: Instant::now(), taken: 0 }
    }

    /// When the next line may be taken.
    fn next_at(&self) -> Instant {
        self.per_second.map_or(self.started, |rate| self.started + Duration::from_secs(1) / rate * self.taken)
    }

    fn take(&mut self) {
        self.taken = self.taken.saturating_add(1);
    }
}

/// Why the feed ended. Everything that was on its way has been answered by then.
pub(super) enum Ended {
    /// All lines were read.
    Finished,
    /// Somebody asked to stop.
    Interrupted,
    /// The store failed.
    Store(StoreError),
    /// A part of the host panicked.
    Panicked(StopReason),
    /// The input could not be read to its end.
    Input(io::Error),
    /// The outcomes could not be written.
    Outcomes(io::Error),
}

/// A command that the engine had no room for.
struct Held {
    line: u64,
    command: Box<Command>,
    retry_at: Instant,
}

struct AnsweredLine {
    line: u64,
    command: Box<Command>,
    answer: Answer,
}

impl Feed {
    /// Feeds all lines and waits for all answers.
    pub(super) async fn run(
        mut self,
        mut lines: mpsc::Receiver<Item>,
        mut outcomes: Outcomes,
        tally: &mut Tally,
        progress: &FeedProgress,
    ) -> Ended {
        let mut flights = FuturesUnordered::new();
        let mut order = AnswerOrder::default();
        let mut held: Option<Held> = None;
        let mut ended = None;
        let mut bytes = 0;
        while ended.is_none() || !flights.is_empty() {
            let retry_at = held.as_ref().map_or_else(Instant::now, |held| held.retry_at);
            let may_submit = ended.is_none() && flights.len() + order.waiting() < self.in_flight;
            let (may_read, next_at) = (may_submit && held.is_none(), self.pace.next_at());
            let too_early = next_at > Instant::now();
            let submit = tokio::select! {
                biased;
                Ok(()) = &mut self.stop, if ended.is_none() => {
                    ended = Some(Ended::Interrupted);
                    None
                }
                reason = &mut self.stopped, if ended.is_none() => {
                    ended = Some(Ended::from(reason));
                    None
                }
                Some(answered) = flights.next(), if !flights.is_empty() => {
                    let others = std::iter::from_fn(|| flights.next().now_or_never().flatten());
                    let answers = std::iter::once(answered).chain(others);
                    let failed = settle_all(answers.flat_map(|answered| leaving(&mut order, answered)), &mut outcomes, tally);
                    let failed = failed.map(Ended::Store).or(outcomes.flush().err().map(Ended::Outcomes));
                    ended = match ended {
                        // The first failure is the one to tell; it counts for more than the end of the input.
                        Some(Ended::Store(_) | Ended::Panicked(_) | Ended::Outcomes(_)) => ended,
                        ended => failed.or(ended),
                    };
                    progress.update(bytes, tally);
                    None
                }
                () = tokio::time::sleep_until(retry_at), if may_submit && held.is_some() => {
                    held.take().map(|held| (held.line, held.command))
                }
                () = tokio::time::sleep_until(next_at), if may_read && too_early => None,
                item = lines.recv(), if may_read && !too_early => match item {
                    Some(Item::Command { line, command, bytes: until }) => {
                        self.pace.take();
                        bytes = until;
                        Some((line, command))
                    }
                    Some(Item::Invalid { line, column, message }) => {
                        outcomes.push(|| OutcomeLine::invalid(line, column, &message).json());
                        tally.add_invalid(line, column, &message);
                        ended = outcomes.flush().err().map(Ended::Outcomes);
                        None
                    }
                    Some(Item::Unreadable(error)) => {
                        ended = Some(Ended::Input(error));
                        None
                    }
                    None => {
                        ended = Some(Ended::Finished);
                        None
                    }
                },
            };
            if let Some((line, command)) = submit {
                let aggregate = command.aggregate.clone();
                match self.submit(line, command) {
                    Ok(flight) => {
                        order.submitted(&aggregate, line);
                        flights.push(flight);
                    }
                    Err(overloaded) => held = Some(overloaded),
                }
            }
        }
        ended.unwrap_or(Ended::Finished)
    }

    /// Submits a command. If the engine is overloaded it is held: the lines behind it must not overtake it.
    fn submit(&self, line: u64, mut command: Box<Command>) -> Result<impl Future<Output = AnsweredLine> + use<>, Held> {
        let submitted = match self.engine.submit((*command).clone()) {
            Err(CommandError::Overloaded { retry_after_ms }) => {
                return Err(Held { line, command, retry_at: Instant::now() + Duration::from_millis(retry_after_ms) });
            }
            submitted => submitted,
        };
        command.payload = Vec::new(); // the engine has it
        Ok(async move {
            let answer = match submitted {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            };
            AnsweredLine { line, command, answer }
        })
    }
}

/// The answers that may leave now that this one has come.
fn leaving(order: &mut AnswerOrder<AnsweredLine>, answered: AnsweredLine) -> Vec<AnsweredLine> {
    let aggregate = answered.command.aggregate.clone();
    order.answered(&aggregate, answered.line, answered)
}

/// Counts answers and writes their lines; returns the store's first failure, if there is one.
fn settle_all(
    answers: impl Iterator<Item = AnsweredLine>,
    outcomes: &mut Outcomes,
    tally: &mut Tally,
) -> Option<StoreError> {
    let mut failed = None;
    for AnsweredLine { line, command, answer } in answers {
        outcomes.push(|| OutcomeLine::of(line, &command, &answer).json());
        tally.add(line, &answer);
        if let Err(CommandError::Store(error)) = answer {
            failed.get_or_insert(error);
        }
    }
    failed
}

impl From<StopReason> for Ended {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Store(error) => Self::Store(error),
            StopReason::Panicked(_) => Self::Panicked(reason),
        }
    }
}

impl Ended {
    /// The exit code, or what to say about the failure.
    pub(super) fn exit(self, tally: &Tally) -> Result<Exit, CliError> {
        let acknowledged = tally.acknowledged();
        match self {
            Self::Finished if tally.failed() + tally.invalid() > 0 => Ok(Exit::Some),
            Self::Finished => Ok(Exit::Ok),
            Self::Interrupted => Ok(Exit::Interrupted),
            // What is lost may be lost with what was acknowledged.
            Self::Store(error @ StoreError::Lost(_)) => Err(CliError::new(
                Exit::Store,
                format!("{error}; {acknowledged} commands were acknowledged before that, the rest was not run"),
            )),
            Self::Panicked(reason) => Err(CliError::new(
                Exit::Machine,
                format!("{reason}; {acknowledged} commands were acknowledged and are stored, the rest was not run"),
            )),
            Self::Store(error) => Err(CliError::new(
                Exit::Store,
                format!("{error}; {acknowledged} commands were acknowledged and are stored, the rest was not run"),
            )),
            Self::Input(error) => Err(CliError::new(
                Exit::Usage,
                format!("the commands cannot be read any further: {error}; {acknowledged} were acknowledged"),
            )),
            Self::Outcomes(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(CliError::new(
                Exit::Some,
                format!(
                    "nobody reads the outcomes any more, so the rest was not run; {acknowledged} commands were acknowledged"
                ),
            )),
            Self::Outcomes(error) => Err(CliError::new(
                Exit::Machine,
                format!("the outcomes cannot be written: {error}; {acknowledged} commands were acknowledged"),
            )),
        }
    }
}
