//! Output files. One is written beside its place and renamed, so that it is there whole or not at all, and never takes the
//! place of a store, a plugin or an input.

mod protected;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::{
    exit_codes::{CliError, Exit, OrExit},
    render,
};
pub(crate) use protected::ProtectedFiles;
use protected::folder_of;

const THERE: &str = "it is there already; --force replaces it";
/// Bytes of a file that show whether it is an earlier output.
const START: u64 = 512;

/// Which file that is there already may go.
#[derive(Clone, Copy)]
pub(crate) enum Replace {
    /// None.
    Nothing,
    /// An empty one, or one whose beginning shows that it is an earlier output of this kind.
    Earlier(fn(&[u8]) -> bool),
    /// Any that is not protected.
    Anything,
}

impl Replace {
    /// Anything if it is forced.
    pub(crate) fn or_forced(self, force: bool) -> Self {
        if force { Self::Anything } else { self }
    }
}

/// The file while it is written. Unless it is kept, it goes.
pub(crate) struct AtomicFile {
    target: PathBuf,
    path: PathBuf,
    replaces: bool,
    protected: ProtectedFiles,
}

impl AtomicFile {
    /// A file that is to be at `target`, where there is none yet, or one that may go. A link is followed.
    ///
    /// # Errors
    /// If there is one that may not, or something else.
    pub(crate) fn of(target: &Path, replace: Replace, protected: &ProtectedFiles) -> Result<Self, CliError> {
        let target = resolve(target)?;
        let Some(name) = target.file_name() else { return Err(refused(&target, "it names no file")) };
        check(&target, protected)?;
        let replaces = match fs::metadata(&target) {
            Ok(there) if !there.is_file() => return Err(refused(&target, "there is something else than a file")),
            Ok(_) if !may_go(&target, replace)? => return Err(refused(&target, THERE)),
            Ok(_) => true,
            Err(_) => matches!(replace, Replace::Anything),
        };
        let path = target.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        Ok(Self { path, target, replaces, protected: protected.clone() })
    }

    /// Where it is until it is kept.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins it, or begins it again.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn create(&self) -> Result<File, CliError> {
        // Whatever has this name is a leftover: it is not followed if it is a link.
        let _ = fs::remove_file(&self.path);
        let file = OpenOptions::new().write(true).create_new(true).open(&self.path);
        file.or_exit_while(Exit::Machine, || self.target.display().to_string())
    }

    /// Puts it in its place, durably.
    ///
    /// # Errors
    /// If it cannot be, or something came there meanwhile that may not go.
    pub(crate) fn keep(self, file: &File) -> Result<(), CliError> {
        // What is there now may have come meanwhile.
        check(&self.target, &self.protected)?;
        let keep = || -> io::Result<()> {
            file.sync_all()?;
            self.put()?;
            File::open(folder_of(&self.target))?.sync_all()
        };
        match keep() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(refused(&self.target, THERE)),
            kept => kept.or_exit_while(Exit::Machine, || self.target.display().to_string()),
        }
    }

    /// A link does not replace anything. Where the file system has none, it is as it was at the beginning.
    fn put(&self) -> io::Result<()> {
        if !self.replaces {
            match fs::hard_link(&self.path, &self.target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
                linked => return linked,
            }
        }
        fs::rename(&self.path, &self.target)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // Once it was renamed, nothing is there under this name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Names of open descriptors. A shell may have put a file behind one: it is written through the descriptor.
const DESCRIPTORS: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];

/// Opens what is no file but takes bytes, such as `/dev/null` or a FIFO; `None` for a file, one that is to be made too.
///
/// # Errors
/// If it cannot be opened, or is protected.
pub(crate) fn open_device(target: &Path, protected: &ProtectedFiles) -> Result<Option<File>, CliError> {
    let is_descriptor = DESCRIPTORS.iter().any(|name| target.starts_with(name));
    match fs::metadata(target) {
        Ok(there) if !there.is_dir() && (is_descriptor || !there.is_file()) => {
            check(target, protected)?;
            let file = OpenOptions::new().append(true).open(target);
            file.or_exit_while(Exit::Usage, || target.display().to_string()).map(Some)
        }
        _ => Ok(None),
    }
}

/// A small output that is written at once.
pub(crate) enum Output {
    /// A device or a FIFO.
    Device(File),
    /// A file.
    File(AtomicFile),
}

