//! Text from outside (ids, file names, messages of guests), made fit for one line of text output.

use std::fmt;

use super::count;

/// Most bytes of a message that text output and logs show.
pub(crate) const MESSAGE_BYTES: usize = 2_000;

/// The text on one line: characters that move the cursor, end the line or turn its direction are escaped.
pub(crate) fn escaped(text: impl fmt::Display) -> String {
    escape(&text.to_string(), is_unsafe)
}

/// The beginning of a long text, with a note of how much is left out; escaped.
pub(crate) fn message(text: impl fmt::Display) -> String {
    escaped(cut(&text.to_string(), MESSAGE_BYTES))
}

/// Escapes what `is_unsafe` names, as Rust would write it.
pub(crate) fn escape(text: &str, is_unsafe: fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match is_unsafe(c) {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
        safe
    })
}

/// Control characters with tabs and line ends, Unicode's own line ends, and the marks and overrides of direction.
pub(crate) fn is_unsafe(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// At most `most` bytes of a text, and a note of how many more there are.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let shown = &text[..text.floor_char_boundary(most)];
    format!("{shown}… ({} more bytes)", count((text.len() - shown.len()) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_leaves_its_line_or_turns_it() {
        assert_eq!(escaped("a\nb\r\tc\u{1b}[2J\0\u{9b}"), r"a\nb\r\tc\u{1b}[2J\u{0}\u{9b}");
        assert_eq!(escaped("a\u{202e}b\u{2066}c\u{200f}d\u{2028}e"), r"a\u{202e}b\u{2066}c\u{200f}d\u{2028}e");
        assert_eq!(escaped("é → 1 \"x\" \\ עברית"), "é → 1 \"x\" \\ עברית");
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(cut("äöü", 6), "äöü");
        assert_eq!(cut("äöü", 5), "äö… (2 more bytes)");
        assert_eq!(message("x".repeat(102_000)), format!("{}… (100,000 more bytes)", "x".repeat(MESSAGE_BYTES)));
    }
}
