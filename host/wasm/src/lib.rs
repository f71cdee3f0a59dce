//! The guest runtime: wasmtime, and nothing of it leaves this crate.
//!
//! [`Runtime`] turns the bytes of a component into something that decides and folds, through the ports of
//! `cantus_model`. What a guest may see is here too: [`wasi`](crate::wasi) answers every import it can have, from the
//! command's context alone. It knows no store, no queue and no thread but its watchdog's.
//!
//! `unsafe` occurs once, in `cache.rs`, where compiled code is read back from the host's own folder.

mod audit;
mod bindings;
mod cache;
mod component_folder;
mod engine;
mod error;
mod fault;
mod folder;
mod guest;
mod limits;
mod loaded_component;
mod manifest;
mod ports;
mod runtime;
mod sandbox;
mod surface;
mod uncaught;
mod wasi;
mod watch;
mod watchdog;

pub use component_folder::ComponentFolder;
pub use error::LoadError;
pub use folder::PluginFolder;
pub use limits::Limits;
pub use runtime::Runtime;
pub use watch::FolderWatch;
