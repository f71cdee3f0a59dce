//! Where history and components come from: a store and its component store, or a tape.

use std::{path::Path, sync::Arc};

use cantus_engine::replay::{Components, Find};
use cantus_model::{
    Digest, Manifest,
    ports::{Component, HistorySource, Refusal, Store},
};
use cantus_store::tape::Tape;
use cantus_wasm::{ComponentStore, Runtime};

use crate::{
    exit_codes::{Exit, Failure, OrExit},
    settings::Settings,
    wiring::{self, LoadedFile},
};

enum Recorded {
    Store(Arc<dyn Store>),
    Tape(Arc<Tape>),
}

/// What is replayed, and who can decide.
pub(super) struct Source {
    recorded: Recorded,
    kept: Option<Arc<ComponentStore>>,
    candidate: Option<Arc<LoadedFile>>,
    runtime: Arc<Runtime>,
    settings: Settings,
}

impl Source {
    /// Opens a tape, or else the store of the settings, for reading.
    pub(super) async fn open(settings: &Settings, tape: Option<&Path>, plugin: Option<&Path>) -> Result<Self, Failure> {
        let recorded = match tape {
            Some(path) => {
                let opened = Tape::open(path).or_exit_while(Exit::Usage, || path.display().to_string())?;
                Recorded::Tape(Arc::new(opened))
            }
            None => Recorded::Store(wiring::open_to_read(settings).await?),
        };
        let components = settings.data.join("components");
        let kept = match components.is_dir() {
            true => Some(Arc::new(ComponentStore::open(&components).or_exit(Exit::Machine)?)),
            false => None,
        };
        let candidate = plugin.map(|path| wiring::load_file(settings, path)).transpose()?.map(Arc::new);
        let runtime = Arc::new(wiring::runtime(settings, wiring::Keep::CompiledCode)?);
        Ok(Self { recorded, kept, candidate, runtime, settings: settings.clone() })
    }

    pub(super) fn history(&self) -> &dyn HistorySource {
        match &self.recorded {
            Recorded::Store(store) => &**store,
            Recorded::Tape(tape) => &**tape,
        }
    }

    pub(super) fn candidate(&self) -> Option<Digest> {
        self.candidate.as_ref().map(|file| file.component.digest())
    }

    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.candidate.as_ref().map(|file| file.component.manifest())
    }

    /// The components, compiled to machine code.
    pub(super) fn components(&self) -> Arc<Components> {
        self.run_by(&self.runtime)
    }

    /// The same on an interpreter.
    pub(super) fn interpreted(&self) -> Result<Arc<Components>, Failure> {
        Ok(self.run_by(&Arc::new(Runtime::interpreted(&self.settings.wasm).or_exit(Exit::Machine)?)))
    }

    fn run_by(&self, runtime: &Arc<Runtime>) -> Arc<Components> {
        let runtime = Arc::clone(runtime);
        let (kept, candidate) = (self.kept.clone(), self.candidate.clone());
        let tape = match &self.recorded {
            Recorded::Store(_) => None,
            Recorded::Tape(tape) => Some(Arc::clone(tape)),
        };
        let find: Find = Box::new(move |digest| {
            let refusal = |why: String| Refusal(why);
            if let Some(file) = candidate.as_ref().filter(|file| file.component.digest() == digest) {
                return Ok(Some(runtime.load(&file.bytes)?));
            }
            let taped = tape.as_ref().map(|tape| tape.component(digest)).transpose();
            let taped = taped.map_err(|error| refusal(error.to_string()))?.flatten();
            let kept = || kept.as_ref().map(|kept| kept.get(digest)).transpose();
            let bytes = match taped {
                Some(bytes) => Some(bytes),
                None => kept().map_err(|error| refusal(error.to_string()))?.flatten(),
            };
            let load = |bytes: Vec<u8>| -> Result<Arc<dyn Component>, Refusal> { Ok(runtime.load(&bytes)?) };
            bytes.map(load).transpose()
        });
        Arc::new(Components::new(find))
    }
}
