//! The message of a guest that stopped itself: its language's runtime prints it to stderr before it traps.

use crate::one_line::MAX_MESSAGE_CHARS;

/// CPython prints the exception behind its stack; then the Rust code around it panics.
const PYTHON: &str = "Traceback (most recent call last):";
/// The last line of SpiderMonkey, for whatever reason it stops.
const JAVASCRIPT: &str = "Redirecting call to abort() to mozalloc_abort";

/// The exception or the panic at the end of what was printed.
pub(crate) fn message(stderr: &str) -> String {
    if let Some(start) = stderr.rfind(PYTHON) {
        return end(stderr[start..].split("\nthread '").next().unwrap_or(stderr));
    }
    match stderr.rfind("panicked at ") {
        Some(start) => panic(&stderr[start..]).to_owned(),
        None => end(stderr.strip_suffix(JAVASCRIPT).filter(|error| !error.trim().is_empty()).unwrap_or(stderr)),
    }
}

/// Rust prints `thread '…' panicked at src/lib.rs:1:2:`, the message on the next line, and a note on backtraces.
fn panic(text: &str) -> &str {
    text.split("\nnote: ").next().unwrap_or(text).trim_end()
}

/// One line of bounded length. What was printed last says most: the exception of Python, the innermost error of JavaScript.
fn end(text: &str) -> String {
    let line = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth_back(MAX_MESSAGE_CHARS - 2) {
        Some((start, _)) if start > 0 => format!("…{}", &line[start..]),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_rust_is_its_place_and_its_message() {
        let printed =
            "checking\n\nthread '<unnamed>' panicked at src/lib.rs:1:2:\nno such\norder\nnote: run with more\n";
        assert_eq!(message(printed), "panicked at src/lib.rs:1:2:\nno such\norder");
    }

    #[test]
    fn an_exception_of_python_comes_with_its_stack() {
        let printed = "checking\nTraceback (most recent call last):\n  File \"/0/app.py\", line 3, in handle\nValueError: no\n\n\
                       thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1:2:\nPython function threw\nnote: run with\n";
        let expected = "Traceback (most recent call last): File \"/0/app.py\", line 3, in handle ValueError: no";
        assert_eq!(message(printed), expected);
    }

    #[test]
    fn an_error_of_javascript_comes_with_its_stack() {
        let printed = "RangeError: no\nStack:\n  handle@app.js:3:9\n\nRedirecting call to abort() to mozalloc_abort";
        assert_eq!(message(printed), "RangeError: no Stack: handle@app.js:3:9");
        assert_eq!(message(JAVASCRIPT), JAVASCRIPT);
    }

    #[test]
    fn the_end_of_a_long_stack_is_shown() {
        let printed = format!("{PYTHON}\n{}ValueError: no", "  File \"/0/größe.py\"\n".repeat(200));
        let message = message(&printed);
        assert_eq!(message.chars().count(), MAX_MESSAGE_CHARS);
        assert!(message.starts_with('…') && message.ends_with(" ValueError: no"), "{message}");
    }
}
