//! The drop folder. It is opened as a directory handle, so no name or link in it can lead out.

use std::{
    ffi::OsStr,
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use cantus_model::ports::PluginFile;
use cap_std::{
    ambient_authority,
    fs::{Dir, File, MetadataExt as _, OpenOptions, OpenOptionsExt as _},
};

use crate::LoadError;

/// The most bytes of a waiver, which lists names that people have reviewed.
const WAIVER_BYTES: usize = 64 << 10;

/// The folder that plugins are dropped into. A link to another file of the folder counts as that file; a link that leads out is
/// refused.
pub struct PluginFolder {
    path: PathBuf,
    limit: usize,
}

impl PluginFolder {
    /// Opens the folder; `limit` is the most bytes that a component may have.
    ///
    /// # Errors
    /// If it does not exist or is not readable.
    pub fn open(path: &Path, limit: usize) -> Result<Self, LoadError> {
        let absolute = std::path::absolute(path);
        let folder = Self { path: absolute.map_err(|error| unreadable(path, &error))?, limit };
        folder.dir()?;
        Ok(folder)
    }

    /// Lists the names of its `*.wasm` files, sorted. Hidden files are leftovers of copying and are skipped.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, LoadError> {
        Ok(self.scan()?.into_iter().map(|file| file.name).collect())
    }

    /// Lists its `*.wasm` files, sorted by name, each with a stamp that changes with the file. Opens none of them.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn scan(&self) -> Result<Vec<PluginFile>, LoadError> {
        list(&self.dir()?).map_err(|error| unreadable(&self.path, &error))
    }

    /// Reads one of its files.
    ///
    /// # Errors
    /// If it cannot be read, leads out of the folder, or is too large.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, LoadError> {
        read(&self.dir()?, name, self.limit).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => LoadError::TooLarge { limit: self.limit },
            ErrorKind::NotFound if name.contains(char::REPLACEMENT_CHARACTER) => {
                LoadError::Unreadable("its name is not UTF-8: rename it".into())
            }
            _ => LoadError::Unreadable(explain(&error)),
        })
    }

    /// Reads the waiver beside a file: `flights.waiver.toml` beside `flights.wasm`.
    ///
    /// # Errors
    /// If it cannot be read, is not UTF-8, or is larger than 64 KiB.
    pub fn waiver(&self, name: &str) -> Result<Option<String>, LoadError> {
        let waiver = format!("{}.waiver.toml", name.strip_suffix(".wasm").unwrap_or(name));
        let refuse = |why: String| LoadError::Unreadable(format!("{waiver}: {why}"));
        match read(&self.dir()?, &waiver, WAIVER_BYTES) {
            Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| refuse("it is not UTF-8".into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                Err(refuse(format!("it is larger than {WAIVER_BYTES} bytes")))
            }
            Err(error) => Err(refuse(explain(&error))),
        }
    }

    /// Opens the folder each time, because a handle would still show a folder that was deleted or replaced.
    fn dir(&self) -> Result<Dir, LoadError> {
        Dir::open_ambient_dir(&self.path, ambient_authority()).map_err(|error| unreadable(&self.path, &error))
    }
}

fn list(dir: &Dir) -> io::Result<Vec<PluginFile>> {
    let mut files = Vec::new();
    for entry in dir.entries()? {
        let file_name = entry?.file_name();
        let name = file_name.to_string_lossy().into_owned();
        if name.ends_with(".wasm") && !name.starts_with('.') {
            files.extend(stamp(dir, &file_name).map(|stamp| PluginFile { name, stamp }));
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    // Two names that are not UTF-8 can look the same.
    files.dedup_by(|one, other| one.name == other.name);
    Ok(files)
}

/// Returns size, time of change and inode of the file that the name leads to within the folder, or else of the link itself. `None`
/// if it has just gone. Any other error comes back when the file is read.
///
/// The time is that of the inode. A copy sets the time of the content back, but no program sets back this one.
fn stamp(dir: &Dir, name: &OsStr) -> Option<[u64; 3]> {
    match dir.metadata(name).or_else(|_| dir.symlink_metadata(name)) {
        Ok(metadata) => {
            let changed = metadata.ctime().wrapping_mul(1_000_000_000).wrapping_add(metadata.ctime_nsec());
            Some([metadata.len(), changed.cast_unsigned(), metadata.ino()])
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => Some([0; 3]),
    }
}

/// Reads a file of at most `limit` bytes; a larger one is not read at all.
fn read(dir: &Dir, name: &str, limit: usize) -> io::Result<Vec<u8>> {
    let file = open(dir, name)?;
    let metadata = file.metadata()?;
    if metadata.len() > limit as u64 {
        return Err(ErrorKind::FileTooLarge.into());
    }
    // One byte more than the limit tells a file that has grown since.
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Opens a regular file and nothing else. It never waits, as opening a pipe without a writer would.
fn open(dir: &Dir, name: &str) -> io::Result<File> {
    let at_once = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let opened = dir.open_with(name, OpenOptions::new().read(true).custom_flags(at_once));
    let is_file = |metadata: io::Result<cap_std::fs::Metadata>| metadata.is_ok_and(|metadata| metadata.is_file());
    let irregular = || io::Error::new(ErrorKind::InvalidInput, "it is not a regular file");
    match opened {
        Ok(file) if is_file(file.metadata()) => Ok(file),
        Ok(_) => Err(irregular()),
        // A socket cannot be opened at all.
        Err(error) if dir.metadata(name).is_ok_and(|metadata| !metadata.is_file()) => {
            tracing::debug!(%error, name, "not a regular file");
            Err(irregular())
        }
        Err(error) => Err(error),
    }
}

/// Explains an error. An attempt to leave the folder is an error of `cap_std` itself, without a number from the system.
fn explain(error: &io::Error) -> String {
    match (error.kind(), error.raw_os_error()) {
        (ErrorKind::PermissionDenied, None) => "it leads out of the folder: put the file itself there".into(),
        _ => error.to_string(),
    }
}

fn unreadable(folder: &Path, error: &io::Error) -> LoadError {
    LoadError::Unreadable(format!("the plugin folder {}: {error}", folder.display()))
}
