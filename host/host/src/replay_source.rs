//! The history that is replayed, and the components that decide it: those of a store, of a tape, or a candidate.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use cantus_model::{
    Digest, HistoryQuery, Manifest,
    ports::{Component, HistorySource, Refused, Store},
};
use cantus_replay::replay::Components;
use cantus_store::tape::Tape;
use cantus_wasm::{Limits, Runtime};

use crate::{
    HostError, HostSettings,
    components::{LoadedFile, StoredComponents, component_finder, unpooled_runtime},
    open_store_read_only,
};

/// A call on the interpreter may take this many times as long as `wasm.call_timeout_ms`.
const INTERPRETER_SLOWDOWN: u64 = 100;

enum RecordedHistory {
    Store(Arc<dyn Store>),
    Tape(Arc<Tape>),
}

/// Recorded history with the components that can decide it, for `cantus_replay::replay::replay`.
pub struct ReplaySource {
    recorded: RecordedHistory,
    candidate: Option<Arc<LoadedFile>>,
    settings: HostSettings,
}

impl ReplaySource {
    /// Opens the store of the settings for reading.
    ///
    /// # Errors
    /// If there is no store, or it cannot be read.
    pub async fn open_store(settings: &HostSettings) -> Result<Self, HostError> {
        Ok(Self::new(settings, RecordedHistory::Store(open_store_read_only(settings).await?)))
    }

    /// Opens a tape.
    ///
    /// # Errors
    /// [`HostError::Invalid`] if it is not a tape, is damaged, or was written by a newer version.
    pub fn open_tape(settings: &HostSettings, path: &Path) -> Result<Self, HostError> {
        let tape = Tape::open(path).map_err(|error| HostError::Invalid(format!("{}: {error}", path.display())))?;
        Ok(Self::new(settings, RecordedHistory::Tape(Arc::new(tape))))
    }

    fn new(settings: &HostSettings, recorded: RecordedHistory) -> Self {
        Self { recorded, candidate: None, settings: settings.clone() }
    }

    /// Lets this component decide all commands, instead of the recorded ones.
    #[must_use]
    pub fn with_candidate(self, file: LoadedFile) -> Self {
        Self { candidate: Some(Arc::new(file)), ..self }
    }

    /// The recorded history.
    pub fn history(&self) -> &dyn HistorySource {
        match &self.recorded {
            RecordedHistory::Store(store) => &**store,
            RecordedHistory::Tape(tape) => &**tape,
        }
    }

    /// The digest of the candidate.
    pub fn candidate(&self) -> Option<Digest> {
        self.candidate.as_ref().map(|file| file.component.digest())
    }

    /// The manifest of the candidate.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.candidate.as_ref().map(|file| file.component.manifest())
    }

    /// Restricts a query that names no aggregates to the aggregates that the candidate's plugin has or had. Without a
    /// candidate, the query is unchanged.
    ///
    /// # Errors
    /// [`HostError::Invalid`] if the candidate's plugin has decided nothing in this history; else if the store cannot be read.
    pub async fn select(&self, query: HistoryQuery) -> Result<HistoryQuery, HostError> {
        let Some(Manifest { name, aggregates, .. }) = self.manifest() else { return Ok(query) };
        let (plugins, types): (BTreeSet<String>, _) = match &self.recorded {
            RecordedHistory::Tape(tape) => {
                (tape.header().components.iter().map(|component| component.plugin.clone()).collect(), Vec::new())
            }
            RecordedHistory::Store(store) => {
                let records = store.components().await?;
                let own = records.iter().filter(|record| record.manifest.name == *name);
                let types = own.flat_map(|record| &record.manifest.aggregates).chain(aggregates);
                let types: BTreeSet<_> = types.map(|aggregate| aggregate.name.clone()).collect();
                (records.into_iter().map(|record| record.manifest.name).collect(), Vec::from_iter(types))
            }
        };
        if !plugins.is_empty() && !plugins.contains(name) {
            let plugins = Vec::from_iter(plugins).join(", ");
            let error = format!("{name} has decided nothing in this history, which was decided by {plugins}");
            return Err(HostError::Invalid(error));
        }
        match query.aggregate.is_some() || !query.aggregate_types.is_empty() {
            true => Ok(query),
            false => Ok(HistoryQuery { aggregate_types: types, ..query }),
        }
    }

    /// The components, compiled to machine code.
    ///
    /// # Errors
    /// If the stored components cannot be opened, or the runtime does not start.
    pub fn components(&self) -> Result<Arc<Components>, HostError> {
        self.components_on(unpooled_runtime(&self.settings)?)
    }

    /// The same components on an interpreter. A call may take a hundred times as long as `wasm.call_timeout_ms`.
    ///
    /// # Errors
    /// As [`Self::components`].
    pub fn interpreted_components(&self) -> Result<Arc<Components>, HostError> {
        // Fuel still limits each call, so the result is the same; only the time differs.
        let call_timeout_ms = self.settings.wasm.call_timeout_ms.saturating_mul(INTERPRETER_SLOWDOWN);
        let limits = Limits { call_timeout_ms, ..self.settings.wasm.clone() };
        self.components_on(Runtime::interpreted(&limits).map_err(HostError::machine)?)
    }

    /// Finds a component in the candidate's file, then on the tape, then among the stored components.
    fn components_on(&self, runtime: Runtime) -> Result<Arc<Components>, HostError> {
        let runtime = Arc::new(runtime);
        let find_stored = component_finder(StoredComponents::open(&self.settings)?, runtime.clone());
        let candidate = self.candidate.clone();
        let tape = match &self.recorded {
            RecordedHistory::Store(_) => None,
            RecordedHistory::Tape(tape) => Some(Arc::clone(tape)),
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
                None => find_stored(digest),
            }
        }))))
    }
}
