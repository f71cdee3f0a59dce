//! The cache of compiled code, by digest, so that a component is compiled once.
//!
//! The folder is private to the host and disposable: an entry that is missing, cut off or altered is compiled again.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use cantus_model::Digest;
use cap_std::{ambient_authority, fs::Dir};
use wasmtime::{Engine, component::Component};

use crate::LoadError;

/// The cache of one engine.
pub(crate) struct CompiledCache {
    path: PathBuf,
    /// Compiled code depends on wasmtime's version and settings.
    compatibility: u64,
    /// The most entries that it may have.
    limit: usize,
}

impl CompiledCache {
    pub(crate) fn open(path: &Path, engine: &Engine, limit: usize) -> Result<Self, LoadError> {
        let failed = |error: io::Error| LoadError::Host(format!("the compiled cache {}: {error}", path.display()));
        let path = std::path::absolute(path).map_err(failed)?;
        folder(&path).map_err(failed)?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { path, compatibility: hasher.finish(), limit })
    }

    /// Returns the compiled component, if it is in the cache.
    pub(crate) fn get(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let name = self.name(digest);
        let entry = Dir::open_ambient_dir(&self.path, ambient_authority()).and_then(|dir| dir.read(&name)).ok()?;
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

    /// Stores compiled code. If it cannot, the next start compiles again.
    pub(crate) fn put(&self, digest: Digest, component: &Component) {
        let name = self.name(digest);
        let written = folder(&self.path).map_err(anyhow::Error::from).and_then(|dir| {
            write(&dir, &name, component)?;
            Ok(self.trim(&dir, &name)?)
        });
        if let Err(error) = written {
            tracing::warn!(%error, "the compiled cache cannot be written; every start compiles again");
        }
    }

    fn name(&self, digest: Digest) -> String {
        format!("{digest}-{:016x}.cwasm", self.compatibility)
    }

    /// Removes the oldest entries over the limit, but not `newest`. With time it also removes what a crash or another version of the
    /// host left.
    fn trim(&self, dir: &Dir, newest: &str) -> io::Result<()> {
        let mut others = Vec::new();
        for entry in dir.entries()? {
            let entry = entry?;
            // If it is gone already, another host removed it.
            if let (Ok(metadata), true) = (entry.metadata(), entry.file_name() != newest) {
                others.push((metadata.modified()?, entry.file_name()));
            }
        }
        others.sort();
        let excess = (others.len() + 1).saturating_sub(self.limit);
        for (_, name) in others.into_iter().take(excess) {
            match dir.remove_file(name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Opens the folder, and makes it if it is missing. Each use opens it, because a handle would write into a folder that was deleted.
pub(crate) fn folder(path: &Path) -> io::Result<Dir> {
    std::fs::create_dir_all(path)?;
    Dir::open_ambient_dir(path, ambient_authority())
}

/// Writes a temporary file and renames it, so that no reader and no crash finds half an entry.
fn write(dir: &Dir, name: &str, component: &Component) -> anyhow::Result<()> {
    let code = component.serialize().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let entry = [Digest::of(&code).as_bytes().as_slice(), &code].concat();
    let temporary = format!("{name}.{}", std::process::id());
    dir.write(&temporary, entry)?;
    dir.rename(&temporary, dir, name)?;
    Ok(())
}

/// Compiles without a cache.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadError> {
    Component::from_binary(engine, bytes).map_err(|error| LoadError::Invalid(format!("{error:#}")))
}
