//! The ports: what the engine asks of a store, of a guest runtime and of the folder of plugins. The adapters are in `store` and
//! `wasm`.

mod guest;
mod history;
mod plugins;
mod store;

pub use guest::{Component, HashSeed, InstanceId, Reply, Sandbox};
pub use history::{ActivationAuthor, ActivationLog, History, HistorySource};
pub use plugins::{PluginFile, PluginSource, Refusal};
pub use store::{Claim, EventReader, Hydration, Hydrator, Journal, SnapshotStore, Store, StoreError, ToHydrate};
