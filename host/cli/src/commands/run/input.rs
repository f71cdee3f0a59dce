//! From lines to commands, on a thread of its own: a read of stdin cannot be called off.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use cantus_model::{AggregateRef, Command};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::exit_codes::{Exit, CliError, OrExit};

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

/// An id that was never used before.
pub(super) fn unused_id() -> String {
    uuid::Uuid::now_v7().to_string()
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
    Some(match parse(text, new_id) {
        Ok(command) => Item::Command { line, command: Box::new(command), bytes },
        Err((column, message)) => Item::Invalid { line, column, message },
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    id: Option<String>,
    aggregate: String,
    aggregate_id: String,
    command: String,
    version: Option<u32>,
    #[serde(borrow)]
    payload: &'a RawValue,
    expected_version: Option<u64>,
    actor: Option<String>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    #[serde(default, deserialize_with = "pairs")]
    metadata: Vec<(String, String)>,
}

/// One line as a command; else the column, from 1, and what is wrong there. `new_id` makes up an id that is absent.
pub(crate) fn parse(text: &[u8], new_id: impl FnOnce() -> String) -> Result<Command, (usize, String)> {
    // An array would be taken as well, its values for the fields in their order.
    if text.trim_ascii_start().first() == Some(&b'[') {
        return Err((1, "a line is one JSON object, not an array".to_owned()));
    }
    let line: Line<'_> = serde_json::from_slice(text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&place).unwrap_or(&message);
        let what = if error.is_data() { "" } else { "no JSON object: " };
        (error.column().max(1), format!("{what}{message}"))
    })?;
    for (name, value) in [("id", line.id.as_deref()), ("aggregate_id", Some(&*line.aggregate_id))] {
        if value.is_some_and(str::is_empty) {
            return Err((1, format!("`{name}` is empty")));
        }
    }
    Ok(Command {
        id: line.id.unwrap_or_else(new_id),
        aggregate: AggregateRef::new(line.aggregate, line.aggregate_id),
        name: line.command,
        version: line.version,
        payload: line.payload.get().as_bytes().to_vec(),
        expected_version: line.expected_version,
        actor: line.actor,
        correlation_id: line.correlation_id,
        causation_id: line.causation_id,
        metadata: line.metadata,
    })
}

/// An object of texts, in the order in which they stand.
fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    struct Pairs;
    impl<'de> de::Visitor<'de> for Pairs {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of texts")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    deserializer.deserialize_map(Pairs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LINE: &str = r#"{"id":"i","aggregate":"A","aggregate_id":"1","command":"C","version":2,
        "payload":{ "x": 1.50 },"expected_version":4,"actor":"me","metadata":{"b":"1","a":"2"}}"#;

    #[test]
    fn a_line_becomes_a_command_with_its_payload_byte_by_byte() {
        let command = parse(LINE.as_bytes(), unused_id).unwrap();
        assert_eq!(command.payload, b"{ \"x\": 1.50 }");
        assert_eq!((command.version, command.expected_version, command.actor), (Some(2), Some(4), Some("me".into())));
        assert_eq!(command.metadata, [("b".into(), "1".into()), ("a".into(), "2".into())]);
    }

    #[test]
    fn a_missing_id_is_made_up_anew() {
        let line = br#"{"aggregate":"A","aggregate_id":"1","command":"C","payload":null}"#;
        let (one, two) = (parse(line, unused_id).unwrap(), parse(line, unused_id).unwrap());
        assert_ne!(one.id, two.id);
        assert_eq!(one.payload, b"null");
    }

    #[test]
    fn errors_name_the_column_and_the_reason() {
        let error = |text: &str| parse(text.as_bytes(), unused_id).unwrap_err();
        assert_eq!(error("{]"), (2, "no JSON object: key must be a string".to_owned()));
        assert_eq!(error("{\"aggregate\":5}").1, "invalid type: integer `5`, expected a string");
        assert_eq!(error("{}").1, "missing field `aggregate`");
        assert_eq!(error(" [\"1\"]"), (1, "a line is one JSON object, not an array".to_owned()));
        let unknown = LINE.replace("actor", "actr");
        assert!(error(&unknown).1.starts_with("unknown field `actr`, expected one of `id`, `aggregate`"));
        assert_eq!(
            error(&LINE.replace("\"1\",\"command\"", "\"\",\"command\"")),
            (1, "`aggregate_id` is empty".into())
        );
    }

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
        assert!(item(1, 2, b" \r", 3, 10, unused_id).is_none());
        let Some(Item::Invalid { line: 3, message, .. }) = item(3, 20, b"12345678901", 20, 10, unused_id) else {
            panic!()
        };
        assert!(message.contains("20 bytes"), "{message}");
    }
}
