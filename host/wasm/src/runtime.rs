//! Turns bytes into a component that runs: the one way into the sandbox.

use std::{path::Path, sync::Arc};

use cantus_model::{
    Digest,
    ports::{self, Component as _},
};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use crate::{
    Limits, LoadError, audit,
    cache::{self, CompiledCache},
    component_context::ComponentContext,
    engine::{self, Allocation, Backend},
    exports::Exports,
    guest::GuestState,
    loaded_component::LoadedComponent,
    surface::Surface,
    wasi,
    watchdog::Watchdog,
};

/// Loads components. A host has one, and a comparison of two hosts' results has another.
pub struct Runtime {
    engine: Engine,
    linker: Linker<GuestState>,
    cache: Option<CompiledCache>,
    limits: Arc<Limits>,
    watchdog: Arc<Watchdog>,
}

impl Runtime {
    /// Makes a runtime under `limits`, which stores compiled code in `cache`, if given.
    ///
    /// # Errors
    /// If wasmtime refuses the limits, or the cache folder cannot be opened.
    pub fn new(limits: &Limits, cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::on(Backend::Native, Allocation::Pool, limits)?.with_cache(cache)
    }

    /// Makes a runtime for any number of sandboxes: `limits.sandboxes` does not apply, and opening a sandbox takes longer.
    ///
    /// # Errors
    /// As [`Runtime::new`].
    pub fn unpooled(limits: &Limits, cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::on(Backend::Native, Allocation::System, limits)?.with_cache(cache)
    }

    /// Makes a runtime that interprets. It is many times slower, and has nothing that a compiler does for one processor: where
    /// both runtimes agree, the result depends on neither. Both use the same fuel. For any number of sandboxes.
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

    /// Checks that the bytes are a whole component with permitted imports and the exports of the contract. Compiles nothing.
    ///
    /// # Errors
    /// If the host refuses it; see [`LoadError`].
    pub fn validate(&self, bytes: &[u8]) -> Result<(), LoadError> {
        check_format(bytes, self.limits.component_bytes)?;
        audit::check(&Surface::read(&self.engine, bytes)?)?;
        Ok(())
    }

    /// Compiles and audits a component, asks it for its manifest, and makes it ready to decide.
    ///
    /// # Errors
    /// If the host refuses it; see [`LoadError`].
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<dyn ports::Component>, LoadError> {
        check_format(bytes, self.limits.component_bytes)?;
        let digest = Digest::of(bytes);
        let cached = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, digest));
        let is_cached = cached.is_some();
        let component = cached.map_or_else(|| cache::compile(&self.engine, bytes), Ok)?;
        let loaded = self.describe(digest, &component)?;
        // A refused component would push one that is in use out of the cache.
        if let (Some(cache), false) = (&self.cache, is_cached) {
            cache.put(digest, &component);
        }
        Ok(Arc::new(loaded))
    }

    /// Returns everything that a component imports, in its own order. Compiles nothing.
    ///
    /// # Errors
    /// If it is not a valid component.
    pub fn imports(&self, bytes: &[u8]) -> Result<Vec<String>, LoadError> {
        check_format(bytes, self.limits.component_bytes)?;
        Ok(Surface::read(&self.engine, bytes)?.imports)
    }

    fn describe(&self, digest: Digest, component: &Component) -> Result<LoadedComponent, LoadError> {
        let exported = audit::check(&Surface::of(&self.engine, component))?;
        let unfit = |error: wasmtime::Error| LoadError::Unfit(format!("{error:#}"));
        let mut linker = self.linker.clone();
        wasi::stubs::add_to_linker(&mut linker, component).map_err(unfit)?;
        let pre = linker.instantiate_pre(component).map_err(unfit)?;
        let context = ComponentContext {
            exports: Exports::find(&pre, &exported.known).map_err(unfit)?,
            pre,
            digest,
            plugin: digest.short(),
            limits: Arc::clone(&self.limits),
            _watchdog: Arc::clone(&self.watchdog),
        };
        let loaded = LoadedComponent::describe(context, &exported.known)?;
        for interface in exported.unknown {
            let plugin = &loaded.manifest().name;
            tracing::warn!(plugin, interface, "this host does not know an interface of the plugin, and never calls it");
        }
        Ok(loaded)
    }
}

/// Refuses a file by its size and first bytes. After the magic number come a version and a layer: 1 and 0 for a
/// core module, 13 and 1 for a component (component-model `Binary.md`).
fn check_format(bytes: &[u8], limit: usize) -> Result<(), LoadError> {
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
