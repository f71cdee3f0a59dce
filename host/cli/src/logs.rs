//! Logs, on stderr: for people on a terminal, JSON elsewhere. Guests' stdout and stderr arrive here as well.

mod line_queue;

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::{
    exit_codes::{Exit, Failure, OrExit},
    output,
};
use line_queue::{LastLines, LineQueue};

/// `guest` is what the plugins print.
const DEFAULT: &str = "warn,cantus=info,guest=info";

/// Starts logging, until what it returns is dropped. The filter is the flag's, else `CANTUS_LOG`'s, else the default. Nobody
/// who logs waits for stderr: a shard that did would stop with it.
///
/// # Errors
/// If the filter does not parse, or there is no thread.
pub(crate) fn start(flag: &Option<String>) -> Result<LastLines, Failure> {
    let filter = flag.clone().or_else(|| std::env::var("CANTUS_LOG").ok()).unwrap_or_else(|| DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message = format!("the log filter {filter:?}: {error}; write it like `info` or `warn,cantus_engine=debug`");
        Failure::new(Exit::Usage, message)
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

/// Writes log lines above the progress bar, not through it.
struct AboveProgress;

impl Write for AboveProgress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        output::above_progress(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
