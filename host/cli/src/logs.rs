//! Logs on stderr, as text on a terminal and as JSON elsewhere. They include the stdout and stderr of guests.

mod line_queue;

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use serde_json::Value;
use tracing_subscriber::EnvFilter;

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    output,
    render::{self, MESSAGE_BYTES},
};
use line_queue::{LineQueue, LogGuard};

/// The target `guest` is the output of plugins.
const DEFAULT: &str = "warn,cantus=info,guest=info";

/// Starts logging until the returned guard is dropped. The filter is that of the flag, else of `CANTUS_LOG`, else the default.
/// No thread that logs waits for stderr, because a shard would stop with it.
///
/// # Errors
/// If the filter is invalid, or no thread can be created.
pub(crate) fn start(flag: &Option<String>) -> Result<LogGuard, CliError> {
    let filter = flag.clone().or_else(|| std::env::var("CANTUS_LOG").ok()).unwrap_or_else(|| DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message = format!("the log filter {filter:?}: {error}; write it like `info` or `warn,cantus_engine=debug`");
        CliError::new(Exit::Usage, message)
    })?;
    let queue = LineQueue::new(StderrAboveProgress).or_exit(Exit::Machine)?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(queue.clone());
    if io::stderr().is_terminal() {
        logs.compact().with_target(false).init();
    } else {
        logs.json().flatten_event(true).init();
    }
    Ok(LogGuard(queue))
}

/// Most bytes of a line on a terminal. In JSON, each string of the line is bounded.
const LINE_BYTES: usize = 4 * MESSAGE_BYTES;

/// Cuts long strings of guests, and on a terminal escapes their line ends.
fn bounded(line: &str) -> Cow<'_, str> {
    let text = line.strip_suffix('\n').unwrap_or(line);
    if line.starts_with('{') && line.len() <= MESSAGE_BYTES {
        return line.into();
    }
    match serde_json::from_str(text) {
        Ok(fields) => format!("{}\n", cut_strings(fields)).into(),
        // The subscriber writes colours as escape sequences; it has escaped those of messages before.
        Err(_) => {
            format!("{}\n", render::escape(&render::cut(text, LINE_BYTES), |c| render::is_unsafe(c) && c != '\u{1b}'))
                .into()
        }
    }
}

/// Cuts all strings in the fields of a line.
fn cut_strings(fields: Value) -> Value {
    match fields {
        Value::String(text) => render::cut(&text, MESSAGE_BYTES).into(),
        Value::Array(values) => values.into_iter().map(cut_strings).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, cut_strings(value))).collect(),
        other => other,
    }
}

/// Writes log lines to stderr, above the progress bar.
struct StderrAboveProgress;

impl Write for StderrAboveProgress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The subscriber writes one whole line in each call.
        let line = String::from_utf8_lossy(bytes);
        output::above_progress(|| io::stderr().write_all(bounded(&line).as_bytes()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_of_guests_are_cut() {
        let long = "x".repeat(102_000);
        let line = format!("{}\n", json!({ "message": "a guest faulted", "fault": long, "backtrace": [long] }));
        let written = bounded(&line);
        let fields: Value = serde_json::from_str(&written).unwrap();
        let cut = format!("{}… (100,000 more bytes)", "x".repeat(MESSAGE_BYTES));
        assert_eq!(fields, json!({ "message": "a guest faulted", "fault": cut, "backtrace": [cut] }));
        assert!(written.ends_with('\n'));
        assert!(bounded(&format!("ERROR a guest faulted {long}\n")).len() < 2 * LINE_BYTES);
    }

    #[test]
    fn a_short_line_is_unchanged() {
        let line = "{\"level\":\"WARN\",\"b\":1.50,\"a\":2}\n";
        assert!(matches!(bounded(line), Cow::Borrowed(same) if same == line));
        assert_eq!(bounded("\u{1b}[33m WARN\u{1b}[0m text\n"), "\u{1b}[33m WARN\u{1b}[0m text\n");
    }

    #[test]
    fn a_line_end_in_a_message_is_escaped() {
        assert_eq!(bounded(" INFO a\nERROR forged\u{202e}\n"), " INFO a\\nERROR forged\\u{202e}\n");
    }
}
