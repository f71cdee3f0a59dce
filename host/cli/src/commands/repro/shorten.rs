//! `--shorten`: removes the events that a fault does not need.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use cantus_replay::repro::{BundleRerun, ShortenedBundle, shorten};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    exit_codes::{CliError, Exit},
    output,
    output_file::{Output, ProtectedFiles, ReplacePolicy},
    render,
};

/// A shorter bundle, and its file.
pub(super) struct ShortenedFile {
    /// The file.
    pub(super) file: PathBuf,
    /// The shorter bundle.
    pub(super) shortened: ShortenedBundle,
}

/// Shortens a bundle and writes it.
pub(super) fn run(
    rerun: &BundleRerun<'_>,
    file: &Path,
    to: Option<PathBuf>,
    policy: ReplacePolicy,
    protected: &ProtectedFiles,
    runs: u32,
) -> Result<ShortenedFile, CliError> {
    let to = to.unwrap_or_else(|| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        format!("{name}.short.json").into()
    });
    let output = Output::new(&to, policy, protected)?;
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{wide_bar:.cyan/blue} {pos} of {len} runs, {msg}  {elapsed}");
        let bar = ProgressBar::new(runs.into()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        output::add_progress(bar)
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
    // The fault happened in the run before.
    let shortened = shortened.ok_or_else(|| {
        CliError::new(Exit::Partial, "the fault does not happen in every run, so the bundle cannot be shortened")
    })?;
    output.write(&shortened.bundle.to_json())?;
    Ok(ShortenedFile { file: to, shortened })
}
