//! Bounds the text that a guest or a file contributes to a message.

/// Characters of a message.
pub(crate) const MAX_MESSAGE_CHARS: usize = 1_000;

/// Joins the lines of a text and cuts it off after 1,000 characters: a guest's own words are bounded like everything else of it.
pub(crate) fn one_line(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).collect();
    let line = lines.join(" ");
    match line.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
