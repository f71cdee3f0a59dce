//! The two streams that people and programs read: stdout for results, stderr for progress.

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

/// Shows a progress bar, on a terminal only.
pub(crate) fn show(bar: ProgressBar) -> ProgressBar {
    PROGRESS.add(bar)
}

/// Runs `write` while the progress bar stands aside.
pub(crate) fn above_progress<T>(write: impl FnOnce() -> T) -> T {
    PROGRESS.suspend(write)
}

/// Prints text for people to stdout. Whatever a terminal would obey is escaped, in case somebody forgot to.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    write(&render::escape(text, |c| render::is_unsafe(c) && c != '\n'))
}

/// Writes text to stdout, exactly.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn write(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).or_exit(Exit::Machine)
}

/// Prints one JSON object on a line of its own to stdout.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    write(&json_line(value)?)
}

/// One JSON object and a line end.
///
/// # Errors
/// If the value cannot be serialised.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, CliError> {
    let mut line = serde_json::to_string(value).or_exit(Exit::Machine)?;
    line.push('\n');
    Ok(line)
}
