//! Keeps the output of guests out of the log.

/// Runs guests without logging their output: it was logged when it happened, or never happens.
pub(crate) fn without_logging<T>(run: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), run)
}
