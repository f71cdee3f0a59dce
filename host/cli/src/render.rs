//! Text for people, made of plain values: nothing here reads, prints or asks for the time.

use cantus_model::Timestamp;
use serde_json::{Value, json, value::RawValue};

use crate::exit_codes::Failure;

/// An error, for people or for programs.
pub(crate) fn failure(failure: &Failure, as_json: bool) -> String {
    let message = format!("{:#}", failure.error);
    let message = message.trim_end();
    if as_json {
        json!({"error": message, "exit_code": failure.exit.code()}).to_string()
    } else {
        format!("error: {message}")
    }
}

/// Columns under headings, left-aligned but for those in `numbers`; the last column is as long as it likes.
pub(crate) fn table(headings: &[&str], numbers: &[usize], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    for row in std::iter::once(&headings).chain(rows) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or(0);
            let padded = if numbers.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            line.push_str(if column == 0 { "" } else { "  " });
            line.push_str(&padded);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// UTC, to the microsecond.
pub(crate) fn time(time: Timestamp) -> String {
    let known = i64::try_from(time.0).ok().and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    known.map_or_else(|| format!("{} us", time.0), |time| format!("{time:.6}"))
}

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes with a unit: `153.2 KiB`.
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

/// A payload on one line: its text if it is some, else its bytes in hexadecimal.
pub(crate) fn payload(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) if !text.chars().any(|char| char.is_control() && !char.is_whitespace()) => {
            text.split(['\n', '\r']).map(str::trim).collect::<Vec<_>>().join(" ")
        }
        _ => format!("0x{}", hex::encode(payload)),
    }
}

/// A payload inside a JSON object, on one line: JSON as it stands, other text as a string, other bytes as
/// `{"hex": ..}`.
pub(crate) fn payload_json(payload: &[u8]) -> Box<RawValue> {
    let other = || match std::str::from_utf8(payload) {
        Ok(text) => Value::from(text),
        Err(_) => json!({"hex": hex::encode(payload)}),
    };
    let json = serde_json::from_slice::<Box<RawValue>>(payload).ok();
    // A JSON text has line ends between its tokens only, never within.
    let line = json.map_or_else(|| other().to_string(), |json| json.get().replace(['\n', '\r'], " "));
    RawValue::from_string(line).unwrap_or_default()
}

/// `JSON` over several lines, or whatever it is on one.
pub(crate) fn payload_pretty(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => format!("{value:#}"),
        Err(_) => payload(bytes),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_not_padded() {
        let rows = [vec!["9".to_owned(), "Opened".to_owned()], vec!["10".to_owned(), "X".to_owned()]];
        assert_eq!(table(&["at", "event"], &[0], &rows), "at  event\n 9  Opened\n10  X\n");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([12, 1024, 5 << 20].map(bytes), ["12 bytes", "1.0 KiB", "5.0 MiB"]);
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(Timestamp(1_357_035_420_000_001)), "2013-01-01T10:17:00.000001Z");
        assert_eq!(time(Timestamp(u64::MAX)), "18446744073709551615 us");
    }

    #[test]
    fn payloads_of_any_format_can_be_shown() {
        assert_eq!(payload(b"{\n  \"a\": 1\n}"), "{ \"a\": 1 }");
        assert_eq!(payload(&[0xff, 1]), "0xff01");
        assert_eq!(payload_json(b"{\"a\": 1.50}").get(), "{\"a\": 1.50}");
        assert_eq!(payload_json(b"[1,\n2]").get(), "[1, 2]");
        assert_eq!(payload_json(b"plain").get(), "\"plain\"");
        assert_eq!(payload_json(&[0xff]).get(), r#"{"hex":"ff"}"#);
    }
}
