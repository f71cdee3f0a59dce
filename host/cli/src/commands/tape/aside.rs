//! A file that is written beside its place, and is there whole or not at all.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::exit_codes::{Exit, Failure, OrExit};

const THERE: &str = "it is there already; --force replaces it";

/// The file while it is written. Unless it is kept, it goes.
pub(in crate::commands) struct Aside {
    place: PathBuf,
    path: PathBuf,
    may_replace: bool,
}

impl Aside {
    /// A file that is to be at `place`, where there is none yet, or one that may go.
    ///
    /// # Errors
    /// If there is one that may not, or something else.
    pub(in crate::commands) fn of(place: &Path, may_replace: bool) -> Result<Self, Failure> {
        let refused = |why| Err(refused(place, why));
        let Some(name) = place.file_name() else { return refused("it names no file") };
        match fs::symlink_metadata(place) {
            Ok(there) if !there.is_file() => return refused("there is something else than a file"),
            Ok(_) if !may_replace => return refused(THERE),
            _ => {}
        }
        let path = place.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        Ok(Self { place: place.to_owned(), path, may_replace })
    }

    /// Where it is until it is kept.
    pub(in crate::commands) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins it, or begins it again.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(in crate::commands) fn create(&self) -> Result<File, Failure> {
        File::create(&self.path).or_exit_while(Exit::Machine, || self.place.display().to_string())
    }

    /// Puts it in its place, durably.
    ///
    /// # Errors
    /// If it cannot be, or something came there meanwhile that may not go.
    pub(in crate::commands) fn keep(self, file: &File) -> Result<(), Failure> {
        let folder = match self.place.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let keep = || -> io::Result<()> {
            file.sync_all()?;
            self.put()?;
            File::open(folder)?.sync_all()
        };
        match keep() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(refused(&self.place, THERE)),
            kept => kept.or_exit_while(Exit::Machine, || self.place.display().to_string()),
        }
    }

    /// A link does not replace anything. Where the file system has none, it is as it was at the beginning.
    fn put(&self) -> io::Result<()> {
        if !self.may_replace {
            match fs::hard_link(&self.path, &self.place) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
                linked => return linked,
            }
        }
        fs::rename(&self.path, &self.place)
    }
}

fn refused(place: &Path, why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("{}: {why}", place.display()))
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Once it was renamed, nothing is there under this name.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("it");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let aside = Aside::of(&place, false).unwrap();
        aside.create().unwrap().write_all(b"half").unwrap();
        assert_eq!((names(), place.exists()), (1, false));
        drop(aside);
        assert_eq!(names(), 0);

        let aside = Aside::of(&place, false).unwrap();
        let mut file = aside.create().unwrap();
        file.write_all(b"whole").unwrap();
        aside.keep(&file).unwrap();
        assert_eq!((names(), fs::read(&place).unwrap()), (1, b"whole".to_vec()));
    }

    #[test]
    fn what_came_meanwhile_stays_unless_it_may_go() {
        let folder = tempfile::tempdir().unwrap();
        for (may_replace, left) in [(false, "theirs"), (true, "ours")] {
            let place = folder.path().join(left);
            let aside = Aside::of(&place, may_replace).unwrap();
            let mut file = aside.create().unwrap();
            file.write_all(b"ours").unwrap();
            fs::write(&place, "theirs").unwrap();
            let kept = aside.keep(&file);
            assert_eq!((kept.is_ok(), fs::read_to_string(&place).unwrap()), (may_replace, left.to_owned()));
            assert!(may_replace || kept.is_err_and(|failure| failure.error.to_string().contains("--force")));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn only_files_are_replaced_and_only_if_they_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("it");
        fs::write(&place, "").unwrap();
        let why = |place: &Path, may_replace| format!("{}", Aside::of(place, may_replace).err().unwrap().error);
        assert!(why(&place, false).contains("--force"));
        assert!(Aside::of(&place, true).is_ok());
        assert!(why(folder.path(), true).contains("something else"));
        assert!(why(Path::new("/"), true).contains("no file"));
    }
}
