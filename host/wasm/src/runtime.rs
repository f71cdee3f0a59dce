//! From bytes to something that runs: the one way into the sandbox.

use std::{path::Path, sync::Arc};

use cantus_model::{Digest, ports};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use crate::{
    Limits, LoadError, audit,
    bindings::DomainPre,
    cache::{self, CompiledCache},
    component::LoadedComponent,
    guest::GuestState,
    wasi,
    watchdog::Watchdog,
};

/// Loads components. One per host.
pub struct Runtime {
    engine: Engine,
    linker: Linker<GuestState>,
    cache: Option<CompiledCache>,
    limits: Arc<Limits>,
    watchdog: Arc<Watchdog>,
}

impl Runtime {
    /// A runtime under `limits`; compiled code is kept in `cache`, if given.
    ///
    /// # Errors
    /// If wasmtime refuses the limits, or the cache folder cannot be opened.
    pub fn new(limits: &Limits, cache: Option<&Path>) -> Result<Self, LoadError> {
        let host = |error: wasmtime::Error| LoadError::Host(format!("{error:#}"));
        let engine = crate::engine::engine(limits).map_err(host)?;
        let mut linker = Linker::new(&engine);
        wasi::add_to_linker(&mut linker).map_err(host)?;
        Ok(Self {
            cache: cache.map(|path| CompiledCache::open(path, &engine)).transpose()?,
            watchdog: Arc::new(Watchdog::start(&engine)?),
            limits: Arc::new(limits.clone()),
            linker,
            engine,
        })
    }

    /// Compiles and audits a component, asks it to describe itself, and makes it ready to decide.
    ///
    /// # Errors
    /// Whatever is wrong with it; see [`LoadError`].
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<dyn ports::Component>, LoadError> {
        let (digest, component) = self.compile(bytes)?;
        audit::check_imports(&self.engine, &component)?;
        audit::check_exports(&self.engine, &component)?;
        let pre = self
            .linker
            .instantiate_pre(&component)
            .and_then(DomainPre::new)
            .map_err(|error| LoadError::Unfit(format!("{error:#}")))?;
        let loaded = LoadedComponent::describe(pre, digest, Arc::clone(&self.limits), Arc::clone(&self.watchdog))?;
        Ok(Arc::new(loaded))
    }

    /// Everything that a component imports, in its own order.
    ///
    /// # Errors
    /// If it is not a valid component.
    pub fn imports(&self, bytes: &[u8]) -> Result<Vec<String>, LoadError> {
        Ok(audit::imports(&self.engine, &self.compile(bytes)?.1))
    }

    fn compile(&self, bytes: &[u8]) -> Result<(Digest, Component), LoadError> {
        check_kind(bytes, self.limits.component_bytes)?;
        let digest = Digest::of(bytes);
        let component = match &self.cache {
            Some(cache) => cache.compile(&self.engine, digest, bytes)?,
            None => cache::compile(&self.engine, bytes)?,
        };
        Ok((digest, component))
    }
}

/// Tells by the first bytes what kind of file it is. After the magic number come a version and a layer: 1 and 0 for a
/// core module, 13 and 1 for a component (component-model `Binary.md`).
fn check_kind(bytes: &[u8], limit: usize) -> Result<(), LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if bytes.len() > limit {
        return Err(LoadError::TooLarge { limit });
    }
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::Compiled);
    }
    match bytes {
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(LoadError::CoreModule),
        [0, b'a', b's', b'm', ..] => Ok(()),
        _ => Err(LoadError::NotWasm),
    }
}
