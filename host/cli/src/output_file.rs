//! Output files. A file appears at its path whole or not at all, and never replaces a store, a plugin or an input.

mod protected;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use cantus_host::atomic_file::{AtomicFile, ExistingFile};

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    render,
};
pub(crate) use protected::ProtectedFiles;

const EXISTS: &str = "the file exists already; --force replaces it";
/// Bytes at the beginning of a file that identify an earlier output.
const HEADER_BYTES: u64 = 512;

/// Selects the existing files that an output may replace.
#[derive(Clone, Copy)]
pub(crate) enum ReplacePolicy {
    /// No file.
    Nothing,
    /// An empty file, or one whose beginning identifies it as an earlier output of the same kind.
    Earlier(fn(&[u8]) -> bool),
    /// Any file that is not protected.
    Anything,
}

impl ReplacePolicy {
    /// Applies the flag `--force`.
    pub(crate) fn or_forced(self, force: bool) -> Self {
        if force { Self::Anything } else { self }
    }
}

/// The path of an output that was checked before the work begins.
pub(crate) struct OutputFile {
    target: PathBuf,
    existing: ExistingFile,
    protected: ProtectedFiles,
}

impl OutputFile {
    /// Checks that a file may be written to `target`. A link is followed.
    ///
    /// # Errors
    /// If an existing file must not be replaced, or the path is not that of a file.
    pub(crate) fn new(target: &Path, policy: ReplacePolicy, protected: &ProtectedFiles) -> Result<Self, CliError> {
        let target = resolve(target)?;
        if target.file_name().is_none() {
            return Err(refused(&target, "the path names no file"));
        }
        check_protected(&target, protected)?;
        let replaces = match fs::metadata(&target) {
            Ok(metadata) if !metadata.is_file() => return Err(refused(&target, "the path is not that of a file")),
            Ok(_) if !may_replace(&target, policy)? => return Err(refused(&target, EXISTS)),
            Ok(_) => true,
            Err(_) => matches!(policy, ReplacePolicy::Anything),
        };
        let existing = if replaces { ExistingFile::Replace } else { ExistingFile::Keep };
        Ok(Self { target, existing, protected: protected.clone() })
    }

    /// Creates the file under a temporary name.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn create(&self) -> Result<AtomicFile, CliError> {
        AtomicFile::create(&self.target).or_exit_with(Exit::Machine, || self.target.display().to_string())
    }

    /// Moves the file to its path, durably. Returns the open file.
    ///
    /// # Errors
    /// If it cannot be moved, or a file that must not be replaced has appeared there.
    pub(crate) fn persist(&self, file: AtomicFile) -> Result<File, CliError> {
        // Another process may have created a file since the first check.
        check_protected(&self.target, &self.protected)?;
        match file.persist(self.existing) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(refused(&self.target, EXISTS)),
            persisted => persisted.or_exit_with(Exit::Machine, || self.target.display().to_string()),
        }
    }
}

/// Paths of open descriptors. A shell may have redirected one to a file, which must be written through the descriptor.
const DESCRIPTORS: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];

/// Opens a device or a FIFO for writing, for example `/dev/null`. `None` if the path is that of a file, which may not exist.
///
/// # Errors
/// If it cannot be opened, or is protected.
pub(crate) fn open_device(target: &Path, protected: &ProtectedFiles) -> Result<Option<File>, CliError> {
    let is_descriptor = DESCRIPTORS.iter().any(|name| target.starts_with(name));
    match fs::metadata(target) {
        Ok(metadata) if !metadata.is_dir() && (is_descriptor || !metadata.is_file()) => {
            check_protected(target, protected)?;
            let file = OpenOptions::new().append(true).open(target);
            file.or_exit_with(Exit::Usage, || target.display().to_string()).map(Some)
        }
        _ => Ok(None),
    }
}

/// An output that is written in one step.
pub(crate) enum Output {
    /// A device or a FIFO.
    Device(File),
    /// A file.
    File(OutputFile),
}

impl Output {
    /// Checks that the output may be written, before the work begins.
    ///
    /// # Errors
    /// See [`OutputFile::new`] and [`open_device`].
    pub(crate) fn new(target: &Path, policy: ReplacePolicy, protected: &ProtectedFiles) -> Result<Self, CliError> {
        match open_device(target, protected)? {
            Some(device) => Ok(Self::Device(device)),
            None => OutputFile::new(target, policy, protected).map(Self::File),
        }
    }

    /// Writes the output.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Device(mut device) => device.write_all(bytes).or_exit(Exit::Machine),
            Self::File(output) => {
                let mut file = output.create()?;
                file.write_all(bytes).or_exit_with(Exit::Machine, || output.target.display().to_string())?;
                output.persist(file).map(drop)
            }
        }
    }
}

