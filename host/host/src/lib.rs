//! A Cantus host as a library: event store, plugins, engine and registry behind one builder. The binary `cantus` is one user
//! of it.
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
//! - [`Host`] decides commands: [`Host::submit`] admits one and never waits, [`Host::execute`] waits for its outcome. Outcomes
//!   are durable when they arrive.
//! - [`Queries`] read: states at any version or time, what a decision rested on. They work without a running host.
//! - [`Operations`] decide what is live: activate, roll back, deactivate, verify.
//! - [`wire`] has the JSON forms of all of it, for the command line and for whatever serves requests.
//!
//! A host owns its log: the host that started last writes, and all hosts before it stop ([`Host::stopped`] says why).

mod activator;
mod builder;
pub mod components;
mod error;
mod host;
mod operations;
mod queries;
mod repro_folder;
mod settings;
pub mod status_file;
pub mod wire;

pub use builder::HostBuilder;
pub use error::{HostError, RefusedPlugin};
pub use host::Host;
pub use operations::{ActivationCheck, ActivationDone, ActivationReason, Operations};
pub use queries::{AggregateState, EventPages, Explanation, Queries, StateAt};
pub use repro_folder::ReproFolder;
pub use settings::HostSettings;
