//! Where history and components come from: a store and its component store, or a tape.

use std::{path::Path, sync::Arc};

use cantus_engine::replay::Components;
use cantus_model::{
    Digest, Manifest,
    ports::{Component, HistorySource, Refusal, Store},
};
use cantus_store::tape::Tape;
use cantus_wasm::Runtime;

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
    candidate: Option<Arc<LoadedFile>>,
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
        let candidate = plugin.map(|path| wiring::load_file(settings, path)).transpose()?.map(Arc::new);
        Ok(Self { recorded, candidate, settings: settings.clone() })
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
    pub(super) fn components(&self) -> Result<Arc<Components>, Failure> {
        self.run_by(wiring::runtime(&self.settings, wiring::Keep::CompiledCode)?)
    }

    /// The same on an interpreter.
    pub(super) fn interpreted(&self) -> Result<Arc<Components>, Failure> {
        self.run_by(Runtime::interpreted(&self.settings.wasm).or_exit(Exit::Machine)?)
    }

    /// Components of the candidate's file, of the tape, or of the component store.
    fn run_by(&self, runtime: Runtime) -> Result<Arc<Components>, Failure> {
        let runtime = Arc::new(runtime);
        let kept = wiring::recorded_on(Arc::clone(&runtime), &self.settings)?;
        let candidate = self.candidate.clone();
        let tape = match &self.recorded {
            Recorded::Store(_) => None,
            Recorded::Tape(tape) => Some(Arc::clone(tape)),
        };
        let load =
            move |bytes: &[u8]| -> Result<Option<Arc<dyn Component>>, Refusal> { Ok(Some(runtime.load(bytes)?)) };
        Ok(Arc::new(Components::new(Box::new(move |digest| {
            if let Some(file) = candidate.as_ref().filter(|file| file.component.digest() == digest) {
                return load(&file.bytes);
            }
            let taped = tape.as_ref().map(|tape| tape.component(digest)).transpose();
            match taped.map_err(|error| Refusal(error.to_string()))?.flatten() {
                Some(bytes) => load(&bytes),
                None => kept(digest),
            }
        }))))
    }
}
