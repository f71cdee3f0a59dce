//! Writes results to stdout, and progress to stderr.

use std::{
    io::{self, Write},
    sync::LazyLock,
};

use indicatif::{MultiProgress, ProgressBar};
use serde::Serialize;

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    render,
};

static PROGRESS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// The form of results on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    /// Text for people.
    Text,
    /// JSON lines for programs.
    Json,
}

/// Shows a progress bar.
pub(crate) fn add_progress(bar: ProgressBar) -> ProgressBar {
    PROGRESS.add(bar)
}

/// Runs `write` while the progress bars are hidden.
pub(crate) fn above_progress<T>(write: impl FnOnce() -> T) -> T {
    PROGRESS.suspend(write)
}

/// Prints text for people to stdout. It escapes control characters again, in case a caller forgot to.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    write(&render::escape(text, |c| render::is_unsafe(c) && c != '\n'))
}

/// Writes text to stdout, unchanged.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn write(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).or_exit(Exit::Machine)
}

/// Prints one JSON object as a line to stdout.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    write(&json_line(value)?)
}

/// Serialises a value as one line of JSON.
///
/// # Errors
/// If the value cannot be serialised.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, CliError> {
    let mut line = serde_json::to_string(value).or_exit(Exit::Machine)?;
    line.push('\n');
    Ok(line)
}
