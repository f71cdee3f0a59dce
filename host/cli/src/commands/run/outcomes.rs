//! The file of outcomes. Only whole lines are written, and only for commands whose batch is durable: whoever reads the
//! file after a crash finds acknowledged commands alone. So it cannot be written beside its place and renamed at the end:
//! an empty file takes the place at the beginning, and lines are added to it.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::{
    atomic_file::{AtomicFile, ProtectedFiles, Replace, open_device},
    exit_codes::{CliError, Exit},
};

/// Where outcomes go.
pub(super) struct Outcomes {
    sink: Option<Box<dyn Write + Send>>,
    lines: Vec<u8>,
}

/// Opens the file, a device, or stdout for `-`, or nothing. An earlier file of outcomes is replaced, any other only if
/// that is forced.
///
/// # Errors
/// If it cannot be made, or something is there that may not be replaced.
pub(super) fn open(path: Option<&Path>, force: bool, protected: &ProtectedFiles) -> Result<Outcomes, CliError> {
    let sink: Option<Box<dyn Write + Send>> = match path {
        None => None,
        Some(path) if path.as_os_str() == "-" => Some(Box::new(io::stdout())),
        Some(path) => Some(file(path, force, protected).map_err(|failure| CliError {
            exit: Exit::Usage,
            error: failure.error.context("the file of --outcomes"),
        })?),
    };
    Ok(Outcomes { sink, lines: Vec::new() })
}

fn file(path: &Path, force: bool, protected: &ProtectedFiles) -> Result<Box<dyn Write + Send>, CliError> {
    if let Some(device) = open_device(path, protected)? {
        return Ok(Box::new(device));
    }
    let file = AtomicFile::of(path, Replace::Earlier(is_earlier).or_forced(force), protected)?;
    let out = file.create()?;
    file.keep(&out)?;
    Ok(Box::new(out))
}

/// Whether a file that begins so is one of outcomes.
fn is_earlier(start: &[u8]) -> bool {
    start.starts_with(b"{\"line\":")
}

impl Outcomes {
    /// Adds a line, to be written by the next [`Outcomes::flush`].
    pub(super) fn push(&mut self, line: impl FnOnce() -> String) {
        if self.sink.is_some() {
            self.lines.extend_from_slice(line().as_bytes());
        }
    }

    /// Writes the lines. After a failure, which is told once, nothing is written any more.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        if self.lines.is_empty() {
            return Ok(());
        }
        let result = sink.write_all(&self.lines).and_then(|()| sink.flush());
        self.lines.clear();
        if result.is_err() {
            self.sink = None;
        }
        result
    }
}
