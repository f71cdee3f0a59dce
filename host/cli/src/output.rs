//! The two streams that people and programs read: stdout for results, stderr for progress.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::LazyLock,
};

use indicatif::{MultiProgress, ProgressBar};
use serde::Serialize;

use crate::exit_codes::{Exit, Failure, OrExit};

static PROGRESS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Shows a progress bar, on a terminal only.
pub(crate) fn show(bar: ProgressBar) -> ProgressBar {
    PROGRESS.add(bar)
}

/// Runs `write` while the progress bar stands aside.
pub(crate) fn above_progress<T>(write: impl FnOnce() -> T) -> T {
    PROGRESS.suspend(write)
}

/// Prints text to stdout. Ids and texts of callers may be in it, which a terminal must not obey.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(harmless(text).as_bytes()).and_then(|()| stdout.flush()).or_exit(Exit::Machine)
}

/// With control characters escaped, but for line ends and tabs.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_control) {
        return text.into();
    }
    text.chars()
        .fold(String::with_capacity(text.len()), |mut safe, c| {
            match is_control(c) {
                true => safe.extend(c.escape_unicode()),
                false => safe.push(c),
            }
            safe
        })
        .into()
}

/// Prints one JSON object on a line of its own to stdout.
///
/// # Errors
/// If stdout is closed or cannot be written.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&json_line(value)?)
}

/// One JSON object and a line end.
///
/// # Errors
/// If the value cannot be serialised.
pub(crate) fn json_line(value: &impl Serialize) -> Result<String, Failure> {
    let mut line = serde_json::to_string(value).or_exit(Exit::Machine)?;
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_caller() {
        assert_eq!(harmless("a\u{1b}[2Jb\tc\nd\u{9b}"), "a\\u{1b}[2Jb\tc\nd\\u{9b}");
        assert!(matches!(harmless("é → 1\n"), Cow::Borrowed(_)));
    }
}
