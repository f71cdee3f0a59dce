//! The file of outcomes. Only whole lines are written, and only for commands whose batch is durable: whoever reads the
//! file after a crash finds acknowledged commands alone.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use crate::exit_codes::{Exit, Failure, OrExit};

/// Where outcomes go.
pub(super) struct Outcomes {
    sink: Option<Box<dyn Write + Send>>,
    lines: Vec<u8>,
}

/// Opens the file, or stdout for `-`, or nothing. A file that is there is written anew, unless it is the `input`.
pub(super) fn open(path: Option<&Path>, input: &Path) -> Result<Outcomes, Failure> {
    if let (Some(Ok(path)), Ok(input)) = (path.map(Path::canonicalize), input.canonicalize())
        && path == input
    {
        return Err(Failure::new(Exit::Usage, "--outcomes names the file of commands: it would be overwritten"));
    }
    let sink: Option<Box<dyn Write + Send>> = match path {
        None => None,
        Some(path) if path.as_os_str() == "-" => Some(Box::new(io::stdout())),
        Some(path) => {
            let file =
                File::create(path).or_exit_while(Exit::Usage, || format!("the outcome file {}", path.display()))?;
            Some(Box::new(file))
        }
    };
    Ok(Outcomes { sink, lines: Vec::new() })
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
