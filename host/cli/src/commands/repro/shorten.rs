//! `--shorten`: the events that the fault takes.

use std::{
    io::{IsTerminal, Write as _},
    path::{Path, PathBuf},
};

use cantus_engine::repro::{Rerun, Shortened, shorten};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    commands::tape::Aside,
    exit_codes::{Exit, Failure, OrExit},
    output, render,
};

/// A shorter bundle that was written.
pub(super) struct Written {
    /// Where.
    pub(super) file: PathBuf,
    /// What.
    pub(super) shortened: Shortened,
}

/// Shortens and writes, into a file that is there already if `force` says so.
pub(super) fn run(
    rerun: &Rerun<'_>,
    file: &Path,
    to: Option<PathBuf>,
    force: bool,
    runs: u32,
) -> Result<Written, Failure> {
    let to = to.unwrap_or_else(|| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        format!("{name}.short.json").into()
    });
    let is_same = |path: &Path| path.canonicalize().ok();
    if is_same(&to).is_some_and(|to| Some(to) == is_same(file)) {
        return Err(Failure::new(Exit::Usage, format!("{} would be overwritten: name another file", file.display())));
    }
    let aside = Aside::of(&to, force)?;
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
    let shortened = shortened.ok_or_else(|| Failure::new(Exit::Some, "the fault comes only now and then"))?;
    let mut out = aside.create()?;
    out.write_all(&shortened.bundle.to_json()).or_exit_while(Exit::Machine, || to.display().to_string())?;
    aside.keep(&out)?;
    Ok(Written { file: to, shortened })
}
