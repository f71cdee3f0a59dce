//! A progress bar that counts commands, on a terminal only.

use std::{
    fmt::Write,
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::{output, render};

const BAR: &str = "{wide_bar:.cyan/blue} {percent:>3}%  {commands} commands  {rate} a second  {eta} left";
const SPINNER: &str = "{spinner:.cyan} {commands} commands  {rate} a second  {elapsed}";

/// A progress bar that counts commands; nothing if stderr is not a terminal.
pub(in crate::commands) struct CountProgress(Option<ProgressBar>);

impl CountProgress {
    /// Shows a bar for this many commands, or a spinner if the count is unknown.
    pub(in crate::commands) fn start(commands: Option<u64>) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let (bar, template) = match commands {
            Some(commands) => (ProgressBar::new(commands), BAR),
            None => (ProgressBar::no_length(), SPINNER),
        };
        let count = |number: u64, out: &mut dyn Write| {
            let _ = out.write_str(&render::count(number));
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style
            .with_key("commands", move |state: &ProgressState, out: &mut dyn Write| count(state.pos(), out))
            .with_key("rate", move |state: &ProgressState, out: &mut dyn Write| count(state.per_sec() as u64, out));
        let bar = output::add_progress(bar.with_style(style));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// Counts more commands.
    pub(in crate::commands) fn add(&self, commands: usize) {
        if let Self(Some(bar)) = self {
            bar.inc(commands as u64);
        }
    }
}

impl Drop for CountProgress {
    fn drop(&mut self) {
        if let Self(Some(bar)) = self {
            bar.finish_and_clear();
        }
    }
}
