//! `cantus tape`: tapes are recorded and shown, and a failure leaves no file.

use std::{
    fs,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use cantus_model::{HistoryQuery, ports::HistorySource};
use cantus_store::tape::Tape;

use crate::support::{FILTERS, TestFolder, transcript};

/// Values that differ in each run, in addition to those of `support`.
const SIZES: [(&str, &str); 4] = [
    (r"at byte \d+", "at byte <byte>"),
    (r"[\d.]+ bytes for each command", "<bytes> for each command"),
    (r"[\d.]+ (bytes|KiB) unpacked", "<size> unpacked"),
    (r"[\d.]+ (bytes|KiB), of which history has [\d.]+ (bytes|KiB):", "<size>, of which history has <size>:"),
];

macro_rules! assert_golden {
    ($text:expr) => {
        let filters = [SIZES.as_slice(), FILTERS.as_slice()].concat();
        insta::with_settings!({ filters => filters }, { insta::assert_snapshot!($text) });
    };
}

fn add(id: usize, aggregate_id: &str, amount: u32) -> String {
    format!(
        "{{\"id\":\"{id}\",\"aggregate\":\"Hello\",\"aggregate_id\":\"{aggregate_id}\",\"command\":\"Add\",\
         \"payload\":{{\"amount\":{amount}}},\"actor\":\"ada\"}}\n"
    )
}

/// A folder whose store has decided these commands.
fn recorded(commands: &[String]) -> TestFolder {
    let folder = TestFolder::with_plugin();
    folder.write("commands.jsonl", commands.concat());
    let output = folder.cantus("run --commands commands.jsonl --in-flight 1000");
    assert!(output.status.success(), "{}", transcript(&output));
    folder
}

/// Two streams, and one rejection.
fn small() -> TestFolder {
    recorded(&[add(1, "a", 1), add(2, "b", 2), add(3, "a", 3), add(4, "a", 4_000_000_000), add(5, "b", 1)])
}

fn files(folder: &TestFolder) -> Vec<String> {
    let entries = fs::read_dir(folder.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut tapes: Vec<String> = names.filter(|name| name.contains("tape")).collect();
    tapes.sort();
    tapes
}

#[test]
fn a_tape_is_recorded_and_shown() {
    let folder = small();
    folder.write("salt", "the secret of these tests\n");
    folder.write(
        "rules.toml",
        "rule = [{ aggregate = '*', part = 'actor' }, { aggregate = 'Hello', message = 'Add', field = '/amuont' }]",
    );
    let lines = [
        "tape record all.tape",
        "tape show all.tape",
        "tape record all.tape",
        "tape record all.tape --force --aggregate Hello/a --without-components",
        "tape show all.tape --json",
        "tape record types.tape --aggregate Hello --aggregate Goodbye --sample 100% --seed 3",
        "tape record redacted.tape --redact rules.toml --salt-file salt --without-components",
        "tape record redacted.tape --redact rules.toml --salt-file salt --force --json --without-components",
    ];
    let text = lines.map(|line| folder.transcript(line)).join("\n");
    // In JSON the sizes are numbers of their own.
    let numbers = ["bytes", "history_bytes", "bytes_per_command"];
    let text = numbers.into_iter().fold(text, |text, name| without_number(&text, name));
    assert_golden!(text);
    assert_eq!(files(&folder), ["all.tape", "redacted.tape", "types.tape"]);
}

/// The text with `<number>` in place of each number of that name.
fn without_number(text: &str, name: &str) -> String {
    let name = format!("\"{name}\":");
    let mut parts = text.split(&name);
    let mut shown = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
        shown.push_str(&format!("{name}<number>{rest}"));
    }
    shown
}

#[test]
fn each_mistake_has_its_message_and_exit_code() {
    let folder = small();
    folder.write("salt", "short");
    folder.write("rules.toml", "rule = [{ aggregate = '*', part = 'actor' }]");
    folder.write("amount.toml", "rule = [{ aggregate = '*', message = 'Add', field = '/amount' }]");
    folder.write("text", "no tape at all");
    fs::create_dir(folder.path("folder.tape")).unwrap();
    assert!(folder.cantus("tape record whole.tape").status.success());
    let whole = fs::read(folder.path("whole.tape")).unwrap();
    folder.write("cut.tape", &whole[..whole.len() - 1]);
    let mut damaged = whole.clone();
    damaged[whole.len() - 80] ^= 1;
    folder.write("damaged.tape", damaged);
    let mut newer = whole;
    newer[12] = 2;
    folder.write("newer.tape", newer);
    let before = files(&folder);
    let lines = [
        "tape record it.tape --aggregate Hallo",
        "tape record it.tape --aggregate Hello/nobody",
        "tape record it.tape --aggregate Hello/a --aggregate Hello/b",
        "tape record it.tape --sample 0",
        "tape record it.tape --seed 3",
        "tape record it.tape --store sqlite:missing.db",
        "tape record it.tape --redact rules.toml",
        "tape record it.tape --redact rules.toml --salt-file salt",
        "tape record it.tape --salt-file salt",
        "tape record it.tape --redact text --salt-file rules.toml",
        "tape record it.tape --redact amount.toml --salt-file rules.toml",
        "tape record it.tape --redact missing.toml --salt-file text --json",
        "tape record missing/it.tape",
        "tape record folder.tape --force",
        "tape record it.tape --set data=elsewhere",
        "tape show text",
        "tape show missing.tape",
        "tape show cut.tape",
        "tape show damaged.tape",
        "tape show newer.tape --json",
    ];
    assert_golden!(lines.map(|line| folder.transcript(line)).join("\n"));
    assert_eq!(files(&folder), before, "a failure has left a file");
    assert!(!folder.path("elsewhere").exists() && !folder.path("missing.db").exists());
}

#[tokio::test]
async fn a_tape_is_the_history_and_its_components() {
    let folder = small();
    for tape in ["one.tape", "two.tape"] {
        assert!(folder.cantus(&format!("tape record {tape}")).status.success());
    }
    assert_eq!(fs::read(folder.path("one.tape")).unwrap(), fs::read(folder.path("two.tape")).unwrap());

    let tape = Tape::open(&folder.path("one.tape")).unwrap();
    let [component] = tape.header().components.as_slice() else { panic!("{:?}", tape.header()) };
    let bytes = tape.component(component.digest).unwrap();
    assert_eq!(bytes, Some(fs::read(folder.path("plugins/hello.wasm")).unwrap()));

    assert!(folder.cantus("tape record named.tape --without-components").status.success());
    let named = Tape::open(&folder.path("named.tape")).unwrap();
    assert_eq!(named.component(component.digest).unwrap(), None);
    assert_eq!(named.history_bytes(), tape.history_bytes());
    assert_eq!(named.bytes(), fs::metadata(folder.path("named.tape")).unwrap().len());
    assert!(named.bytes() < tape.bytes() && named.history_bytes() < named.bytes());

    let store = format!("sqlite:{}", folder.path("data/cantus.db").display());
    let store = cantus_store::open_read_only(&store).await.unwrap();
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    for (source, commands) in [(&*store as &dyn HistorySource, &mut expected), (&tape, &mut found)] {
        let mut history = source.history(&HistoryQuery::default()).await.unwrap();
        while let Some(page) = history.next_page().await.unwrap() {
            commands.extend(page.commands);
        }
    }
    assert_eq!(found.len(), 5);
    assert_eq!(found, expected);
}

/// A component that was live and decided none of the commands is not recorded.
#[test]
fn a_tape_has_only_the_components_that_decided() {
    let folder = small();
    let plugin = fs::read(folder.path("plugins/hello.wasm")).unwrap();
    assert!(folder.cantus("plugin new hello --path next").status.success());
    let manifest = folder.read("next/Cargo.toml").replacen("0.1.0", "0.2.0", 1);
    folder.write("next/Cargo.toml", manifest);
    let built = folder.cantus("plugin build next");
    assert!(built.status.success(), "{}", transcript(&built));
    folder.write("commands.jsonl", add(6, "c", 1));
    assert!(folder.cantus("run --commands commands.jsonl").status.success());

    let versions = |selection: &str| {
        let output = folder.cantus(&format!("tape record it.tape --force --json {selection}"));
        let about: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let components = about["components"].as_array().unwrap().clone();
        components.iter().map(|it| it["version"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(versions(""), ["0.1.0", "0.2.0"]);
    assert_eq!(versions("--aggregate Hello/a"), ["0.1.0"]);
    assert_eq!(versions("--aggregate Hello/c"), ["0.2.0"]);

    // A missing component matters only for a tape that needs it.
    let components = fs::read_dir(folder.path("data/components")).unwrap().map(|entry| entry.unwrap().path());
    let old = components.into_iter().find(|path| fs::read(path).unwrap() == plugin).unwrap();
    fs::remove_file(old).unwrap();
    assert_eq!(versions("--aggregate Hello/c"), ["0.2.0"]);
    let refused = folder.cantus("tape record it.tape --force");
    let stderr = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("hello 0.1.0") && stderr.contains("--without-components"), "{stderr}");
    assert_eq!(versions("--without-components"), ["0.1.0", "0.2.0"]);
}

/// Returns a command that runs `cantus` after the shell has run `first`.
fn after(first: &str, folder: &TestFolder, line: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_cantus")]);
    shell.args(line.split_whitespace()).current_dir(folder.path(""));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

/// A limit on the size of a file has the effect of a full disk: a write fails in the middle.
#[test]
fn a_full_disk_leaves_no_half_tape() {
    let folder = small();
    let limit = "trap '' XFSZ; ulimit -f 100";
    let output: Output = after(limit, &folder, "tape record it.tape").output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", transcript(&output));
    assert!(transcript(&output).contains("the tape cannot be written"), "{}", transcript(&output));
    assert_eq!(files(&folder), [""; 0]);
}

#[test]
fn an_interrupt_leaves_no_half_tape() {
    let commands: Vec<String> = (1..20_000).map(|id| add(id, &format!("s{}", id % 100), 0)).collect();
    let folder = recorded(&commands);
    let child = after("true", &folder, "tape record it.tape").spawn().unwrap();
    while files(&folder).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(files(&folder)[0].starts_with(".it.tape."), "{:?}", files(&folder));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", transcript(&output));
    assert_eq!(files(&folder), [""; 0]);
}
