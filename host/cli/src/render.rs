//! Text for people, made of plain values. Nothing here has side effects.

mod escape;
mod pretty;

use serde_json::{json, value::RawValue};

pub(crate) use cantus_host::wire::count_text as count;
pub(crate) use escape::{MESSAGE_BYTES, cut, escape, escaped, is_unsafe, message};

use crate::{exit_codes::CliError, output::OutputFormat};

/// Most bytes of an error message on stderr.
const ERROR_BYTES: usize = 16 << 10;

/// Renders an error.
pub(crate) fn failure(failure: &CliError, format: OutputFormat) -> String {
    let message = format!("{:#}", failure.error);
    let message = message.trim_end();
    match format {
        OutputFormat::Json => json!({"error": message, "exit_code": failure.exit.code()}).to_string(),
        OutputFormat::Text => format!("error: {}", indented(&cut(message, ERROR_BYTES))),
    }
}

/// Indents all lines but the first, so that none of them looks like another message.
fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escaped).collect();
    let further = lines.get(1..).unwrap_or_default();
    let is_indented = further.iter().all(|line| line.starts_with("  "));
    lines.join(if is_indented { "\n" } else { "\n  " })
}

/// Renders columns under headings. Those in `numbers` are right-aligned, and the last one is not padded. Line ends in cells
/// are escaped, so each row is one line.
pub(crate) fn table(headings: &[&str], numbers: &[usize], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(escaped).collect()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&headings).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in std::iter::once(&headings).chain(&rows) {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line.push_str(if column == 0 { "" } else { "  " });
            match (numbers.contains(&column), column + 1 == widths.len()) {
                (true, _) => line.extend([padding(cell, *width).as_str(), cell]),
                (false, true) => line.push_str(cell),
                (false, false) => line.push_str(&padded(cell, *width)),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Pads a text with spaces to `width` characters. A format width has only 16 bits, and a text may be longer.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", padding(text, width))
}

fn padding(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(text.chars().count()))
}

/// Formats a number of bytes with a unit: `153.2 KiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") }
}

/// Most bytes of a payload in text output, unless `--full` is given.
pub(crate) const PAYLOAD_BYTES: usize = 4_096;

/// Limits the length of payloads in text output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadLength {
    /// At most [`PAYLOAD_BYTES`], with a count of the other bytes.
    Bounded,
    /// The whole payload.
    Full,
}

impl PayloadLength {
    /// Converts the flag `--full`.
    pub(crate) fn from_flag(full: bool) -> Self {
        if full { Self::Full } else { Self::Bounded }
    }
}

/// Renders the beginning of a payload on one line: as text, or in hexadecimal if it is not text.
pub(crate) fn payload(payload: &[u8]) -> String {
    payload_of(payload, PayloadLength::Bounded)
}

/// Renders a payload on one line, as [`payload`] does, up to a length.
pub(crate) fn payload_of(payload: &[u8], length: PayloadLength) -> String {
    let line = match std::str::from_utf8(payload) {
        Ok(text) if !text.chars().any(|char| char.is_control() && !char.is_whitespace()) => {
            text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ")
        }
        _ => format!("0x{}", hex::encode(payload)),
    };
    escaped(match length {
        PayloadLength::Bounded => cut(&line, PAYLOAD_BYTES),
        PayloadLength::Full => line,
    })
}

/// Renders JSON over several lines, with its values unchanged, and any other payload on one line.
pub(crate) fn payload_pretty(bytes: &[u8]) -> String {
    match serde_json::from_slice::<&RawValue>(bytes) {
        Ok(json) => pretty::pretty(json.get()),
        Err(_) => payload_of(bytes, PayloadLength::Full),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_are_not_padded() {
        let rows = [vec!["9".to_owned(), "Opened".to_owned()], vec!["10".to_owned(), "X".to_owned()]];
        assert_eq!(table(&["at", "event"], &[0], &rows), "at  event\n 9  Opened\n10  X\n");
    }

    #[test]
    fn a_cell_may_be_wider_than_a_format_allows() {
        let wide = "x".repeat(70_000);
        let rows = [vec![wide.clone(), "1".to_owned(), wide.clone()]];
        let text = table(&["a", "b", "c"], &[1], &rows);
        let [heading, row] = text.lines().collect::<Vec<_>>()[..] else { panic!("{} bytes", text.len()) };
        assert_eq!(heading, format!("a{}  b  c", " ".repeat(69_999)));
        assert_eq!(row, format!("{wide}  1  {wide}"));
    }

    #[test]
    fn a_line_end_in_a_cell_makes_no_row() {
        let rows = [vec!["a\n 7  forged".to_owned(), "b\u{202e}c".to_owned()]];
        assert_eq!(table(&["id", "b"], &[], &rows), "id             b\na\\n 7  forged  b\\u{202e}c\n");
    }

    #[test]
    fn the_lines_of_an_error_are_indented() {
        let error = |text: &str| failure(&CliError::new(crate::exit_codes::Exit::Partial, text), OutputFormat::Text);
        assert_eq!(error("refused:\n  a\n  b"), "error: refused:\n  a\n  b");
        assert_eq!(error("refused:\n  a\nerror: b\u{1b}"), "error: refused:\n    a\n  error: b\\u{1b}");
        assert!(error(&"x".repeat(100_000)).ends_with("… (83,616 more bytes)"));
    }

    #[test]
    fn bytes_have_a_unit() {
        assert_eq!([12, 1024, 5 << 20].map(bytes), ["12 bytes", "1.0 KiB", "5.0 MiB"]);
    }

    #[test]
    fn payloads_of_any_format_are_rendered() {
        assert_eq!(payload(b"{\n  \"a\": 1\n}"), "{ \"a\": 1 }");
        assert_eq!(payload(&[0xff, 1]), "0xff01");
        assert_eq!(payload("\"a\u{202e}b\"\t".as_bytes()), "\"a\\u{202e}b\"");
        assert_eq!(payload_pretty(b"{\"a\":1.50}"), "{\n  \"a\": 1.50\n}");
        assert_eq!(payload_pretty(b"plain"), "plain");
    }

    #[test]
    fn long_payloads_are_cut_unless_the_whole_is_wanted() {
        let long = "x".repeat(PAYLOAD_BYTES + 65_536);
        assert_eq!(payload(long.as_bytes()), format!("{}… (65,536 more bytes)", "x".repeat(PAYLOAD_BYTES)));
        assert_eq!(payload_of(long.as_bytes(), PayloadLength::Full), long);
    }
}
