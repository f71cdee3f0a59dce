//! Logs, on stderr: for people on a terminal, JSON elsewhere. Guests' stdout and stderr arrive here as well.

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
use line_queue::{LastLines, LineQueue};

/// `guest` is what the plugins print.
const DEFAULT: &str = "warn,cantus=info,guest=info";

/// Starts logging, until what it returns is dropped. The filter is the flag's, else `CANTUS_LOG`'s, else the default. Nobody
/// who logs waits for stderr: a shard that did would stop with it.
///
/// # Errors
/// If the filter does not parse, or there is no thread.
pub(crate) fn start(flag: &Option<String>) -> Result<LastLines, CliError> {
    let filter = flag.clone().or_else(|| std::env::var("CANTUS_LOG").ok()).unwrap_or_else(|| DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message = format!("the log filter {filter:?}: {error}; write it like `info` or `warn,cantus_engine=debug`");
        CliError::new(Exit::Usage, message)
    })?;
    let queue = LineQueue::to(AboveProgress).or_exit(Exit::Machine)?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(queue.clone());
    if io::stderr().is_terminal() {
        logs.compact().with_target(false).init();
    } else {
        logs.json().flatten_event(true).init();
    }
    Ok(LastLines(queue))
}

/// Most bytes of a line on a terminal. Elsewhere each text in it is bounded.
const LINE_BYTES: usize = 4 * MESSAGE_BYTES;

/// A line as it is written: texts of guests are cut, and on a terminal none of them makes a line of its own.
fn bounded(line: &str) -> Cow<'_, str> {
    let text = line.strip_suffix('\n').unwrap_or(line);
    if line.starts_with('{') && line.len() <= MESSAGE_BYTES {
        return line.into();
    }
    match serde_json::from_str(text) {
        Ok(fields) => format!("{}\n", cut(fields)).into(),
        // The colours of a terminal are escape sequences; those in texts are escaped before.
        Err(_) => {
            format!("{}\n", render::escape(&render::cut(text, LINE_BYTES), |c| render::is_unsafe(c) && c != '\u{1b}'))
                .into()
        }
    }
}

/// The fields of a line with all texts cut.
fn cut(fields: Value) -> Value {
    match fields {
        Value::String(text) => render::cut(&text, MESSAGE_BYTES).into(),
        Value::Array(values) => values.into_iter().map(cut).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, cut(value))).collect(),
        other => other,
    }
}

/// Writes log lines above the progress bar, not through it.
struct AboveProgress;

impl Write for AboveProgress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The subscriber writes a line at once.
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
    fn texts_of_guests_are_cut() {
        let long = "x".repeat(102_000);
        let line = format!("{}\n", json!({ "message": "a guest faulted", "fault": long, "backtrace": [long] }));
        let written = bounded(&line);
        let shown: Value = serde_json::from_str(&written).unwrap();
        let cut = format!("{}… (100,000 more bytes)", "x".repeat(MESSAGE_BYTES));
        assert_eq!(shown, json!({ "message": "a guest faulted", "fault": cut, "backtrace": [cut] }));
        assert!(written.ends_with('\n'));
        assert!(bounded(&format!("ERROR a guest faulted {long}\n")).len() < 2 * LINE_BYTES);
    }

    #[test]
    fn a_short_line_stays_as_it_is() {
        let line = "{\"level\":\"WARN\",\"b\":1.50,\"a\":2}\n";
        assert!(matches!(bounded(line), Cow::Borrowed(same) if same == line));
        assert_eq!(bounded("\u{1b}[33m WARN\u{1b}[0m told\n"), "\u{1b}[33m WARN\u{1b}[0m told\n");
    }

    #[test]
    fn no_text_makes_a_line_of_its_own() {
        assert_eq!(bounded(" INFO a\nERROR forged\u{202e}\n"), " INFO a\\nERROR forged\\u{202e}\n");
    }
}
