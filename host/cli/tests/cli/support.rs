//! A folder for each test, and one compiled plugin for all tests.

use std::{
    path::{Path, PathBuf},
    process::Output,
    sync::OnceLock,
};

use assert_cmd::Command;
use tempfile::TempDir;

/// The target folder of all guests, so that their dependencies are compiled once.
pub(crate) const GUEST_TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/guests");

/// An empty folder, in which `cantus` runs without the settings of the environment.
pub(crate) struct TestFolder(TempDir);

impl TestFolder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Creates a folder with the plugin of `cantus plugin new hello`.
    pub(crate) fn with_plugin() -> Self {
        let folder = Self::new();
        std::fs::create_dir(folder.path("plugins")).unwrap();
        std::fs::copy(hello(), folder.path("plugins/hello.wasm")).unwrap();
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cantus"));
        command.current_dir(self.0.path()).env("CARGO_TARGET_DIR", GUEST_TARGET);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CANTUS_")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs `cantus` with these arguments.
    pub(crate) fn cantus(&self, line: &str) -> Output {
        self.command().args(line.split_whitespace()).output().unwrap()
    }

    /// Returns the exit code, stdout and stderr of `cantus` with these arguments.
    pub(crate) fn transcript(&self, line: &str) -> String {
        format!("$ cantus {line}\n{}", transcript(&self.cantus(line)))
    }
}

/// Renders the exit code, stdout and stderr.
pub(crate) fn transcript(output: &Output) -> String {
    let mut text = format!("exit {}\n", output.status.code().unwrap());
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            text.push_str(&format!("--- {name}\n{}", String::from_utf8_lossy(bytes)));
        }
    }
    text
}

/// Compares a text with a snapshot, except for values that differ in each run.
macro_rules! assert_golden {
    ($text:expr) => {
        insta::with_settings!({ filters => $crate::support::FILTERS.to_vec() }, { insta::assert_snapshot!($text) });
    };
    ($name:expr, $text:expr) => {
        insta::with_settings!({ filters => $crate::support::FILTERS.to_vec() }, { insta::assert_snapshot!($name, $text) });
    };
}
pub(crate) use assert_golden;

pub(crate) const FILTERS: [(&str, &str); 8] = [
    (r"\b[0-9a-f]{64}\b", "<digest>"),
    (r"\([0-9a-f]{12}\)", "(<digest>)"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "<time>"),
    (r#""recorded_at_micros":\d+"#, r#""recorded_at_micros":<micros>"#),
    (r"in [\d.]+ s: [\d,]+ a second", "in <seconds> s: <speed> a second"),
    (r"batches +\d+  median \d+, largest \d+ commands", "batches <sizes>"),
    (r"size +[\d.]+ KiB|, [\d.]+ KiB,", "<size>"),
    (r#""first_offset":\d+"#, r#""first_offset":<offset>"#),
];

/// The component of `cantus plugin new hello`, built by `cantus plugin build hello` as a user would.
pub(crate) fn hello() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = TestFolder::new();
        assert_eq!(folder.cantus("plugin new hello").status.code(), Some(0));
        let built = folder.cantus("plugin build hello");
        assert_eq!(built.status.code(), Some(0), "{}", transcript(&built));
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hello.wasm");
        std::fs::copy(folder.path("plugins/hello.wasm"), &copy).unwrap();
        copy
    })
}
