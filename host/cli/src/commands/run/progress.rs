//! The progress bar of `cantus run`, on a terminal only.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use super::run_counts::RunCounts;
use crate::{output, render};

/// The progress bar of `cantus run`; nothing if stderr is not a terminal.
pub(super) struct FeedProgress(Option<ProgressBar>);

impl FeedProgress {
    /// Shows a bar for an input of this many bytes, or a spinner if the size is unknown.
    pub(super) fn start(bytes: Option<u64>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), "{wide_bar:.cyan/blue} {percent:>3}%  {msg}  {elapsed}"),
            None => (ProgressBar::no_length(), "{spinner:.cyan} {msg}  {elapsed}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = output::add_progress(bar.with_style(style));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// Updates the position and the counts.
    pub(super) fn update(&self, bytes: u64, counts: &RunCounts) {
        if let Self(Some(bar)) = self {
            bar.set_position(bytes);
            let (accepted, rejected) = (render::count(counts.accepted()), render::count(counts.rejected()));
            let failed = match counts.failed() + counts.invalid() {
                0 => String::new(),
                failed => format!(", {} failed", render::count(failed)),
            };
            bar.set_message(format!("{accepted} accepted, {rejected} rejected{failed}"));
        }
    }

    /// Removes the bar.
    pub(super) fn finish(self) {
        if let Self(Some(bar)) = self {
            bar.finish_and_clear();
        }
    }
}
