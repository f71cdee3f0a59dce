//! The file of outcomes. Only whole lines are written, and only for commands whose batch is durable. After a crash, the file must
//! contain the commands that were acknowledged, so it cannot be renamed at the end: an empty file appears at the start, and
//! lines are appended to it.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::{
    exit_codes::{CliError, Exit},
    output_file::{OutputFile, ProtectedFiles, ReplacePolicy, open_device},
};

/// The writer of outcomes.
pub(super) struct Outcomes {
    sink: Option<Box<dyn Write + Send>>,
    lines: Vec<u8>,
}

/// Opens the file or the device, or stdout for `-`. Without a path, outcomes are dropped. An earlier file of outcomes is
/// replaced; another file only with `--force`.
///
/// # Errors
/// If the file cannot be created, or a file exists that must not be replaced.
pub(super) fn open(path: Option<&Path>, force: bool, protected: &ProtectedFiles) -> Result<Outcomes, CliError> {
    let sink: Option<Box<dyn Write + Send>> = match path {
        None => None,
        Some(path) if path.as_os_str() == "-" => Some(Box::new(io::stdout())),
        Some(path) => Some(open_file(path, force, protected).map_err(|failure| CliError {
            exit: Exit::Usage,
            error: failure.error.context("the file of --outcomes"),
        })?),
    };
    Ok(Outcomes { sink, lines: Vec::new() })
}

fn open_file(path: &Path, force: bool, protected: &ProtectedFiles) -> Result<Box<dyn Write + Send>, CliError> {
    if let Some(device) = open_device(path, protected)? {
        return Ok(Box::new(device));
    }
    let output = OutputFile::new(path, ReplacePolicy::Earlier(is_earlier).or_forced(force), protected)?;
    Ok(Box::new(output.persist(output.create()?)?))
}

/// Recognises a file of outcomes by its beginning.
fn is_earlier(start: &[u8]) -> bool {
    start.starts_with(b"{\"line\":")
}

impl Outcomes {
    /// Adds a line, which the next [`Outcomes::flush`] writes.
    pub(super) fn push(&mut self, line: impl FnOnce() -> String) {
        if self.sink.is_some() {
            self.lines.extend_from_slice(line().as_bytes());
        }
    }

    /// Writes the lines. After a failure, which is returned once, later lines are dropped.
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
