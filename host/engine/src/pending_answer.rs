//! Answers that callers wait for.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use cantus_model::{Answer, CommandError};
use tokio::sync::oneshot;

/// A future of the answer to a submitted command.
#[derive(Debug)]
pub struct PendingAnswer(pub(crate) oneshot::Receiver<Answer>);

impl Future for PendingAnswer {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(CommandError::ShuttingDown)))
    }
}
