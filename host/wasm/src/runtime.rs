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
    engine::{self, Allocation, Backend},
    guest::GuestState,
    loaded_component::LoadedComponent,
    surface::Surface,
    wasi,
    watchdog::Watchdog,
};

/// Loads components. One per host, and another one to compare it with.
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
        Self::on(Backend::Native, Allocation::Pool, limits)?.with_cache(cache)
    }

    /// A runtime for any number of sandboxes: `limits.sandboxes` does not hold, and making one takes longer.
    ///
    /// # Errors
    /// As [`Runtime::new`].
    pub fn unpooled(limits: &Limits, cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::on(Backend::Native, Allocation::System, limits)?.with_cache(cache)
    }

    /// A runtime that interprets, many times slower, and shares none of what a compiler does for one processor: where
    /// both agree, the result depends on neither. Fuel is the same on both. For any number of sandboxes.
    ///
    /// # Errors
    /// If wasmtime refuses the limits.
    pub fn interpreted(limits: &Limits) -> Result<Self, LoadError> {
        Self::on(Backend::Interpreter, Allocation::System, limits)
    }

    fn with_cache(mut self, cache: Option<&Path>) -> Result<Self, LoadError> {
        let open = |path| CompiledCache::open(path, &self.engine, self.limits.compiled_entries);
        self.cache = cache.map(open).transpose()?;
        Ok(self)
    }

    fn on(backend: Backend, allocation: Allocation, limits: &Limits) -> Result<Self, LoadError> {
        let host = |error: wasmtime::Error| LoadError::Host(format!("{error:#}"));
        let engine = engine::engine(backend, allocation, limits).map_err(host)?;
        let mut linker = Linker::new(&engine);
        wasi::add_to_linker(&mut linker).map_err(host)?;
        let watchdog = Arc::new(Watchdog::start(&engine)?);
        Ok(Self { engine, linker, cache: None, limits: Arc::new(limits.clone()), watchdog })
    }

    /// Checks that the bytes are a whole component which imports and exports what it should. Nothing is compiled.
    ///
    /// # Errors
    /// Whatever is wrong with it; see [`LoadError`].
    pub fn validate(&self, bytes: &[u8]) -> Result<(), LoadError> {
        check_kind(bytes, self.limits.component_bytes)?;
        audit::check(&Surface::read(&self.engine, bytes)?)
    }

    /// Compiles and audits a component, asks it to describe itself, and makes it ready to decide.
    ///
    /// # Errors
    /// Whatever is wrong with it; see [`LoadError`].
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<dyn ports::Component>, LoadError> {
        check_kind(bytes, self.limits.component_bytes)?;
        let digest = Digest::of(bytes);
        let kept = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, digest));
        let is_kept = kept.is_some();
        let component = kept.map_or_else(|| cache::compile(&self.engine, bytes), Ok)?;
        let loaded = self.describe(digest, &component)?;
        // What was refused is not kept: it would push out what is in use.
        if let (Some(cache), false) = (&self.cache, is_kept) {
            cache.put(digest, &component);
        }
        Ok(Arc::new(loaded))
    }

    /// Everything that a component imports, in its own order. Nothing is compiled.
    ///
    /// # Errors
    /// If it is not a valid component.
    pub fn imports(&self, bytes: &[u8]) -> Result<Vec<String>, LoadError> {
        check_kind(bytes, self.limits.component_bytes)?;
        Ok(Surface::read(&self.engine, bytes)?.imports)
    }

    fn describe(&self, digest: Digest, component: &Component) -> Result<LoadedComponent, LoadError> {
        audit::check(&Surface::of(&self.engine, component))?;
        let mut linker = self.linker.clone();
        let pre = wasi::stubs::add_to_linker(&mut linker, component)
            .and_then(|()| linker.instantiate_pre(component))
            .and_then(DomainPre::new)
            .map_err(|error| LoadError::Unfit(format!("{error:#}")))?;
        LoadedComponent::describe(pre, digest, Arc::clone(&self.limits), Arc::clone(&self.watchdog))
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
