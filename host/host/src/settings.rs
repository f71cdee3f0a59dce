//! Everything that can be set on a host.

use std::path::PathBuf;

use cantus_engine::{EngineSettings, registry::RegistrySettings, repro::ReproSettings};
use cantus_replay::verify::VerifySettings;
use cantus_wasm::Limits;
use serde::{Deserialize, Serialize};

/// Everything that can be set on a host. `cantus settings` prints each with its unit and meaning.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct HostSettings {
    /// URL of the event store: `sqlite:PATH`, or `memory:`.
    pub store: String,
    /// Partitions of the log, if the store has to be created.
    pub store_partitions: u32,
    /// The folder that plugins are dropped into.
    pub plugins: PathBuf,
    /// The host's own folder: compiled code, stored components, repro bundles.
    pub data: PathBuf,
    /// Bounds of the engine.
    pub engine: EngineSettings,
    /// When the registry looks at the folder of plugins, and how long it watches a swap.
    pub registry: RegistrySettings,
    /// How much of history a candidate is run on.
    pub verify: VerifySettings,
    /// How many repro bundles are kept.
    pub repro: ReproSettings,
    /// Bounds of the guests.
    pub wasm: Limits,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            store: "sqlite:data/cantus.db".to_owned(),
            store_partitions: 1,
            plugins: "plugins".into(),
            data: "data".into(),
            engine: EngineSettings::default(),
            registry: RegistrySettings::default(),
            verify: VerifySettings::default(),
            repro: ReproSettings::default(),
            wasm: Limits::default(),
        }
    }
}
