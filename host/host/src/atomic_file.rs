//! Files that are written under a temporary name and then renamed, so that a reader finds the whole file or none.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile};

/// A file that is being written under a temporary name in the folder of its target. It is removed if it is dropped before
/// [`AtomicFile::persist`].
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    file: NamedTempFile,
}

/// Decides whether a file that exists at the target is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingFile {
    /// It is replaced.
    Replace,
    /// It stays, and [`AtomicFile::persist`] fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
}

impl AtomicFile {
    /// Creates the temporary file. Its name is a dot, the name of the target, a dot and random letters.
    ///
    /// # Errors
    /// If the target names no file, or no file can be created in its folder.
    pub fn create(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        // `tempfile_in` would restrict the permissions, and add the random name to the message of an error.
        let open = |path: &Path| File::options().read(true).write(true).create_new(true).open(path);
        let file = Builder::new().prefix(&prefix).make_in(folder_of(target), open)?;
        Ok(Self { target: target.to_owned(), file })
    }

    /// The temporary path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The open temporary file.
    pub fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Writes the file to the disk and moves it to its target, durably. Returns the open file.
    ///
    /// # Errors
    /// If it cannot be written or moved; the temporary file is removed then.
    pub fn persist(self, existing: ExistingFile) -> io::Result<File> {
        self.file.as_file().sync_all()?;
        let file = match existing {
            ExistingFile::Replace => self.file.persist(&self.target)?,
            ExistingFile::Keep => self.file.persist_noclobber(&self.target)?,
        };
        File::open(folder_of(&self.target))?.sync_all()?;
        Ok(file)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// Writes a whole file, durably. A file that exists at the target is replaced.
///
/// # Errors
/// If it cannot be written; the target is unchanged then.
pub fn write_file(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes)?;
    file.persist(ExistingFile::Replace).map(drop)
}

/// Returns the folder of a path: `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn a_file_appears_at_its_target_when_it_is_persisted() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it.json");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let mut file = AtomicFile::create(&target).unwrap();
        file.write_all(b"half").unwrap();
        assert!(file.path().file_name().unwrap().to_str().unwrap().starts_with(".it.json."));
        assert_eq!((names(), target.exists()), (1, false));
        drop(file);
        assert_eq!(names(), 0);
        write_file(&target, b"whole").unwrap();
        assert_eq!((names(), fs::read(&target).unwrap()), (1, b"whole".to_vec()));
    }

    #[test]
    fn an_existing_file_is_kept_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        fs::write(&target, "theirs").unwrap();
        let kept = AtomicFile::create(&target).unwrap().persist(ExistingFile::Keep).unwrap_err();
        assert_eq!(kept.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&target).unwrap(), b"theirs");
        AtomicFile::create(&target).unwrap().persist(ExistingFile::Replace).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_error_does_not_contain_the_random_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = AtomicFile::create(&folder.path().join("missing/it")).unwrap_err();
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
    }

    #[test]
    fn the_permissions_are_those_of_any_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        write_file(&one, b"").unwrap();
        fs::write(&other, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&one), mode(&other));
    }
}
