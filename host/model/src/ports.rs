//! The ports: traits that use cases call and adapters implement. A use case takes the port that it needs, not a whole
//! store. The adapters are in the crates `store` and `wasm`.

mod activations;
mod error;
mod event_reader;
mod guest;
mod history;
mod hydration;
mod journal;
mod plugins;
mod store;

pub use activations::{ActivationAuthor, ActivationLog};
pub use error::StoreError;
pub use event_reader::EventReader;
pub use guest::{AggregateSandbox, Component, HandleError, HashSeed, InstanceId, Sandbox};
pub use history::{History, HistorySource};
pub use hydration::{Hydration, HydrationRequest, Hydrator, SnapshotStore};
pub use journal::{Claim, Journal};
pub use plugins::{ComponentLoader, ComponentStore, PluginFile, PluginSource, Refused};
pub use store::Store;
