//! The signal by which all parts of an engine, and its owner, learn that the engine stopped by itself, and why.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use cantus_model::{CommandError, ports::StoreError};
use tokio::sync::watch;

/// An action that runs once, when the engine stops.
type OnStop = Box<dyn Fn() + Send>;

/// The reason why an engine stopped by itself. It decides nothing more; another one may be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// This host can write nothing more to the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread or a task of the host panicked. Its current commands may or may not be recorded.
    #[error("{0} panicked, so the host stopped: start it again, and report what was written to stderr")]
    Panicked(String),
}

impl From<StopReason> for CommandError {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Store(error) => Self::Store(error),
            StopReason::Panicked(_) => Self::HostFailed(reason.to_string()),
        }
    }
}

/// Shared by all parts of one engine.
#[derive(Default)]
pub(crate) struct StopSignal {
    /// No more commands are admitted.
    closed: AtomicBool,
    reason: watch::Sender<Option<StopReason>>,
    on_stop: Mutex<Vec<OnStop>>,
}

impl StopSignal {
    /// Registers an action for the moment when the engine stops. It must not block.
    pub(crate) fn on_stop(&self, action: impl Fn() + Send + 'static) {
        self.on_stop.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(action));
    }

    /// Ends the admission of commands.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.reason.borrow().is_some()
    }

    /// Stops the engine: the shards end, and with them the committers. The first reason is the one that counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        let description = reason.to_string();
        let is_first = self.reason.send_if_modified(|current| {
            let is_first = current.is_none();
            current.get_or_insert(reason);
            is_first
        });
        if !is_first {
            return;
        }
        self.close();
        tracing::error!(reason = description, "the engine stops");
        self.on_stop.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|action| action());
    }

    /// Stops the engine if the store can never be written again.
    pub(crate) fn stop_if_terminal(&self, error: &StoreError) {
        if error.is_terminal() {
            self.stop(error.clone().into());
        }
    }

    /// Stops the engine if this is called while the thread unwinds.
    pub(crate) fn stop_if_panicking(&self, part: &str) {
        if thread::panicking() {
            self.stop(StopReason::Panicked(part.to_owned()));
        }
    }

    /// The error for commands that are not decided any more.
    pub(crate) fn command_error(&self) -> CommandError {
        self.reason.borrow().clone().map_or(CommandError::ShuttingDown, CommandError::from)
    }

    /// Waits until the engine stops by itself; for ever if it never does.
    pub(crate) async fn stopped(&self) -> StopReason {
        let mut reason = self.reason.subscribe();
        match reason.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()) {
            Some(reason) => reason,
            None => std::future::pending().await, // the sender is `self`, so it is there
        }
    }
}

/// Stops the engine if the thread or task that holds it panics.
pub(crate) struct PanicGuard {
    signal: Arc<StopSignal>,
    part: String,
}

impl PanicGuard {
    pub(crate) fn new(signal: &Arc<StopSignal>, part: impl Into<String>) -> Self {
        Self { signal: Arc::clone(signal), part: part.into() }
    }
}

impl Drop for PanicGuard {
    fn drop(&mut self) {
        self.signal.stop_if_panicking(&self.part);
    }
}
