//! Logs, on stderr: for people on a terminal, JSON elsewhere. Guests' stdout and stderr arrive here as well.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{
    exit_codes::{Exit, Failure},
    output,
};

/// `guest` is what the plugins print.
const DEFAULT: &str = "warn,cantus=info,guest=info";

/// Starts logging. The filter is the flag's, else `CANTUS_LOG`'s, else the default.
///
/// # Errors
/// If the filter does not parse.
pub(crate) fn start(flag: &Option<String>) -> Result<(), Failure> {
    let filter = flag.clone().or_else(|| std::env::var("CANTUS_LOG").ok()).unwrap_or_else(|| DEFAULT.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        let message = format!("the log filter {filter:?}: {error}; write it like `info` or `warn,cantus_engine=debug`");
        Failure::new(Exit::Usage, message)
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(AboveProgress);
    if io::stderr().is_terminal() {
        logs.compact().with_target(false).init();
    } else {
        logs.json().flatten_event(true).init();
    }
    Ok(())
}

/// Writes log lines above the progress bar, not through it.
struct AboveProgress;

impl<'a> MakeWriter<'a> for AboveProgress {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for AboveProgress {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        output::above_progress(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