/// Follows a link. Any other path is returned unchanged.
fn resolve(target: &Path) -> Result<PathBuf, CliError> {
    match fs::symlink_metadata(target) {
        Ok(metadata) if metadata.is_symlink() => match target.canonicalize() {
            // The link of a descriptor to a pipe leads to no path.
            Err(_) if fs::metadata(target).is_ok() => Ok(target.to_owned()),
            path => path.map_err(|_| refused(target, "it is a link to a path that does not exist")),
        },
        _ => Ok(target.to_owned()),
    }
}

fn check_protected(target: &Path, protected: &ProtectedFiles) -> Result<(), CliError> {
    let reason = protected.reason(target).or_exit_with(Exit::Usage, || target.display().to_string())?;
    reason.map_or(Ok(()), |why| Err(refused(target, why)))
}

fn may_replace(target: &Path, policy: ReplacePolicy) -> Result<bool, CliError> {
    match policy {
        ReplacePolicy::Nothing => Ok(false),
        ReplacePolicy::Anything => Ok(true),
        ReplacePolicy::Earlier(is_earlier) => {
            let mut header = Vec::new();
            let read = File::open(target).and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut header));
            read.or_exit_with(Exit::Usage, || target.display().to_string())?;
            Ok(header.is_empty() || is_earlier(&header))
        }
    }
}

fn refused(target: &Path, why: &str) -> CliError {
    CliError::new(Exit::Usage, format!("{}: {why}", render::escaped(target.display())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{args::GlobalArgs, settings::Settings};

    fn protected() -> ProtectedFiles {
        ProtectedFiles::new(&Settings::default(), &GlobalArgs::default(), [])
    }

    fn output(target: &Path, policy: ReplacePolicy) -> Result<OutputFile, CliError> {
        OutputFile::new(target, policy, &protected())
    }

    fn write(output: &OutputFile, bytes: &[u8]) -> Result<(), CliError> {
        let mut file = output.create()?;
        file.write_all(bytes).unwrap();
        output.persist(file).map(drop)
    }

    #[test]
    fn a_file_that_appears_later_stays_unless_the_output_is_forced() {
        let folder = tempfile::tempdir().unwrap();
        for (policy, expected) in [
            (ReplacePolicy::Nothing, "theirs"),
            (ReplacePolicy::Earlier(|_| true), "theirs"),
            (ReplacePolicy::Anything, "ours"),
        ] {
            let target = folder.path().join("it");
            let _ = fs::remove_file(&target);
            let output = output(&target, policy).unwrap();
            fs::write(&target, "theirs").unwrap();
            let written = write(&output, b"ours");
            assert_eq!(fs::read_to_string(&target).unwrap(), expected);
            assert!(expected == "ours" || written.is_err_and(|failure| failure.error.to_string().contains("--force")));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_store_that_appears_later_stays_even_if_the_output_is_forced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        let output = output(&target, ReplacePolicy::Anything).unwrap();
        fs::write(&target, b"SQLite format 3\0").unwrap();
        assert!(write(&output, b"ours").is_err());
        assert_eq!(fs::read(&target).unwrap(), b"SQLite format 3\0");
    }

    #[test]
    fn only_files_are_replaced_and_only_if_the_policy_allows_it() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        fs::write(&target, "").unwrap();
        let error = |target: &Path, policy| format!("{}", output(target, policy).err().unwrap().error);
        assert!(error(&target, ReplacePolicy::Nothing).contains("--force"));
        assert!(output(&target, ReplacePolicy::Anything).is_ok());
        assert!(error(folder.path(), ReplacePolicy::Anything).contains("not that of a file"));
        assert!(error(Path::new("/"), ReplacePolicy::Anything).contains("names no file"));
    }

    #[test]
    fn an_earlier_output_is_replaced_and_another_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        let earlier = ReplacePolicy::Earlier(|start| start.starts_with(b"ours"));
        for (text, is_replaced) in [("", true), ("ours, longer", true), ("theirs", false)] {
            fs::write(&target, text).unwrap();
            assert_eq!(output(&target, earlier).is_ok(), is_replaced, "{text}");
            assert!(output(&target, earlier.or_forced(true)).is_ok());
        }
    }

    #[test]
    fn a_link_is_followed_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("it"), folder.path().join("link"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let broken = output(&link, ReplacePolicy::Anything);
        assert!(broken.is_err_and(|failure| failure.error.to_string().contains("does not exist")));
        fs::write(&target, "theirs").unwrap();
        write(&output(&link, ReplacePolicy::Anything).unwrap(), b"ours").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "ours");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn devices_are_opened_and_files_are_not() {
        let is_device = |path: &Path| open_device(path, &protected()).unwrap().is_some();
        assert!(is_device(Path::new("/dev/null")));
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_device(&folder.path().join("new")) && !is_device(folder.path()));
    }
}
