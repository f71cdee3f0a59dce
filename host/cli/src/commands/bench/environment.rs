//! The folder of the bench on the disk that is measured, and the bank example as a component.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use cantus_engine::{Engine, EngineParts, EngineSettings, Ownership, SystemClock};
use cantus_model::{
    AggregateRef, Command, LiveComponent,
    ports::{Component, Store},
};
use cantus_wasm::{Limits, Runtime};

/// The bank example, compiled into this binary.
const BANK: &[u8] = include_bytes!(env!("CANTUS_BANK_WASM"));

/// f_type of a tmpfs, from statfs(2).
#[cfg(target_os = "linux")]
const TMPFS_MAGIC: i64 = 0x0102_1994;

pub(super) struct BenchFolder {
    folder: PathBuf,
    pub(super) component: Arc<dyn Component>,
}

impl BenchFolder {
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let folder = dir.join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        refuse_tmpfs(&folder)?;
        Ok(Self { folder, component: load(BANK)? })
    }

    /// Returns the same component with another digest: it has one more custom section (id 0, length, name, no content).
    pub(super) fn twin(&self) -> Result<Arc<dyn Component>> {
        const SECTION: &[u8] = b"\x00\x05\x04twin";
        self.load(&[BANK, SECTION].concat())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) async fn store(&self, name: &str) -> Result<Arc<dyn Store>> {
        Ok(cantus_store::open(&format!("sqlite:{}", self.path(name).display()), 1).await?)
    }

    /// Loads a component.
    pub(super) fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Component>> {
        load(bytes)
    }

    pub(super) async fn engine(&self, name: &str, settings: EngineSettings) -> Result<Engine> {
        self.engine_of(name, settings, &self.component).await
    }

    /// Starts an engine with another component.
    pub(super) async fn engine_of(
        &self,
        name: &str,
        settings: EngineSettings,
        component: &Arc<dyn Component>,
    ) -> Result<Engine> {
        let store = self.store(name).await?;
        Ok(Engine::start(EngineParts {
            settings,
            ownership: Ownership::claim(store.clone(), &*store).await?,
            hydrator: store,
            live: &[LiveComponent::new(Arc::clone(component))],
            clock: Arc::new(SystemClock),
            repro: None,
        })?)
    }
}

impl Drop for BenchFolder {
    fn drop(&mut self) {
        // A folder that stays does no harm.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn load(bytes: &[u8]) -> Result<Arc<dyn Component>> {
    Runtime::new(&Limits::default(), None)?.load(bytes).context("an example")
}

/// Refuses a file system in memory, where an fsync costs nothing.
fn refuse_tmpfs(folder: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    if rustix::fs::statfs(folder)?.f_type as i64 == TMPFS_MAGIC {
        let _ = std::fs::remove_dir_all(folder);
        bail!("{} is in memory (tmpfs): give a folder on a disk with --dir", folder.display());
    }
    Ok(())
}

pub(super) fn account(number: usize) -> AggregateRef {
    AggregateRef::new("Account", format!("account-{number:05}"))
}

pub(super) fn command(aggregate: AggregateRef, name: &str, payload: String) -> Command {
    Command {
        id: cantus_host::wire::new_command_id(),
        aggregate,
        name: name.to_owned(),
        version: None,
        payload: payload.into_bytes(),
        expected_version: None,
        actor: None,
        correlation_id: None,
        causation_id: None,
        metadata: Vec::new(),
    }
}

pub(super) fn open(aggregate: AggregateRef) -> Command {
    command(aggregate, "OpenAccount", r#"{"owner":"Ada Lovelace"}"#.to_owned())
}

pub(super) fn deposit(aggregate: AggregateRef, number: usize) -> Command {
    command(aggregate, "Deposit", format!(r#"{{"amount":{},"reference":"invoice {number:08}"}}"#, 1 + number % 500))
}
