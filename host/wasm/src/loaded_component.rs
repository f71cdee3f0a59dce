//! A loaded component.

use std::sync::Arc;

use cantus_model::{
    Digest, Fault, Manifest,
    ports::{AggregateSandbox, Component, HashSeed},
};

use crate::{
    Limits, LoadError, bindings::DomainPre, guest::GuestState, manifest, sandbox::WasmSandbox, watchdog::Watchdog,
};

/// What all sandboxes of one component share.
pub(crate) struct ComponentContext {
    pub(crate) pre: DomainPre<GuestState>,
    pub(crate) digest: Digest,
    /// Name and version for people; the digest until `describe` has answered.
    pub(crate) plugin: String,
    pub(crate) limits: Arc<Limits>,
    /// Keeps the epoch ticking for as long as a guest can run.
    _watchdog: Arc<Watchdog>,
}

pub(crate) struct LoadedComponent {
    shared: Arc<ComponentContext>,
    manifest: Manifest,
}

impl LoadedComponent {
    /// Runs `describe` twice, in two sandboxes: what does not agree with itself here would not anywhere.
    pub(crate) fn describe(
        pre: DomainPre<GuestState>,
        digest: Digest,
        limits: Arc<Limits>,
        watchdog: Arc<Watchdog>,
    ) -> Result<Self, LoadError> {
        let nameless = Arc::new(ComponentContext {
            pre,
            digest,
            plugin: digest.short(),
            limits,
            _watchdog: Arc::clone(&watchdog),
        });
        let open = || WasmSandbox::open(Arc::clone(&nameless), HashSeed::default());
        let describe = || open().and_then(|mut sandbox| sandbox.describe());
        let manifest = manifest::check(describe()?)?;
        if manifest::check(describe()?)? != manifest {
            return Err(LoadError::Manifest("`describe` answered differently the second time".into()));
        }
        let shared = Arc::new(ComponentContext {
            pre: nameless.pre.clone(),
            digest,
            plugin: format!("{}@{}", manifest.name, manifest.version),
            limits: Arc::clone(&nameless.limits),
            _watchdog: watchdog,
        });
        Ok(Self { shared, manifest })
    }
}

impl Component for LoadedComponent {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn digest(&self) -> Digest {
        self.shared.digest
    }

    fn open_aggregates(&self, hash_seed: HashSeed) -> Result<Box<dyn AggregateSandbox>, Box<Fault>> {
        Ok(Box::new(WasmSandbox::open(Arc::clone(&self.shared), hash_seed)?))
    }
}
