//! A Cantus host as a library: event store, plugins, engine and registry behind one builder. The binary `cantus` is built on
//! it, and `docs/embedding` is a small program that embeds it.
//!
//! ```
//! use cantus_host::{Host, StateAt};
//! use cantus_model::{AggregateRef, Command};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # std::fs::write(folder.path().join("counter.wasm"), cantus_tests::guests::read(cantus_tests::guests::COUNTER))?;
//! # let (data, plugins) = (folder.path().join("data"), folder.path());
//! let host = Host::builder()
//!     .store(format!("sqlite:{}/cantus.db", data.display()))
//!     .plugins(plugins)
//!     .data(&data)
//!     .start()
//!     .await?;
//!
//! let counter = AggregateRef::new("Counter", "c-1");
//! let command = Command::new("order-17", counter.clone(), "Increment", "{}");
//! let outcome = host.execute(command).await?;
//! assert_eq!(outcome.version, 1);
//!
//! let state = host.query().state(&counter, StateAt::Latest).await?;
//! assert_eq!(state.state, br#"{"value":1}"#);
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Host`] decides commands: [`Host::submit`] admits a command without waiting, [`Host::execute`] waits for its outcome. An
//!   outcome is durable when it is returned.
//! - [`Queries`] read states at any version or time, events, the reasons of a decision, and other timelines. They work with
//!   and without a running host.
//! - [`Operations`] choose which version of a plugin is live: activate, roll back, deactivate, verify.
//! - [`ReplaySource`] opens the history and the components of a replay.
//! - [`wire`] has the JSON forms, which the command line and servers share.
//!
//! One host writes to a store at a time. The host that started last does, and every host before it stops ([`Host::stopped`]
//! returns the reason).

mod activator;
pub mod atomic_file;
mod builder;
mod component_storage;
pub mod components;
mod error;
mod host;
mod operations;
mod queries;
mod recorded_activation;
mod replay_source;
mod repro_folder;
mod settings;
pub mod status_file;
mod store;
mod stored_components;
pub mod wire;

pub use builder::HostBuilder;
pub use component_storage::ComponentStorage;
pub use error::{HostError, RefusedPlugin};
pub use host::Host;
pub use operations::{ActivationCheck, ActivationReason, Operations};
pub use queries::{
    AggregateState, BranchCommand, EventPages, Explanation, PluginStatus, Queries, StateAt, WhatIfAnswer,
    WhatIfRequest, plugins_in_folder, verification_report,
};
pub use recorded_activation::RecordedActivation;
pub use replay_source::ReplaySource;
pub use repro_folder::ReproFolder;
pub use settings::HostSettings;
pub use store::open_store_read_only;
pub use stored_components::StoredComponents;
