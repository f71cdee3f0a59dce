//! Files that no output may replace, whatever is forced: the store, plugins, and what the command reads.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    args::GlobalArgs,
    settings::{self, Settings},
};

const STORE: &str = "it belongs to an event store, which nothing may replace";
const PLUGIN: &str = "it is a component, which no output may replace";
const FOLDER: &str = "it lies in the folder of plugins, which takes plugins only";
const INPUT: &str = "this command reads it: name another file";

const STDIN: &str = "/dev/stdin";
const SQLITE: &[u8] = b"SQLite format 3\0";
const WASM: &[u8] = b"\0asm";

/// The files of one command.
#[derive(Clone, Debug)]
pub(crate) struct ProtectedFiles {
    /// Each with the reason. A file may be made only later.
    files: Vec<(PathBuf, &'static str)>,
    plugins: PathBuf,
}

impl ProtectedFiles {
    /// The store, the plugins and the file of the settings, and the inputs of the command; `-` is stdin.
    pub(crate) fn of<'a>(settings: &Settings, global: &GlobalArgs, inputs: impl IntoIterator<Item = &'a Path>) -> Self {
        let input = |path: &Path| if path == Path::new("-") { STDIN.into() } else { path.to_owned() };
        let inputs = inputs.into_iter().map(input).chain([settings::file_path(global)]);
        let inputs = inputs.map(|path| (path, INPUT));
        let store = cantus_store::files(&settings.host.store).into_iter().map(|path| (path, STORE));
        Self { files: store.chain(inputs).collect(), plugins: settings.host.plugins.clone() }
    }

    /// Why nothing may be written to `path`, if so.
    pub(super) fn reason(&self, path: &Path) -> io::Result<Option<&'static str>> {
        let there = match fs::metadata(path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let file = there.filter(Metadata::is_file);
        let is_it = |it: &Path| is_same_path(it, path) || file.as_ref().is_some_and(|file| is_file(it, file));
        if let Some((_, why)) = self.files.iter().find(|(it, _)| is_it(it)) {
            return Ok(Some(why));
        }
        if folder_of(path).canonicalize().ok().zip(self.plugins.canonicalize().ok()).is_some_and(|(a, b)| a == b) {
            return Ok(Some(FOLDER));
        }
        file.map_or(Ok(None), |_| reason_inside(path))
    }
}

/// What a file is by its beginning and its name, if that is to be kept.
fn reason_inside(path: &Path) -> io::Result<Option<&'static str>> {
    let mut start = Vec::new();
    File::open(path)?.take(SQLITE.len() as u64).read_to_end(&mut start)?;
    let is_wasm = start.starts_with(WASM) || path.extension().is_some_and(|extension| extension == "wasm");
    Ok(match start.starts_with(SQLITE) {
        true => Some(STORE),
        false => is_wasm.then_some(PLUGIN),
    })
}

/// Whether two paths name one place, where a file is or may be made.
fn is_same_path(one: &Path, two: &Path) -> bool {
    let place = |path: &Path| Some((folder_of(path).canonicalize().ok()?, path.file_name()?.to_owned()));
    place(one).is_some_and(|one| Some(one) == place(two))
}

/// Whether `path` leads to that very file, by whatever name.
fn is_file(path: &Path, file: &Metadata) -> bool {
    fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (file.dev(), file.ino()))
}

/// The folder of a path.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn protected(folder: &Path) -> ProtectedFiles {
        let mut settings = Settings::default();
        settings.host.store = format!("sqlite:{}", folder.join("cantus.db").display());
        settings.host.plugins = folder.join("plugins");
        ProtectedFiles::of(&settings, &GlobalArgs::default(), [folder.join("input.jsonl").as_path()])
    }

    #[test]
    fn stores_plugins_and_inputs_are_known_by_every_name() {
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
