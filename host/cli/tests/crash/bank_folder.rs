//! A folder with the bank example, and the results of `cantus run` in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use cantus_model::{AggregateRef, Outcome};
use cantus_tests::audit::{Audit, audit};
use serde_json::Value;
use tempfile::TempDir;

use crate::input;

/// A folder for one store.
pub(crate) struct BankFolder(TempDir);

/// The outcome of a command that was acknowledged.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    pub(crate) id: String,
    pub(crate) outcome: String,
    pub(crate) version: u64,
}

impl BankFolder {
    /// Creates a folder with the compiled bank example.
    pub(crate) fn new() -> Self {
        static TEMPLATE: OnceLock<BankFolder> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let folder = Self(tempfile::tempdir().unwrap());
            fs::create_dir(folder.path("plugins")).unwrap();
            fs::copy(cantus_tests::guests::BANK, folder.path("plugins/bank.wasm")).unwrap();
            let output = folder.run("run --commands /dev/null --store memory:");
            assert!(output.status.success(), "{output:?}");
            folder
        });
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["plugins", "data/compiled", "data/components"] {
            fs::create_dir_all(folder.path(name)).unwrap();
            for file in fs::read_dir(template.path(name)).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), folder.path(name).join(file.file_name())).unwrap();
            }
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path of the store.
    pub(crate) fn store(&self) -> PathBuf {
        self.path("data/cantus.db")
    }

    /// Returns a command that runs `cantus` with these arguments in the folder.
    pub(crate) fn command(&self, line: &str) -> Command {
        self.command_of(Command::new(env!("CARGO_BIN_EXE_cantus")), line)
    }

    /// Returns the same command through a shell, which runs `first` before it.
    pub(crate) fn command_after(&self, first: &str, line: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_cantus")]);
        self.command_of(shell, line)
    }

    fn command_of(&self, mut command: Command, line: &str) -> Command {
        command.current_dir(self.0.path()).args(line.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CANTUS_")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs `cantus` with these arguments to its end.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Reads the outcome file. Its last line may be incomplete.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        let text = fs::read_to_string(self.path("outcomes.jsonl")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
        whole.lines().filter_map(acknowledged).collect()
    }

    /// Counts the lines of the outcome file.
    pub(crate) fn outcomes(&self) -> usize {
        fs::read(self.path("outcomes.jsonl")).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
    }

    /// Reads the store. It reads a copy, so that `cantus` has to recover the original.
    pub(crate) async fn audit(&self) -> Audit {
        let copy = tempfile::tempdir().unwrap();
        for name in ["cantus.db", "cantus.db-wal"] {
            match fs::copy(self.path("data").join(name), copy.path().join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => drop(copied.unwrap()),
            }
        }
        match copy.path().join("cantus.db") {
            path if path.exists() => audit(&path).await,
            _ => Audit::default(),
        }
    }

    /// Checks that `cantus state` shows the balance of the events of an account.
    pub(crate) fn check_state(&self, account: u64, audit: &Audit) {
        let id = format!("account-{account}");
        let Some(events) = audit.streams.get(&AggregateRef::new("Account", id.as_str())) else { return };
        if events.is_empty() {
            return;
        }
        let output = self.run(&format!("state Account {id} --json"));
        let state: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert_eq!(state["version"], events.len(), "{id}");
        assert_eq!(state["state"]["balance"], input::balance(events), "{id}");
    }
}

/// Checks that acknowledged commands are stored with their outcomes.
pub(crate) fn check_acknowledged(acknowledged: &[Acknowledged], audit: &Audit) {
    for Acknowledged { id, outcome, version } in acknowledged {
        let recorded = audit.commands.get(id).unwrap_or_else(|| panic!("{id} was acknowledged and is lost"));
        let kind = match recorded.outcome {
            Outcome::Accepted { .. } => "accepted",
            Outcome::Rejected(_) => "rejected",
        };
        assert_eq!((kind, recorded.version), (outcome.as_str(), *version), "{id}");
    }
}

fn acknowledged(line: &str) -> Option<Acknowledged> {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let text = |key: &str| line[key].as_str().unwrap().to_owned();
    let version = line["version"].as_u64()?;
    Some(Acknowledged { id: text("id"), outcome: text("outcome"), version })
}

/// Writes `lines` into a file.
pub(crate) fn write(path: &Path, lines: &[String]) {
    fs::write(path, lines.concat()).unwrap();
}
