//! `--shorten`: the events that the fault takes.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use cantus_replay::repro::{BundleRerun, ShortenedBundle, shorten};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    atomic_file::{Output, ProtectedFiles, Replace},
    exit_codes::{CliError, Exit},
    output, render,
};

/// A shorter bundle that was written.
pub(super) struct Written {
    /// Where.
    pub(super) file: PathBuf,
    /// What.
    pub(super) shortened: ShortenedBundle,
}

/// Shortens and writes.
pub(super) fn run(
    rerun: &BundleRerun<'_>,
    file: &Path,
    to: Option<PathBuf>,
    replace: Replace,
    protected: &ProtectedFiles,
    runs: u32,
) -> Result<Written, CliError> {
    let to = to.unwrap_or_else(|| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        format!("{name}.short.json").into()
    });
    let output = Output::of(&to, replace, protected)?;
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{wide_bar:.cyan/blue} {pos} of {len} runs, {msg}  {elapsed}");
        let bar = ProgressBar::new(runs.into()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        output::show(bar)
    });
    let shortened = shorten(rerun, runs as usize, |run, left| {
        if let Some(bar) = &bar {
            bar.set_position(run as u64);
            bar.set_message(format!("{} events left", render::count(left as u64)));
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    // It came a moment ago.
    let shortened = shortened.ok_or_else(|| CliError::new(Exit::Some, "the fault comes only now and then"))?;
    output.write(&shortened.bundle.to_json())?;
    Ok(Written { file: to, shortened })
}
