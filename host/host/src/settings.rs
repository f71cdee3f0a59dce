//! The settings of a host.

use std::path::PathBuf;

use cantus_engine::{EngineSettings, registry::RegistrySettings, repro::ReproSettings};
use cantus_replay::verify::VerifySettings;
use cantus_wasm::Limits;
use serde::{Deserialize, Serialize};

use crate::ComponentStorage;

/// The settings of a host. `cantus settings` prints each with its unit and meaning.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct HostSettings {
    /// The URL of the event store: `sqlite:PATH`, or `memory:`.
    pub store: String,
    /// The number of partitions of a store that is created, at least 1. An existing store keeps its own.
    pub store_partitions: u32,
    /// The folder of plugins.
    pub plugins: PathBuf,
    /// The host's own folder, for compiled code, stored components and repro bundles.
    pub data: PathBuf,
    /// The storage that new components are written to.
    pub component_storage: ComponentStorage,
    /// The bounds of the engine.
    pub engine: EngineSettings,
    /// The intervals at which the registry reads the folder of plugins, and the bounds on faults of a new version.
    pub registry: RegistrySettings,
    /// The bounds of a verification.
    pub verify: VerifySettings,
    /// The bounds on repro bundles.
    pub repro: ReproSettings,
    /// The limits of the guests.
    pub wasm: Limits,
}

impl Default for HostSettings {
    fn default() -> Self {
        Self {
            store: "sqlite:data/cantus.db".to_owned(),
            store_partitions: 1,
            plugins: "plugins".into(),
            data: "data".into(),
            component_storage: ComponentStorage::default(),
            engine: EngineSettings::default(),
            registry: RegistrySettings::default(),
            verify: VerifySettings::default(),
            repro: ReproSettings::default(),
            wasm: Limits::default(),
        }
    }
}
