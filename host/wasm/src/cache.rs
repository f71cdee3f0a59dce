//! Compiled code by digest, so that a component is compiled once.
//!
//! The folder is private to the host and disposable: an entry that is missing, cut off or altered is compiled again.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use cantus_model::Digest;
use cap_std::{ambient_authority, fs::Dir};
use wasmtime::{Engine, component::Component};

use crate::LoadError;

/// The cache of one engine.
pub(crate) struct CompiledCache {
    dir: Dir,
    /// Compiled code depends on wasmtime's version and settings.
    compatibility: u64,
}

impl CompiledCache {
    pub(crate) fn open(path: &Path, engine: &Engine) -> Result<Self, LoadError> {
        let failed = |error: std::io::Error| LoadError::Host(format!("the compiled cache {}: {error}", path.display()));
        std::fs::create_dir_all(path).map_err(failed)?;
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(failed)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { dir, compatibility: hasher.finish() })
    }

    /// The compiled component, from the cache or from the compiler.
    pub(crate) fn compile(&self, engine: &Engine, digest: Digest, bytes: &[u8]) -> Result<Component, LoadError> {
        let name = format!("{digest}-{:016x}.cwasm", self.compatibility);
        if let Some(component) = self.read(engine, &name) {
            return Ok(component);
        }
        let component = compile(engine, bytes)?;
        if let Err(error) = self.write(&name, &component) {
            tracing::warn!(%error, "the compiled cache cannot be written; every start compiles again");
        }
        Ok(component)
    }

    fn read(&self, engine: &Engine, name: &str) -> Option<Component> {
        let entry = self.dir.read(name).ok()?;
        let (checksum, code) = entry.split_at_checked(32)?;
        if Digest::of(code).as_bytes() != checksum {
            tracing::warn!(name, "a damaged entry of the compiled cache is compiled again");
            return None;
        }
        #[allow(unsafe_code)]
        // SAFETY: the bytes are what `write` below stored: only the host writes to this folder, the name carries the
        // engine's compatibility hash, and the checksum has just been compared.
        let component = unsafe { Component::deserialize(engine, code) };
        component.inspect_err(|error| tracing::warn!(name, %error, "a compiled component is compiled again")).ok()
    }

    /// Writes aside and renames, so that a reader or a crash never meets half an entry.
    fn write(&self, name: &str, component: &Component) -> anyhow::Result<()> {
        let code = component.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let entry = [Digest::of(&code).as_bytes().as_slice(), &code].concat();
        let aside = format!("{name}.{}", std::process::id());
        self.dir.write(&aside, entry)?;
        self.dir.rename(&aside, &self.dir, name)?;
        Ok(())
    }
}

/// Compiles without a cache.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    Component::from_binary(engine, bytes).map_err(|error| LoadError::Invalid(format!("{error:#}")))
}
