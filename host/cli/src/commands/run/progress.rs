//! The progress bar, on a terminal only.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use super::tally::Tally;
use crate::{output, render};

/// What a person sees while commands flow.
pub(super) struct FeedProgress(Option<ProgressBar>);

impl FeedProgress {
    /// A bar for an input of that many bytes, a spinner if they are not known.
    pub(super) fn start(bytes: Option<u64>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), "{wide_bar:.cyan/blue} {percent:>3}%  {msg}  {elapsed}"),
            None => (ProgressBar::no_length(), "{spinner:.cyan} {msg}  {elapsed}"),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = output::show(bar.with_style(style));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// Shows how far it has come.
    pub(super) fn update(&self, bytes: u64, tally: &Tally) {
        if let Self(Some(bar)) = self {
            bar.set_position(bytes);
            let (accepted, rejected) = (render::count(tally.accepted()), render::count(tally.rejected()));
            let failed = match tally.failed() + tally.invalid() {
                0 => String::new(),
                failed => format!(", {} failed", render::count(failed)),
            };
            bar.set_message(format!("{accepted} accepted, {rejected} rejected{failed}"));
        }
    }

    /// Takes it away.
    pub(super) fn finish(self) {
        if let Self(Some(bar)) = self {
            bar.finish_and_clear();
        }
    }
}
