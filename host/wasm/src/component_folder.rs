//! Every component that ever decided something, by digest: what a record's digest leads back to.

use std::{
    io,
    path::{Path, PathBuf},
};

use cantus_model::Digest;
use cap_std::{ambient_authority, fs::Dir};

use crate::cache::folder;

/// A folder of `<sha256>.wasm`. Files are never changed and never removed by the host. If somebody deletes the folder under a
/// running host, it is made again for the next component.
pub struct ComponentFolder {
    path: PathBuf,
}

impl ComponentFolder {
    /// Opens the folder, making it if it is missing.
    ///
    /// # Errors
    /// If it cannot be made or opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        folder(&path)?;
        Ok(Self { path })
    }

    /// Keeps a component, durably, before it decides anything.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let dir = folder(&self.path)?;
        let digest = Digest::of(bytes);
        let name = format!("{digest}.wasm");
        if matches!(self.get(digest), Ok(Some(_))) {
            // Perhaps by a host that was stopped before the name was durable.
            dir.open(".")?.sync_all()?;
            return Ok(digest);
        }
        let aside = format!(".{name}.{}", std::process::id());
        let mut file = dir.create(&aside)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        dir.rename(&aside, &dir, &name)?;
        dir.open(".")?.sync_all()?;
        Ok(digest)
    }

    /// The component of that digest. A file whose bytes no longer have the digest is an error.
    ///
    /// # Errors
    /// If it is unreadable or damaged.
    pub fn get(&self, digest: Digest) -> io::Result<Option<Vec<u8>>> {
        let dir = Dir::open_ambient_dir(&self.path, ambient_authority());
        match dir.and_then(|dir| dir.read(format!("{digest}.wasm"))) {
            Ok(bytes) if Digest::of(&bytes) == digest => Ok(Some(bytes)),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("component {digest} is damaged"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
