//! `cantus tape record FILE`: copies history from a store into one file. It only reads the store.

use std::{
    collections::BTreeSet,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use cantus_host::{atomic_file::AtomicFile, open_store_read_only};
use cantus_model::{Digest, HistoryQuery, ports::Store};
use cantus_store::tape::{Redactor, Tape, TapeComponent, TapeError, TapeSummary, TapeWriter};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    components::{ComponentBytes, TapeComponents},
    description::TapeDescription,
    progress::CountProgress,
    redaction::RedactionArgs,
    selection::SelectionArgs,
    tape_error::tape_error,
};
use crate::{
    args::{GlobalArgs, StoreArg},
    exit_codes::{CliError, Exit, OrExit},
    output,
    output_file::{OutputFile, ProtectedFiles, ReplacePolicy},
    render, settings,
};

const EXAMPLES: &str = "\
Examples:
  cantus tape record all.cantus-tape
  cantus tape record flights.cantus-tape --aggregate Flight --aggregate Aircraft
  cantus tape record one.cantus-tape --aggregate Flight/2013-01-01-UA-1545-EWR
  cantus tape record ci.cantus-tape --sample 5 --seed 1 --redact rules.toml --salt-file salt
  cantus tape record small.cantus-tape --without-components

A tape contains complete streams and the components that decided their commands, so `cantus replay
FILE` needs nothing else. With --without-components it contains only the digests of the components;
such a tape can be replayed with --plugin. The same history gives the same bytes.

The rules of a redaction replace strings by pseudonyms, which nobody can undo without the secret:

  [[rule]]
  aggregate = \"Flight\"    # or \"*\"
  message = \"Schedule\"    # a command, an event, the code of a rejection (its detail), or \"*\"
  field = \"/aircraft\"     # a JSON pointer; \"*\" in it is every field or element

  [[rule]]
  aggregate = \"*\"
  part = \"actor\"          # or aggregate-id, command-id, correlation-id, causation-id, metadata,
                          # metadata.KEY, rejection-message";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The tape to write
    file: PathBuf,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Record only the digests of the components, not the components
    #[arg(long)]
    without_components: bool,
    #[command(flatten)]
    redaction: RedactionArgs,
    /// Replace any existing file except a store, a plugin and an input
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// Records the tape.
///
/// # Errors
/// If nothing is selected, the store cannot be read, a component is missing, or the file cannot be written.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let (query, redactor) = (args.selection.query()?, args.redaction.redactor()?);
    let protected = ProtectedFiles::new(&settings, global, args.redaction.files());
    let output = OutputFile::new(&args.file, ReplacePolicy::Nothing.or_forced(args.force), &protected)?;
    let store = open_store_read_only(&settings.host).await?;
    let bytes = if args.without_components { ComponentBytes::Omitted } else { ComponentBytes::Included };
    let components = TapeComponents::open(&settings, &*store, bytes).await?;
    let recording = TapeRecording { path: &args.file, output: &output, store: &store, query: &query, redactor };
    let interrupted = interrupt()?;
    let recorded = tokio::select! {
        recorded = recording.run(&components) => recorded,
        () = interrupted => Err(CliError::new(Exit::Interrupted, "interrupted: no tape was written")),
    };
    let (file, summary) = recorded?;
    // Reading the tape checks that it is not damaged.
    let tape = Tape::open(file.path()).map_err(|error| tape_error(&args.file, &error))?;
    output.persist(file)?;

    let description = TapeDescription::new(&args.file, &tape).with_unused_rules(&summary.unused_rules);
    if global.json {
        output::print_json(&description)?;
    } else {
        output::print(&description.text())?;
        for rule in &summary.unused_rules {
            eprintln!("the rule `{}` replaced nothing: check its names", render::escaped(rule));
        }
    }
    Ok(Exit::Ok)
}

/// The recording of a tape.
struct TapeRecording<'a> {
    path: &'a Path,
    output: &'a OutputFile,
    store: &'a Arc<dyn Store>,
    query: &'a HistoryQuery,
    redactor: Option<Redactor>,
}

impl TapeRecording<'_> {
    /// Writes the tape. The components are at its beginning, but they are known only at its end. So they are guessed first, and
    /// the tape is written again if the guess was wrong.
    async fn run(self, components: &TapeComponents<'_>) -> Result<(AtomicFile, TapeSummary), CliError> {
        let mut deciders = components.likely(self.query)?;
        loop {
            let (file, summary, seen) = self.write(&components.get(&deciders)?).await?;
            if summary.totals.commands == 0 {
                return Err(CliError::new(
                    Exit::Partial,
                    "the selection has no recorded command, so no tape was written",
                ));
            }
            if seen == deciders {
                return Ok((file, summary));
            }
            deciders = seen;
        }
    }

    /// Writes the tape once, and returns the components that decided its commands.
    async fn write(
        &self,
        components: &[TapeComponent],
    ) -> Result<(AtomicFile, TapeSummary, BTreeSet<Digest>), CliError> {
        let failed = |error: TapeError| tape_error(self.path, &error);
        let out = BufWriter::new(self.output.create()?);
        let mut writer = TapeWriter::new(out, self.query, components, self.redactor.clone()).map_err(failed)?;
        let mut history = self.store.history(self.query).await.or_exit(Exit::Store)?;
        let progress = CountProgress::start(history.commands());
        let mut deciders = BTreeSet::new();
        while let Some(page) = history.next_page().await.or_exit(Exit::Store)? {
            progress.add(page.commands.len());
            deciders.extend(page.commands.iter().map(|command| command.record.component));
            writer.write(page).map_err(failed)?;
        }
        let (out, summary) = writer.finish().map_err(failed)?;
        let file = out.into_inner().map_err(|error| failed(TapeError::Write(error.into_error())))?;
        Ok((file, summary, deciders))
    }
}

/// Listens for Ctrl-C and termination signals. The future resolves at the first one.
fn interrupt() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).or_exit(Exit::Machine)?;
    let mut terminate = signal(SignalKind::terminate()).or_exit(Exit::Machine)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
