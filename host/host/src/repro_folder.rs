//! The folder of repro bundles, `repros` in the data folder. Each can be deleted at any time.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use cantus_engine::repro::ReproSink;

use crate::HostSettings;

/// The bundles of a host.
pub struct ReproFolder {
    path: PathBuf,
    files: usize,
}

impl ReproFolder {
    /// It is made with its first bundle.
    pub fn of(settings: &HostSettings) -> Self {
        Self { path: settings.data.join("repros"), files: settings.repro.files }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of the bundle with that name.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.json"))
    }

    /// The files of all bundles, the oldest first.
    ///
    /// # Errors
    /// If the folder is there, but cannot be read.
    pub fn bundles(&self) -> io::Result<Vec<PathBuf>> {
        let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
        for path in self.entries()? {
            let is_bundle = path.extension().is_some_and(|extension| extension == "json") && !is_hidden(&path);
            // One that is gone by now is none.
            if let (true, Ok(about)) = (is_bundle, fs::metadata(&path)) {
                found.push((about.modified()?, path));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }

    fn entries(&self) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(&self.path) {
            Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Makes room, and removes what a host that was killed had begun to write. Names the bundles that went.
    fn tidy(&self, newest: &Path) -> io::Result<Vec<String>> {
        self.entries()?.into_iter().filter(|path| is_unfinished(path)).try_for_each(fs::remove_file)?;
        let bundles = self.bundles()?;
        let excess = bundles.len().saturating_sub(self.files);
        let oldest = bundles.into_iter().filter(|path| path != newest).take(excess);
        let remove = |path: PathBuf| {
            fs::remove_file(&path)?;
            Ok(path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
        };
        oldest.map(remove).collect()
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether it is what [`write_whole`] had begun of a bundle. Whatever else is hidden is somebody's.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_prefix('.').and_then(|name| name.strip_suffix(".json"));
    name.is_some_and(|name| name.len() == 12 && name.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Writes a file aside and renames it, so that it is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = path.with_file_name(format!(".{name}"));
    let mut file = fs::File::create(&aside)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(aside, path)
}

impl ReproSink for ReproFolder {
    fn location(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    fn store(&self, name: &str, bundle: &[u8]) -> Result<Vec<String>, String> {
        let file = self.file(name);
        let kept = fs::create_dir_all(&self.path).and_then(|()| write_whole(&file, bundle));
        kept.and_then(|()| self.tidy(&file)).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder(files: usize) -> (tempfile::TempDir, ReproFolder) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("repros");
        (place, ReproFolder { path, files })
    }

    fn names(folder: &ReproFolder) -> Vec<String> {
        let bundles = folder.bundles().unwrap();
        bundles.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    }

    /// Time stamps of files may be coarse, so they are set.
    fn age(folder: &ReproFolder, name: &str, seconds: u64) {
        let file = fs::File::options().write(true).open(folder.file(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn the_oldest_goes_and_the_newest_never() {
        let (_place, folder) = folder(2);
        assert_eq!(names(&folder), [""; 0]);
        for (seconds, name) in [(3, "c"), (1, "a"), (2, "b")] {
            let gone = folder.store(name, b"{}").unwrap();
            assert_eq!(gone, if name == "b" { vec!["a"] } else { vec![] });
            age(&folder, name, seconds);
        }
        assert_eq!(names(&folder), ["b", "c"]);
        folder.store("b", b"again").unwrap();
        assert_eq!(names(&folder), ["c", "b"]);
        assert_eq!(fs::read(folder.file("b")).unwrap(), b"again");
        age(&folder, "c", 1 << 33);
        folder.store("d", b"{}").unwrap();
        assert_eq!(names(&folder), ["d", "c"]);
    }

    #[test]
    fn what_was_half_written_is_neither_a_bundle_nor_stays() {
        let (_place, folder) = folder(2);
        fs::create_dir(folder.path()).unwrap();
        for name in [".0123456789ab.json", ".gitignore", ".notes.json"] {
            fs::write(folder.path().join(name), "{").unwrap();
        }
        assert_eq!(names(&folder), [""; 0]);
        folder.store("a", b"{}").unwrap();
        let mut left = folder.entries().unwrap();
        left.sort();
        assert_eq!(left, [".gitignore", ".notes.json", "a.json"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let (place, folder) = folder(2);
        fs::write(place.path().join("repros"), "a file").unwrap();
        assert!(folder.store("a", b"{}").is_err());
    }
}
