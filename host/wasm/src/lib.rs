//! The guest runtime. wasmtime stays inside this crate.
//!
//! [`Runtime`] turns the bytes of a component into something that decides and folds, through the ports of
//! `cantus_model`. It also decides what a guest can see: [`wasi`](crate::wasi) answers every import of a guest from the
//! command's context alone. The crate knows no store and no queue, and its only thread is the watchdog's.
//!
//! `unsafe` occurs once, in `cache.rs`, where compiled code is read back from the host's own folder.

mod audit;
mod bindings;
mod cache;
mod component_context;
mod component_folder;
mod contract;
mod engine;
mod error;
mod exports;
mod fault;
mod folder;
mod guest;
mod limits;
mod loaded_component;
mod manifest;
mod one_line;
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
