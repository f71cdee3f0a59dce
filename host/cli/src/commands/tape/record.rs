//! `cantus tape record FILE`: cuts history from a store into one file. Of the store it only reads.

use std::{
    collections::BTreeSet,
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use cantus_model::{Digest, HistoryQuery, ports::Store};
use cantus_store::tape::{Redactor, Tape, TapeComponent, TapeError, TapeSummary, TapeWriter};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    about::About, components::Components, failure::failure, progress::CountProgress, redaction::Redaction,
    selection::Selection,
};
use crate::{
    args::{GlobalArgs, StoreArg},
    atomic_file::{AtomicFile, ProtectedFiles, Replace},
    exit_codes::{CliError, Exit, OrExit},
    output, render, settings,
    store_access::open_to_read,
};

const EXAMPLES: &str = "\
Examples:
  cantus tape record all.cantus-tape
  cantus tape record flights.cantus-tape --aggregate Flight --aggregate Aircraft
  cantus tape record one.cantus-tape --aggregate Flight/2013-01-01-UA-1545-EWR
  cantus tape record ci.cantus-tape --sample 5 --seed 1 --redact rules.toml --salt-file salt
  cantus tape record small.cantus-tape --without-components

Streams go on it whole. The components that decided them go with them, so that
`cantus replay FILE` needs nothing else; --without-components names them only, for tapes that are
replayed on a candidate. The same history gives the same bytes.

Rules of a redaction put pseudonyms in the place of texts; without the secret nobody can undo them:

  [[rule]]
  aggregate = \"Flight\"    # or \"*\"
  message = \"Schedule\"    # a command, an event, the code of a rejection (its detail), or \"*\"
  field = \"/aircraft\"     # a JSON pointer; \"*\" in it is every field or element

  [[rule]]
  aggregate = \"*\"
  part = \"actor\"          # or aggregate-id, command-id, correlation-id, causation-id, metadata,
                          # metadata.KEY, rejection-message";

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The tape, which is made
    file: PathBuf,
    #[command(flatten)]
    selection: Selection,
    /// Name the components that decided, but leave their bytes out
    #[arg(long)]
    without_components: bool,
    #[command(flatten)]
    redaction: Redaction,
    /// Replace the file if it is there, unless it is a store, a plugin or an input
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    store: StoreArg,
}

/// Records it.
///
/// # Errors
/// If nothing is selected, the store cannot be read, a component is missing, or the file cannot be written.
pub(crate) async fn run(args: Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let settings = settings::resolve(settings::gather(global, &[("store", args.store.store)])?)?.settings;
    let (query, redactor) = (args.selection.query()?, args.redaction.redactor()?);
    let protected = ProtectedFiles::of(&settings, global, args.redaction.files());
    let file = AtomicFile::of(&args.file, Replace::Nothing.or_forced(args.force), &protected)?;
    let store = open_to_read(&settings).await?;
    let components = Components::of(&settings, &*store, !args.without_components).await?;
    let cut = Cut { path: &args.file, file: &file, store: &store, query: &query, redactor };
    let stop = stop()?;
    let cut = tokio::select! {
        cut = cut.run(&components) => cut,
        () = stop => Err(CliError::new(Exit::Interrupted, "interrupted: there is no tape")),
    };
    let (out, summary) = cut?;
    // It is read once more before it is handed out.
    let tape = Tape::open(file.path()).map_err(|error| failure(&args.file, &error))?;
    file.keep(&out)?;

    let about = About::of(&args.file, &tape).with_unused_rules(&summary.unused_rules);
    if global.json {
        output::print_json(&about)?;
    } else {
        output::print(&about.text())?;
        for rule in &summary.unused_rules {
            eprintln!("the rule `{}` met nothing: is it misspelt?", render::escaped(rule));
        }
    }
    Ok(Exit::Ok)
}

/// A tape that is being cut.
struct Cut<'a> {
    path: &'a Path,
    file: &'a AtomicFile,
    store: &'a Arc<dyn Store>,
    query: &'a HistoryQuery,
    redactor: Option<Redactor>,
}

impl Cut<'_> {
    /// Who decided stands at the beginning of a tape and is known at its end. So it is guessed, and the tape written again
    /// where the guess was wrong: at most once, unless another component goes live meanwhile.
    async fn run(self, components: &Components<'_>) -> Result<(File, TapeSummary), CliError> {
        let mut deciders = components.likely(self.query)?;
        loop {
            let (file, summary, seen) = self.write(&components.get(&deciders)?).await?;
            if summary.totals.commands == 0 {
                return Err(CliError::new(Exit::Some, "no command is recorded that this selects: there is no tape"));
            }
            if seen == deciders {
                return Ok((file, summary));
            }
            deciders = seen;
        }
    }

    /// Writes it, and says who decided.
    async fn write(&self, components: &[TapeComponent]) -> Result<(File, TapeSummary, BTreeSet<Digest>), CliError> {
        let failed = |error: TapeError| failure(self.path, &error);
        let out = BufWriter::new(self.file.create()?);
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

/// Comes with Ctrl-C or a termination signal, and is listened for from now on.
fn stop() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).or_exit(Exit::Machine)?;
    let mut terminate = signal(SignalKind::terminate()).or_exit(Exit::Machine)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
