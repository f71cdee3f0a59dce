//! A folder for one host, with plugins, data and settings that suit a test.

use std::path::PathBuf;

use cantus_engine::{EngineSettings, registry::RegistrySettings};
use cantus_host::{ActivationReason, Host, HostSettings, atomic_file::write_file};
use cantus_model::{AggregateRef, Command};
use cantus_tests::guests;
use tempfile::TempDir;

/// A folder for one host.
pub(crate) struct HostFolder(TempDir);

impl HostFolder {
    /// Creates a folder whose plugins are these files.
    pub(crate) fn with(plugins: &[(&str, Vec<u8>)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path("plugins")).unwrap();
        plugins.iter().for_each(|(name, bytes)| folder.put(name, bytes));
        folder
    }

    /// Creates a folder with the counter example.
    pub(crate) fn with_counter() -> Self {
        Self::with(&[("counter.wasm", guests::read(guests::COUNTER))])
    }

    /// Creates a folder with version 1.0.0 of a plugin that adds numbers.
    pub(crate) fn with_tally() -> Self {
        Self::with(&[("tally.wasm", guests::shifty("tally", "1.0.0", "good"))])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file into the folder of plugins.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        write_file(&self.path("plugins").join(name), bytes).unwrap();
    }

    /// One shard, so that a host starts quickly, and short intervals.
    pub(crate) fn settings(&self) -> HostSettings {
        HostSettings {
            store: format!("sqlite:{}", self.path("data/cantus.db").display()),
            plugins: self.path("plugins"),
            data: self.path("data"),
            engine: EngineSettings { shards: 1, ..EngineSettings::default() },
            registry: RegistrySettings { settle_ms: 10, rescan_ms: 50, ..RegistrySettings::default() },
            ..HostSettings::default()
        }
    }

    /// Starts a host with these settings.
    pub(crate) async fn start(&self) -> Host {
        Host::builder().settings(self.settings()).start().await.unwrap()
    }
}

/// The counter that the tests use.
pub(crate) fn counter() -> AggregateRef {
    AggregateRef::new("Counter", "c-1")
}

/// A command that counts up.
pub(crate) fn increment(id: &str) -> Command {
    Command::new(id, counter(), "Increment", "{}")
}

/// A command that adds to a tally.
pub(crate) fn add(id: &str, amount: u32) -> Command {
    Command::new(id, AggregateRef::new("Tally", "t-1"), "Add", format!("{{\"amount\":{amount}}}"))
}

/// The reason of an activation.
pub(crate) fn reason(why: &str) -> ActivationReason {
    ActivationReason { who: "ada".into(), why: why.into() }
}
