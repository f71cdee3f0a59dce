//! Where history and components come from: a store and its component store, or a tape.

use cantus_host::components::LoadedFile;
use std::{collections::BTreeSet, path::Path, sync::Arc};

use cantus_host::components::{StoredComponents, finder, load_file, unpooled_runtime};
use cantus_model::{
    Digest, HistoryQuery, Manifest,
    ports::{Component, HistorySource, Refused, Store},
};
use cantus_replay::replay::Components;
use cantus_store::tape::Tape;
use cantus_wasm::{Limits, Runtime};

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    settings::Settings,
    store_access::open_to_read,
};

/// How many times as long a call may take on the interpreter.
const INTERPRETER_TIMES: u64 = 100;

enum Recorded {
    Store(Arc<dyn Store>),
    Tape(Arc<Tape>),
}

/// What is replayed, and who can decide.
pub(super) struct Source {
    recorded: Recorded,
    candidate: Option<Arc<LoadedFile>>,
    settings: Settings,
}

impl Source {
    /// Opens a tape, or else the store of the settings, for reading.
    pub(super) async fn open(
        settings: &Settings,
        tape: Option<&Path>,
        plugin: Option<&Path>,
    ) -> Result<Self, CliError> {
        let recorded = match tape {
            Some(path) => {
                let opened = Tape::open(path).or_exit_while(Exit::Usage, || path.display().to_string())?;
                Recorded::Tape(Arc::new(opened))
            }
            None => Recorded::Store(open_to_read(settings).await?),
        };
        let candidate = plugin.map(|path| load_file(&settings.host, path)).transpose()?.map(Arc::new);
        Ok(Self { recorded, candidate, settings: settings.clone() })
    }

    pub(super) fn history(&self) -> &dyn HistorySource {
        match &self.recorded {
            Recorded::Store(store) => &**store,
            Recorded::Tape(tape) => &**tape,
        }
    }

    /// What of a history concerns the candidate: if nothing else is asked for, the aggregates that its plugin has or had.
    pub(super) async fn select(&self, query: HistoryQuery) -> Result<HistoryQuery, CliError> {
        let Some(Manifest { name, aggregates, .. }) = self.manifest() else { return Ok(query) };
        let (plugins, types): (BTreeSet<String>, _) = match &self.recorded {
            Recorded::Tape(tape) => (tape.header().components.iter().map(|it| it.plugin.clone()).collect(), Vec::new()),
            Recorded::Store(store) => {
                let records = store.components().await.or_exit(Exit::Store)?;
                let own = records.iter().filter(|record| record.manifest.name == *name);
                let types = own.flat_map(|record| &record.manifest.aggregates).chain(aggregates);
                let types: BTreeSet<_> = types.map(|it| it.name.clone()).collect();
                (records.into_iter().map(|it| it.manifest.name).collect(), Vec::from_iter(types))
            }
        };
        if !plugins.is_empty() && !plugins.contains(name) {
            let plugins = Vec::from_iter(plugins).join(", ");
            return Err(CliError::new(
                Exit::Usage,
                format!("{name} has decided nothing here; this was decided by {plugins}"),
            ));
        }
        match query.aggregate.is_some() || !query.aggregate_types.is_empty() {
            true => Ok(query),
            false => Ok(HistoryQuery { aggregate_types: types, ..query }),
        }
    }

    pub(super) fn candidate(&self) -> Option<Digest> {
        self.candidate.as_ref().map(|file| file.component.digest())
    }

    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.candidate.as_ref().map(|file| file.component.manifest())
    }

    /// The components, compiled to machine code.
    pub(super) fn components(&self) -> Result<Arc<Components>, CliError> {
        self.run_by(unpooled_runtime(&self.settings.host)?)
    }

    /// The same on an interpreter.
    pub(super) fn interpreted(&self) -> Result<Arc<Components>, CliError> {
        // Fuel ends a call there too; it only takes longer.
        let call_timeout_ms = self.settings.host.wasm.call_timeout_ms.saturating_mul(INTERPRETER_TIMES);
        let limits = Limits { call_timeout_ms, ..self.settings.host.wasm.clone() };
        self.run_by(Runtime::interpreted(&limits).or_exit(Exit::Machine)?)
    }

    /// Components of the candidate's file, of the tape, or of the component store.
    fn run_by(&self, runtime: Runtime) -> Result<Arc<Components>, CliError> {
        let runtime = Arc::new(runtime);
        let stored = finder(StoredComponents::open(&self.settings.host)?, runtime.clone());
        let candidate = self.candidate.clone();
        let tape = match &self.recorded {
            Recorded::Store(_) => None,
            Recorded::Tape(tape) => Some(Arc::clone(tape)),
        };
        let load =
            move |bytes: &[u8]| -> Result<Option<Arc<dyn Component>>, Refused> { Ok(Some(runtime.load(bytes)?)) };
        Ok(Arc::new(Components::new(Box::new(move |digest| {
            if let Some(file) = candidate.as_ref().filter(|file| file.component.digest() == digest) {
                return load(&file.bytes);
            }
            let taped = tape.as_ref().map(|tape| tape.component(digest)).transpose();
            match taped.map_err(|error| Refused(error.to_string()))?.flatten() {
                Some(bytes) => load(&bytes),
                None => stored(digest),
            }
        }))))
    }
}
