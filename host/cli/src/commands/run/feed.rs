//! The feed: submits commands in the order of their lines, with a bound on those that are not answered yet.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use cantus_engine::{Engine, StopReason};
use cantus_model::{Answer, Command, CommandError, ports::StoreError};
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    answer_order::AnswerOrder, input::InputLine, outcome_line::OutcomeLine, outcomes::Outcomes, progress::FeedProgress,
    run_counts::RunCounts,
};
use crate::exit_codes::{CliError, Exit};

/// The parts of a feed.
pub(super) struct Feed {
    pub(super) engine: Arc<Engine>,
    pub(super) in_flight: usize,
    pub(super) rate_limit: RateLimit,
    pub(super) stop: oneshot::Receiver<()>,
    /// Resolves if the engine stops by itself.
    pub(super) stopped: Pin<Box<dyn Future<Output = StopReason> + Send>>,
}

/// Limits the commands that are submitted in a second.
pub(super) struct RateLimit {
    per_second: Option<u32>,
    started: Instant,
    submitted: u32,
}

impl RateLimit {
    /// Creates a limit of commands in a second; `None` is no limit.
    pub(super) fn new(per_second: Option<u32>) -> Self {
        Self { per_second, started: Instant::now(), submitted: 0 }
    }

    /// Returns the time at which the next command may be submitted.
    fn next_at(&self) -> Instant {
        self.per_second.map_or(self.started, |rate| self.started + Duration::from_secs(1) / rate * self.submitted)
    }

    fn count(&mut self) {
        self.submitted = self.submitted.saturating_add(1);
    }
}

/// The reason why the feed ended. All submitted commands are answered by then.
pub(super) enum FeedEnd {
    /// All lines were read and answered.
    Finished,
    /// A signal asked to stop.
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

/// A command that the engine answered with `overloaded`, until it is submitted again.
struct OverloadedCommand {
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
        mut lines: mpsc::Receiver<InputLine>,
        mut outcomes: Outcomes,
        counts: &mut RunCounts,
        progress: &FeedProgress,
    ) -> FeedEnd {
        let mut pending = FuturesUnordered::new();
        let mut order = AnswerOrder::default();
        let mut overloaded: Option<OverloadedCommand> = None;
        let mut end = None;
        let mut bytes = 0;
        while end.is_none() || !pending.is_empty() {
            let retry_at = overloaded.as_ref().map_or_else(Instant::now, |command| command.retry_at);
            let may_submit = end.is_none() && pending.len() + order.waiting() < self.in_flight;
            let (may_read, next_at) = (may_submit && overloaded.is_none(), self.rate_limit.next_at());
            let too_early = next_at > Instant::now();
            let submit = tokio::select! {
                biased;
                Ok(()) = &mut self.stop, if end.is_none() => {
                    end = Some(FeedEnd::Interrupted);
                    None
                }
                reason = &mut self.stopped, if end.is_none() => {
                    end = Some(FeedEnd::from(reason));
                    None
                }
                Some(answered) = pending.next(), if !pending.is_empty() => {
                    let others = std::iter::from_fn(|| pending.next().now_or_never().flatten());
                    let answers = std::iter::once(answered).chain(others);
                    let failed = record_answers(answers.flat_map(|answered| in_order(&mut order, answered)), &mut outcomes, counts);
                    let failed = failed.map(FeedEnd::Store).or(outcomes.flush().err().map(FeedEnd::Outcomes));
                    end = match end {
                        // The first failure is reported, also if the input has ended before it.
                        Some(FeedEnd::Store(_) | FeedEnd::Panicked(_) | FeedEnd::Outcomes(_)) => end,
                        end => failed.or(end),
                    };
                    progress.update(bytes, counts);
                    None
                }
                () = tokio::time::sleep_until(retry_at), if may_submit && overloaded.is_some() => {
                    overloaded.take().map(|retried| (retried.line, retried.command))
                }
                () = tokio::time::sleep_until(next_at), if may_read && too_early => None,
                item = lines.recv(), if may_read && !too_early => match item {
                    Some(InputLine::Command { line, command, bytes: until }) => {
                        self.rate_limit.count();
                        bytes = until;
                        Some((line, command))
                    }
                    Some(InputLine::Invalid { line, column, message }) => {
                        outcomes.push(|| OutcomeLine::invalid(line, column, &message).json());
                        counts.add_invalid(line, column, &message);
                        end = outcomes.flush().err().map(FeedEnd::Outcomes);
                        None
                    }
                    Some(InputLine::Unreadable(error)) => {
                        end = Some(FeedEnd::Input(error));
                        None
                    }
                    None => {
                        end = Some(FeedEnd::Finished);
                        None
                    }
                },
            };
            if let Some((line, command)) = submit {
                let aggregate = command.aggregate.clone();
                match self.submit(line, command) {
                    Ok(answer) => {
                        order.submitted(&aggregate, line);
                        pending.push(answer);
                    }
                    Err(command) => overloaded = Some(command),
                }
            }
        }
        end.unwrap_or(FeedEnd::Finished)
    }

