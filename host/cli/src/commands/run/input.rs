//! Reads lines and parses commands on a thread of its own, because a read of stdin cannot be cancelled.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use cantus_host::wire::{CommandSyntaxError, parse_command};
use cantus_model::Command;
use tokio::sync::mpsc;

use crate::exit_codes::{CliError, Exit, OrExit};

/// A line of the input.
pub(crate) enum InputLine {
    /// A command, and the count of bytes of the input up to its end.
    Command { line: u64, command: Box<Command>, bytes: u64 },
    /// A line that is not a command.
    Invalid { line: u64, column: usize, message: String },
    /// The input cannot be read to its end.
    Unreadable(io::Error),
}

/// An open input.
pub(crate) struct Input {
    reader: Box<dyn BufRead + Send>,
    /// Its length, if it is a file.
    pub(crate) bytes: Option<u64>,
}

/// Opens a file, or stdin for `-`.
pub(crate) fn open(path: &Path) -> Result<Input, CliError> {
    if path.as_os_str() == "-" {
        return Ok(Input { reader: Box::new(BufReader::new(io::stdin())), bytes: None });
    }
    let context = || format!("the command file {}", path.display());
    let file = File::open(path).or_exit_with(Exit::Usage, context)?;
    let metadata = file.metadata().or_exit_with(Exit::Usage, context)?;
    if metadata.is_dir() {
        return Err(CliError::new(Exit::Usage, format!("{} is a folder: give a file", context())));
    }
    let bytes = metadata.is_file().then_some(metadata.len());
    Ok(Input { reader: Box::new(BufReader::with_capacity(1 << 16, file)), bytes })
}

/// Reads lines of at most `limit` bytes, and at most `ahead` lines before they are received. `new_id` makes the id of a command
/// without one.
pub(crate) fn read(
    input: Input,
    limit: usize,
    ahead: usize,
    mut new_id: impl FnMut() -> String + Send + 'static,
) -> mpsc::Receiver<InputLine> {
    let (sender, receiver) = mpsc::channel(ahead);
    // The thread is detached: it ends with its input, or when the receiver is dropped.
    std::thread::spawn(move || {
        let mut reader = input.reader;
        let (mut line, mut bytes) = (0, 0);
        let mut buffer = Vec::new();
        loop {
            line += 1;
            let parsed = match read_line(&mut reader, &mut buffer, limit) {
                Ok(None) => return,
                Ok(Some(length)) => {
                    bytes += length as u64;
                    parse_line(line, bytes, &buffer, length, limit, &mut new_id)
                }
                Err(error) => Some(InputLine::Unreadable(error)),
            };
            let last = matches!(parsed, Some(InputLine::Unreadable(_)));
            if parsed.is_some_and(|parsed| sender.blocking_send(parsed).is_err()) || last {
                return;
            }
        }
    });
    receiver
}

/// Parses one line; `None` if it is blank.
fn parse_line(
    line: u64,
    bytes: u64,
    text: &[u8],
    length: usize,
    limit: usize,
    new_id: impl FnOnce() -> String,
) -> Option<InputLine> {
    if text.len() > limit {
        let message = format!("the line has {length} bytes, more than the limit of {limit} (setting line_bytes)");
        return Some(InputLine::Invalid { line, column: limit, message });
    }
    if text.trim_ascii().is_empty() {
        return None;
    }
    Some(match parse_command(text, new_id) {
        Ok(command) => InputLine::Command { line, command: Box::new(command), bytes },
        Err(CommandSyntaxError { column, message }) => InputLine::Invalid { line, column, message },
    })
}

/// Reads one line without its end into `buffer`, which holds at most `limit` + 1 bytes of it. Returns the count of bytes that
/// were read; `None` at the end of the input.
fn read_line(reader: &mut impl BufRead, buffer: &mut Vec<u8>, limit: usize) -> io::Result<Option<usize>> {
    buffer.clear();
    let mut length = 0;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok((length > 0).then_some(length));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let text = &available[..end.unwrap_or(available.len())];
        buffer.extend_from_slice(&text[..text.len().min((limit + 1).saturating_sub(buffer.len()))]);
        let consumed = end.map_or(available.len(), |end| end + 1);
        length += consumed;
        reader.consume(consumed);
        if end.is_some() {
            return Ok(Some(length));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cantus_host::wire::new_command_id;

    use super::*;

    #[test]
    fn long_lines_are_cut_and_the_next_one_is_whole() {
        let text = b"short\n\nmuch too long\nlast";
        let mut reader = BufReader::with_capacity(3, text.as_slice());
        let mut buffer = Vec::new();
        let mut lines = Vec::new();
        while let Some(length) = read_line(&mut reader, &mut buffer, 5).unwrap() {
            lines.push((length, String::from_utf8(buffer.clone()).unwrap()));
        }
        let expected = [(6, "short"), (1, ""), (14, "much t"), (4, "last")];
        assert_eq!(lines, expected.map(|(length, text)| (length, text.to_owned())));
    }

    #[test]
    fn blank_lines_are_skipped_and_long_ones_reported() {
        assert!(parse_line(1, 2, b" \r", 3, 10, new_command_id).is_none());
        let Some(InputLine::Invalid { line: 3, message, .. }) =
            parse_line(3, 20, b"12345678901", 20, 10, new_command_id)
        else {
            panic!()
        };
        assert!(message.contains("20 bytes"), "{message}");
    }
}
