//! Files that no output may replace, not even with `--force`: stores, plugins, and the inputs of the command.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use cantus_host::atomic_file::folder_of;

use crate::{
    args::GlobalArgs,
    settings::{self, Settings},
};

const STORE: &str = "the file belongs to an event store, which no output may replace";
const PLUGIN: &str = "the file is a component, which no output may replace";
const FOLDER: &str = "the folder of plugins is only for plugins";
const INPUT: &str = "this command reads the file: choose another file";

const STDIN: &str = "/dev/stdin";
const SQLITE: &[u8] = b"SQLite format 3\0";
const WASM: &[u8] = b"\0asm";

/// The protected files of one command.
#[derive(Clone, Debug)]
pub(crate) struct ProtectedFiles {
    /// The protected paths, each with the reason. A file may be created later.
    files: Vec<(PathBuf, &'static str)>,
    plugins: PathBuf,
}

impl ProtectedFiles {
    /// Protects the store, the plugins, the settings file and the inputs of the command; `-` is stdin.
    pub(crate) fn new<'a>(
        settings: &Settings,
        global: &GlobalArgs,
        inputs: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let input = |path: &Path| if path == Path::new("-") { STDIN.into() } else { path.to_owned() };
        let inputs = inputs.into_iter().map(input).chain([settings::file_path(global)]);
        let inputs = inputs.map(|path| (path, INPUT));
        let store = cantus_store::files(&settings.host.store).into_iter().map(|path| (path, STORE));
        Self { files: store.chain(inputs).collect(), plugins: settings.host.plugins.clone() }
    }

    /// Returns the reason why `path` is protected; `None` if it is not.
    pub(super) fn reason(&self, path: &Path) -> io::Result<Option<&'static str>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let file = metadata.filter(Metadata::is_file);
        let is_same =
            |other: &Path| is_same_path(other, path) || file.as_ref().is_some_and(|file| is_file(other, file));
        if let Some((_, reason)) = self.files.iter().find(|(protected, _)| is_same(protected)) {
            return Ok(Some(reason));
        }
        if folder_of(path).canonicalize().ok().zip(self.plugins.canonicalize().ok()).is_some_and(|(a, b)| a == b) {
            return Ok(Some(FOLDER));
        }
        file.map_or(Ok(None), |_| content_reason(path))
    }
}

/// Recognises a store by its content, and a component by its content or name.
fn content_reason(path: &Path) -> io::Result<Option<&'static str>> {
    let mut start = Vec::new();
    File::open(path)?.take(SQLITE.len() as u64).read_to_end(&mut start)?;
    let is_wasm = start.starts_with(WASM) || path.extension().is_some_and(|extension| extension == "wasm");
    Ok(match start.starts_with(SQLITE) {
        true => Some(STORE),
        false => is_wasm.then_some(PLUGIN),
    })
}

/// Reports whether two paths are the same, also if there is no file.
fn is_same_path(one: &Path, two: &Path) -> bool {
    let absolute = |path: &Path| Some((folder_of(path).canonicalize().ok()?, path.file_name()?.to_owned()));
    absolute(one).is_some_and(|one| Some(one) == absolute(two))
}

/// Reports whether `path` is a name of this file, through links as well.
fn is_file(path: &Path, file: &Metadata) -> bool {
    fs::metadata(path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn protected(folder: &Path) -> ProtectedFiles {
        let mut settings = Settings::default();
        settings.host.store = format!("sqlite:{}", folder.join("cantus.db").display());
        settings.host.plugins = folder.join("plugins");
        ProtectedFiles::new(&settings, &GlobalArgs::default(), [folder.join("input.jsonl").as_path()])
    }

    #[test]
    fn stores_plugins_and_inputs_are_recognised_by_every_name() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("plugins")).unwrap();
        fs::write(at("cantus.db"), "").unwrap();
        fs::write(at("input.jsonl"), "{}").unwrap();
        fs::write(at("other.db"), b"SQLite format 3\0...").unwrap();
        fs::write(at("core"), b"\0asm\x01").unwrap();
        fs::write(at("empty.wasm"), "").unwrap();
        fs::write(at("text"), "text").unwrap();
        fs::hard_link(at("cantus.db"), at("hard")).unwrap();
        std::os::unix::fs::symlink(at("input.jsonl"), at("soft")).unwrap();
        let reason = |name: &str| protected(folder.path()).reason(&at(name)).unwrap();
        for name in ["cantus.db", "cantus.db-wal", "cantus.db-shm", "cantus.db-heads", "hard", "other.db"] {
            assert_eq!(reason(name), Some(STORE), "{name}");
        }
        for name in ["input.jsonl", "soft", "plugins/../input.jsonl"] {
            assert_eq!(reason(name), Some(INPUT), "{name}");
        }
        for name in ["core", "empty.wasm"] {
            assert_eq!(reason(name), Some(PLUGIN), "{name}");
        }
        assert_eq!(reason("plugins/new.jsonl"), Some(FOLDER));
        assert_eq!(["text", "new", "cantus.jsonl"].map(reason), [None; 3]);
        assert_eq!(protected(folder.path()).reason(Path::new("cantus.toml")).unwrap(), Some(INPUT));
        assert_eq!(protected(folder.path()).reason(Path::new("/dev/null")).unwrap(), None);
    }
}