    /// Submits a command. If the engine is overloaded, the command is returned, and later lines wait: commands for one
    /// aggregate must stay in order.
    fn submit(
        &self,
        line: u64,
        mut command: Box<Command>,
    ) -> Result<impl Future<Output = AnsweredLine> + use<>, OverloadedCommand> {
        let submitted = match self.engine.submit((*command).clone()) {
            Err(CommandError::Overloaded { retry_after_ms }) => {
                return Err(OverloadedCommand {
                    line,
                    command,
                    retry_at: Instant::now() + Duration::from_millis(retry_after_ms),
                });
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

/// Returns the answers that can be written after this one has arrived.
fn in_order(order: &mut AnswerOrder<AnsweredLine>, answered: AnsweredLine) -> Vec<AnsweredLine> {
    let aggregate = answered.command.aggregate.clone();
    order.answered(&aggregate, answered.line, answered)
}

/// Counts answers and writes their lines. Returns the first failure of the store, if there is one.
fn record_answers(
    answers: impl Iterator<Item = AnsweredLine>,
    outcomes: &mut Outcomes,
    counts: &mut RunCounts,
) -> Option<StoreError> {
    let mut failed = None;
    for AnsweredLine { line, command, answer } in answers {
        outcomes.push(|| OutcomeLine::answered(line, &command, &answer).json());
        counts.add(line, &answer);
        if let Err(CommandError::Store(error)) = answer {
            failed.get_or_insert(error);
        }
    }
    failed
}

impl From<StopReason> for FeedEnd {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Store(error) => Self::Store(error),
            StopReason::Panicked(_) => Self::Panicked(reason),
        }
    }
}

impl FeedEnd {
    /// Returns the exit code, or the error.
    pub(super) fn exit(self, counts: &RunCounts) -> Result<Exit, CliError> {
        let acknowledged = counts.acknowledged();
        match self {
            Self::Finished if counts.failed() + counts.invalid() > 0 => Ok(Exit::Partial),
            Self::Finished => Ok(Exit::Ok),
            Self::Interrupted => Ok(Exit::Interrupted),
            // A store that is lost may have lost acknowledged commands, so the message does not say that they are stored.
            Self::Store(error @ StoreError::Lost(_)) => Err(CliError::new(
                Exit::Store,
                format!("{error}; {acknowledged} commands were acknowledged before that, the others were not run"),
            )),
            Self::Panicked(reason) => Err(CliError::new(
                Exit::Machine,
                format!("{reason}; {acknowledged} commands were acknowledged and are stored, the others were not run"),
            )),
            Self::Store(error) => Err(CliError::new(
                Exit::Store,
                format!("{error}; {acknowledged} commands were acknowledged and are stored, the others were not run"),
            )),
            Self::Input(error) => Err(CliError::new(
                Exit::Usage,
                format!("the commands cannot be read to their end: {error}; {acknowledged} commands were acknowledged"),
            )),
            Self::Outcomes(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(CliError::new(
                Exit::Partial,
                format!(
                    "the reader of the outcomes has closed them; {acknowledged} commands were acknowledged, the others were not run"
                ),
            )),
            Self::Outcomes(error) => Err(CliError::new(
                Exit::Machine,
                format!("the outcomes cannot be written: {error}; {acknowledged} commands were acknowledged"),
            )),
        }
    }
}