impl Output {
    /// Checks that there may be one, before the work that it is for.
    ///
    /// # Errors
    /// See [`AtomicFile::of`] and [`open_device`].
    pub(crate) fn of(target: &Path, replace: Replace, protected: &ProtectedFiles) -> Result<Self, CliError> {
        match open_device(target, protected)? {
            Some(device) => Ok(Self::Device(device)),
            None => AtomicFile::of(target, replace, protected).map(Self::File),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), CliError> {
        match self {
            Self::Device(mut device) => device.write_all(bytes).or_exit(Exit::Machine),
            Self::File(file) => {
                let mut out = file.create()?;
                out.write_all(bytes).or_exit_while(Exit::Machine, || file.target.display().to_string())?;
                file.keep(&out)
            }
        }
    }
}

/// Where a link leads to; a path that is none as it stands.
fn resolve(target: &Path) -> Result<PathBuf, CliError> {
    match fs::symlink_metadata(target) {
        Ok(there) if there.is_symlink() => match target.canonicalize() {
            // A pipe has no path.
            Err(_) if fs::metadata(target).is_ok() => Ok(target.to_owned()),
            path => path.map_err(|_| refused(target, "it is a link that leads nowhere")),
        },
        _ => Ok(target.to_owned()),
    }
}

fn check(target: &Path, protected: &ProtectedFiles) -> Result<(), CliError> {
    let reason = protected.reason(target).or_exit_while(Exit::Usage, || target.display().to_string())?;
    reason.map_or(Ok(()), |why| Err(refused(target, why)))
}

fn may_go(target: &Path, replace: Replace) -> Result<bool, CliError> {
    match replace {
        Replace::Nothing => Ok(false),
        Replace::Anything => Ok(true),
        Replace::Earlier(is_earlier) => {
            let mut start = Vec::new();
            let read = File::open(target).and_then(|file| file.take(START).read_to_end(&mut start));
            read.or_exit_while(Exit::Usage, || target.display().to_string())?;
            Ok(start.is_empty() || is_earlier(&start))
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
        ProtectedFiles::of(&Settings::default(), &GlobalArgs::default(), [])
    }

    fn of(target: &Path, replace: Replace) -> Result<AtomicFile, CliError> {
        AtomicFile::of(target, replace, &protected())
    }

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let aside = of(&target, Replace::Nothing).unwrap();
        aside.create().unwrap().write_all(b"half").unwrap();
        assert_eq!((names(), target.exists()), (1, false));
        drop(aside);
        assert_eq!(names(), 0);

        let aside = of(&target, Replace::Nothing).unwrap();
        let mut file = aside.create().unwrap();
        file.write_all(b"whole").unwrap();
        aside.keep(&file).unwrap();
        assert_eq!((names(), fs::read(&target).unwrap()), (1, b"whole".to_vec()));
    }

    #[test]
    fn what_came_meanwhile_stays_unless_it_may_go() {
        let folder = tempfile::tempdir().unwrap();
        for (replace, left) in
            [(Replace::Nothing, "theirs"), (Replace::Earlier(|_| true), "theirs"), (Replace::Anything, "ours")]
        {
            let target = folder.path().join("it");
            let _ = fs::remove_file(&target);
            let aside = of(&target, replace).unwrap();
            let mut file = aside.create().unwrap();
            file.write_all(b"ours").unwrap();
            fs::write(&target, "theirs").unwrap();
            let kept = aside.keep(&file);
            assert_eq!(fs::read_to_string(&target).unwrap(), left);
            assert!(left == "ours" || kept.is_err_and(|failure| failure.error.to_string().contains("--force")));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_store_that_came_meanwhile_stays_whatever_is_forced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        let aside = of(&target, Replace::Anything).unwrap();
        let file = aside.create().unwrap();
        fs::write(&target, b"SQLite format 3\0").unwrap();
        assert!(aside.keep(&file).is_err());
        assert_eq!(fs::read(&target).unwrap(), b"SQLite format 3\0");
    }

    #[test]
    fn only_files_are_replaced_and_only_if_they_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        fs::write(&target, "").unwrap();
        let why = |target: &Path, replace| format!("{}", of(target, replace).err().unwrap().error);
        assert!(why(&target, Replace::Nothing).contains("--force"));
        assert!(of(&target, Replace::Anything).is_ok());
        assert!(why(folder.path(), Replace::Anything).contains("something else"));
        assert!(why(Path::new("/"), Replace::Anything).contains("no file"));
    }

    #[test]
    fn an_earlier_output_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("it");
        let earlier = Replace::Earlier(|start| start.starts_with(b"ours"));
        for (text, goes) in [("", true), ("ours, longer", true), ("theirs", false)] {
            fs::write(&target, text).unwrap();
            assert_eq!(of(&target, earlier).is_ok(), goes, "{text}");
            assert!(of(&target, earlier.or_forced(true)).is_ok());
        }
    }

    #[test]
    fn a_link_is_followed_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("it"), folder.path().join("link"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(of(&link, Replace::Anything).is_err_and(|failure| failure.error.to_string().contains("nowhere")));
        fs::write(&target, "theirs").unwrap();
        let aside = of(&link, Replace::Anything).unwrap();
        let mut file = aside.create().unwrap();
        file.write_all(b"ours").unwrap();
        aside.keep(&file).unwrap();
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
