//! The folder of repro bundles, `repros` in the data folder. Bundles can be deleted at any time.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use cantus_engine::repro::ReproSink;

use crate::{HostSettings, atomic_file::write_file};

/// The folder of repro bundles of a host, with a bound on their number.
pub struct ReproFolder {
    path: PathBuf,
    files: usize,
}

impl ReproFolder {
    /// Names the folder in the data folder of the settings. It is created with the first bundle.
    pub fn new(settings: &HostSettings) -> Self {
        Self { path: settings.data.join("repros"), files: settings.repro.files }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the bundle with this name, which may not exist.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.json"))
    }

    /// Lists the files of all bundles, the oldest first.
    ///
    /// # Errors
    /// If the folder exists and cannot be read.
    pub fn bundles(&self) -> io::Result<Vec<PathBuf>> {
        let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
        for path in self.entries()? {
            let is_bundle = path.extension().is_some_and(|extension| extension == "json") && !is_hidden(&path);
            // A file may be deleted at any time.
            if let (true, Ok(metadata)) = (is_bundle, fs::metadata(&path)) {
                found.push((metadata.modified()?, path));
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

    /// Removes the oldest bundles beyond the bound, and temporary files that a killed host left. Returns the names of the
    /// removed bundles.
    fn clean_up(&self, newest: &Path) -> io::Result<Vec<String>> {
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

/// Recognises the temporary file of a bundle that was not finished: `.NAME.json.RANDOM`. Other hidden files are not the
/// host's.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix('.'));
    let name = name.and_then(|name| name.split_once(".json.")).map(|(name, _)| name).unwrap_or_default();
    name.len() == 12 && name.bytes().all(|digit| digit.is_ascii_hexdigit())
}

impl ReproSink for ReproFolder {
    fn location(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    fn store(&self, name: &str, bundle: &[u8]) -> Result<Vec<String>, String> {
        let file = self.file(name);
        let written = fs::create_dir_all(&self.path).and_then(|()| write_file(&file, bundle));
        written.and_then(|()| self.clean_up(&file)).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn folder(files: usize) -> (tempfile::TempDir, ReproFolder) {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("repros");
        (data, ReproFolder { path, files })
    }

    fn names(folder: &ReproFolder) -> Vec<String> {
        let bundles = folder.bundles().unwrap();
        bundles.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    }

    /// Sets the time of a file, because a file system may record coarse times.
    fn age(folder: &ReproFolder, name: &str, seconds: u64) {
        let file = fs::File::options().write(true).open(folder.file(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn the_oldest_bundle_is_removed_and_the_newest_is_not() {
        let (_data, folder) = folder(2);
        assert_eq!(names(&folder), [""; 0]);
        for (seconds, name) in [(3, "c"), (1, "a"), (2, "b")] {
            let removed = folder.store(name, b"{}").unwrap();
            assert_eq!(removed, if name == "b" { vec!["a"] } else { vec![] });
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
    fn an_unfinished_bundle_is_not_listed_and_is_removed() {
        let (_data, folder) = folder(2);
        fs::create_dir(folder.path()).unwrap();
        for name in [".0123456789ab.json.x7Yz", ".gitignore", ".notes.json"] {
            fs::write(folder.path().join(name), "{").unwrap();
        }
        assert_eq!(names(&folder), [""; 0]);
        folder.store("a", b"{}").unwrap();
        let mut left = folder.entries().unwrap();
        left.sort();
        assert_eq!(left, [".gitignore", ".notes.json", "a.json"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn a_folder_that_cannot_be_created_is_an_error() {
        let (data, folder) = folder(2);
        fs::write(data.path().join("repros"), "a file").unwrap();
        assert!(folder.store("a", b"{}").is_err());
    }
}
