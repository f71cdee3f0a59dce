//! From lines to commands, on a thread of its own: a read of stdin cannot be called off.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use cantus_host::wire::{CommandSyntaxError, parse_command};
use cantus_model::Command;
use tokio::sync::mpsc;

use crate::exit_codes::{CliError, Exit, OrExit};

/// What the reader found.
pub(crate) enum Item {
    /// A command, and the bytes of the input up to its end.
    Command { line: u64, command: Box<Command>, bytes: u64 },
    /// A line that is no command.
    Invalid { line: u64, column: usize, message: String },
    /// The input cannot be read any further.
    Unreadable(io::Error),
}

/// An input that is open.
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
    let doing = || format!("the command file {}", path.display());
    let file = File::open(path).or_exit_while(Exit::Usage, doing)?;
    let metadata = file.metadata().or_exit_while(Exit::Usage, doing)?;
    if metadata.is_dir() {
        return Err(CliError::new(Exit::Usage, format!("{} is a folder: name a file", doing())));
    }
    let bytes = metadata.is_file().then_some(metadata.len());
    Ok(Input { reader: Box::new(BufReader::with_capacity(1 << 16, file)), bytes })
}

/// Reads lines of at most `limit` bytes, at most `ahead` of them before they are taken. `new_id` makes up the ids that are
/// absent.
pub(crate) fn read(
    input: Input,
    limit: usize,
    ahead: usize,
    mut new_id: impl FnMut() -> String + Send + 'static,
) -> mpsc::Receiver<Item> {
    let (items, taken) = mpsc::channel(ahead);
    // Detached on purpose: it ends with its input, or when nobody takes its items any more.
    std::thread::spawn(move || {
        let mut reader = input.reader;
        let (mut line, mut bytes) = (0, 0);
        let mut buffer = Vec::new();
        loop {
            line += 1;
            let item = match read_line(&mut reader, &mut buffer, limit) {
                Ok(None) => return,
                Ok(Some(length)) => {
                    bytes += length as u64;
                    item(line, bytes, &buffer, length, limit, &mut new_id)
                }
                Err(error) => Some(Item::Unreadable(error)),
            };
            let last = matches!(item, Some(Item::Unreadable(_)));
            if item.is_some_and(|item| items.blocking_send(item).is_err()) || last {
                return;
            }
        }
    });
    taken
}

fn item(
    line: u64,
    bytes: u64,
    text: &[u8],
    length: usize,
    limit: usize,
    new_id: impl FnOnce() -> String,
) -> Option<Item> {
    if text.len() > limit {
        let message = format!("the line has {length} bytes, more than the limit of {limit} (setting `line_bytes`)");
        return Some(Item::Invalid { line, column: limit, message });
    }
    if text.trim_ascii().is_empty() {
        return None;
    }
    Some(match parse_command(text, new_id) {
        Ok(command) => Item::Command { line, command: Box::new(command), bytes },
        Err(CommandSyntaxError { column, message }) => Item::Invalid { line, column, message },
    })
}

/// Reads one line without its end into `buffer`, of which no more than `limit` + 1 bytes are kept, and says how many
/// bytes it took. `None` at the end of the input.
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
        let taken = end.map_or(available.len(), |end| end + 1);
        length += taken;
        reader.consume(taken);
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
        assert!(item(1, 2, b" \r", 3, 10, new_command_id).is_none());
        let Some(Item::Invalid { line: 3, message, .. }) = item(3, 20, b"12345678901", 20, 10, new_command_id) else {
            panic!()
        };
        assert!(message.contains("20 bytes"), "{message}");
    }
}
