//! The ports: what the engine asks of a store and of a guest runtime. The adapters are in `store` and `wasm`.

mod guest;
mod store;

pub use guest::{Component, InstanceId, Reply, Sandbox};
pub use store::{EventReader, Journal, SnapshotStore, Store, StoreError, WriterEpoch};
