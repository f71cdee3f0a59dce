//! The drop folder. It is opened once as a directory handle, so no name or link in it can lead out.

use std::{io::Read as _, path::Path};

use cap_std::{ambient_authority, fs::Dir};

use crate::LoadError;

/// The folder that plugins are dropped into.
pub struct PluginFolder {
    dir: Dir,
    limit: usize,
}

impl PluginFolder {
    /// Opens the folder; `limit` is the most bytes that a file may have.
    ///
    /// # Errors
    /// If it does not exist or is not readable.
    pub fn open(path: &Path, limit: usize) -> Result<Self, LoadError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())
            .map_err(|error| LoadError::Unreadable(format!("the plugin folder {}: {error}", path.display())))?;
        Ok(Self { dir, limit })
    }

    /// The names of its `*.wasm` files, sorted; hidden files are somebody's leftovers.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, LoadError> {
        let unreadable = |error: std::io::Error| LoadError::Unreadable(error.to_string());
        let mut names = Vec::new();
        for entry in self.dir.entries().map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".wasm") && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The bytes of one of its files.
    ///
    /// # Errors
    /// If it cannot be read, leads out of the folder, or is too large.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, LoadError> {
        let unreadable = |error: std::io::Error| LoadError::Unreadable(error.to_string());
        let file = self.dir.open(name).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(LoadError::Unreadable("it is not a file".into()));
        }
        // One byte more than the limit tells a file that is larger, also one that still grows.
        let mut bytes = Vec::new();
        file.take(self.limit as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > self.limit {
            return Err(LoadError::TooLarge { limit: self.limit });
        }
        Ok(bytes)
    }
}
