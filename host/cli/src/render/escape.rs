//! Escapes text from outside (ids, file names, messages of guests), so that it stays on one line of text output.

use std::fmt;

use super::count;

/// Most bytes of a message in text output and logs.
pub(crate) const MESSAGE_BYTES: usize = 2_000;

/// Escapes all characters that move the cursor, end the line or change the direction of text.
pub(crate) fn escaped(text: impl fmt::Display) -> String {
    escape(&text.to_string(), is_unsafe)
}

/// Escapes a message, and cuts it if it is long.
pub(crate) fn message(text: impl fmt::Display) -> String {
    escaped(cut(&text.to_string(), MESSAGE_BYTES))
}

/// Escapes the characters for which `is_unsafe` holds, in the syntax of Rust.
pub(crate) fn escape(text: &str, is_unsafe: fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match is_unsafe(c) {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
        safe
    })
}

/// Recognises control characters, Unicode's line ends, and marks that change the direction of text.
pub(crate) fn is_unsafe(c: char) -> bool {
    let changes_direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    changes_direction || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Cuts a text to at most `limit` bytes, and adds the count of the other bytes.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let start = &text[..text.floor_char_boundary(limit)];
    format!("{start}… ({} more bytes)", count((text.len() - start.len()) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_leave_the_line_or_change_direction_are_escaped() {
        assert_eq!(escaped("a\nb\r\tc\u{1b}[2J\0\u{9b}"), r"a\nb\r\tc\u{1b}[2J\u{0}\u{9b}");
        assert_eq!(escaped("a\u{202e}b\u{2066}c\u{200f}d\u{2028}e"), r"a\u{202e}b\u{2066}c\u{200f}d\u{2028}e");
        assert_eq!(escaped("é → 1 \"x\" \\ עברית"), "é → 1 \"x\" \\ עברית");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöü", 5), "äö… (2 more bytes)");
        assert_eq!(message("x".repeat(102_000)), format!("{}… (100,000 more bytes)", "x".repeat(MESSAGE_BYTES)));
    }
}
