//! `cantus repro`: runs a command again that made a guest fault, from the bundle of `cantus run`.

use std::path::PathBuf;

use cantus_tests::guests;

use crate::support::{TestFolder, transcript};

fn add(id: &str, aggregate: &str, amount: u32) -> String {
    format!(
        "{{\"id\":\"{id}\",\"aggregate\":\"Tally\",\"aggregate_id\":\"{aggregate}\",\"command\":\"Add\",\
         \"payload\":{{\"amount\":{amount}}}}}\n"
    )
}

/// A folder with a plugin that traps as `mode` says, which has decided these commands one after another.
fn faulted(mode: &str, commands: &[String], settings: &str) -> (TestFolder, String) {
    let folder = TestFolder::new();
    std::fs::create_dir(folder.path("plugins")).unwrap();
    folder.write("plugins/shifty.wasm", guests::shifty("shifty", "1.0.0", mode));
    folder.write("good.wasm", guests::shifty("shifty", "1.0.1", "good"));
    folder.write("commands.jsonl", commands.concat());
    let output = folder.cantus(&format!("run --commands commands.jsonl --in-flight 1 {settings}"));
    let text = transcript(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    (folder, text)
}

/// Two commands of many fault alike.
fn trapping_on_13(settings: &str) -> (TestFolder, String) {
    let mut commands: Vec<String> = (0..4).map(|n| add(&format!("{n}"), "a", 1)).collect();
    commands.extend([add("unlucky", "a", 13), add("again", "b", 13), add("last", "a", 1)]);
    faulted("trap-on-13", &commands, settings)
}

fn bundles(folder: &TestFolder) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.path("data/repros")) else { return vec![] };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn name(folder: &TestFolder) -> String {
    let [bundle] = &bundles(folder)[..] else { panic!("{:?}", bundles(folder)) };
    bundle.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Compares with a snapshot, apart from names of bundles, lines of the guest's source, and frames of the backtrace.
macro_rules! assert_golden {
    ($text:expr) => {
        let mut filters = crate::support::FILTERS.to_vec();
        filters.extend([
            (r"\b[0-9a-f]{12}\b", "<bundle name>"),
            (r"(src/\w+\.rs):\d+:\d+", "$1"),
            (r"(\n +\d+  \S[^\n]*)+", "\n     <frames>"),
        ]);
        insta::with_settings!({ filters => filters }, { insta::assert_snapshot!($text) });
    };
}

#[test]
fn a_fault_is_reproduced_and_a_fix_is_confirmed() {
    let (folder, log) = trapping_on_13("");
    let name = name(&folder);
    assert!(log.contains(&format!("data/repros/{name}.json")), "the log does not name it: {log}");
    let lines = [
        "repro".to_owned(),
        format!("repro {name} --log off"),
        format!("repro data/repros/{name}.json --log off --plugin good.wasm"),
        format!("repro {name} --log off --shorten -o short.json"),
        "repro short.json --log off".to_owned(),
        format!("repro data/repros/{name}.json --log off --shorten -o data/repros/{name}.json"),
    ];
    assert_golden!(lines.map(|line| folder.transcript(&line)).join("\n"));
    let frames = transcript(&folder.cantus(&format!("repro {name} --log off")));
    assert!(frames.contains("instance.handle"), "{frames}");
}

#[test]
fn reports_are_available_as_json() {
    let (folder, _) = trapping_on_13("");
    let name = name(&folder);
    let json = |line: &str| -> serde_json::Value {
        let output = folder.cantus(line);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", transcript(&output)))
    };
    let listed = json("repro --list --json");
    assert_eq!(
        (&listed["aggregate_id"], &listed["events"], &listed["id"]),
        (&"a".into(), &4.into(), &"unlucky".into())
    );
    let again = json(&format!("repro {name} --json"));
    assert_eq!((&again["again"], &again["runs"][0]["start"]), (&true.into(), &"first-event".into()));
    let fault = &again["runs"][0]["outcome"]["fault"];
    assert_eq!((&fault["kind"], &fault["message"]), (&"trap".into(), &again["recorded"]["message"]));
    let fixed = json(&format!("repro {name} --json --plugin good.wasm"));
    assert_eq!(fixed["again"], false);
    assert_eq!(fixed["runs"][0]["outcome"]["accepted"][0]["payload"]["amount"], 13);
    let shorter = json(&format!("repro {name} --json --shorten"));
    assert_eq!((&shorter["shortened"]["events_before"], &shorter["shortened"]["events"]), (&4.into(), &0.into()));
    assert_eq!(shorter["shortened"]["file"], format!("{name}.short.json"));
    assert!(folder.path(&format!("{name}.short.json")).exists());
}

#[test]
fn an_existing_file_is_replaced_only_by_force() {
    let (folder, _) = trapping_on_13("");
    let shorten = format!("repro {} --shorten", name(&folder));
    let short = format!("{}.short.json", name(&folder));
    folder.write(&short, "mine");
    let refused = folder.cantus(&shorten);
    assert_eq!(refused.status.code(), Some(2));
    let text = transcript(&refused);
    assert!(text.contains(&format!("{short}: the file exists already; --force replaces it")), "{text}");
    assert_eq!(folder.read(&short), "mine");
    assert_eq!(folder.cantus(&format!("{shorten} --force")).status.code(), Some(0));
    assert!(folder.read(&short).contains("shortened_from"));
}

#[test]
fn a_fault_on_the_tenth_event_needs_the_nine_before() {
    let (folder, _) = faulted("trap-late", &(0..12).map(|n| add(&format!("{n}"), "a", n)).collect::<Vec<_>>(), "");
    let name = name(&folder);
    let output = folder.cantus(&format!("repro {name} --shorten --json"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["shortened"]["events_before"], &report["shortened"]["events"]), (&9.into(), &9.into()));
    assert_eq!(report["shortened"]["minimal"], true);
}

#[test]
fn each_mistake_has_its_message_and_exit_code() {
    let (folder, _) = trapping_on_13("");
    let name = name(&folder);
    let whole = folder.read(&format!("data/repros/{name}.json"));
    folder.write("torn.json", &whole[..whole.len() / 2]);
    folder.write("other.json", "{\"a\": 1}");
    folder.write("newer.json", whole.replace("\"cantus_repro\": 1", "\"cantus_repro\": 2"));
    folder.write("wrong.json", whole.replace("\"after\": 0", "\"after\": 7"));
    folder.write("left-out.json", whole.replace("\"after\": 0", "\"incomplete\": \"it was too long\", \"after\": 0"));
    folder.write("text.wasm", "hello");
    folder.write("other.wasm", guests::shifty("other", "1.0.0", "other-aggregate"));
    std::fs::create_dir(folder.path("empty")).unwrap();
    let lines = [
        "repro missing.json".to_owned(),
        "repro empty".to_owned(),
        "repro torn.json".to_owned(),
        "repro other.json --json".to_owned(),
        "repro newer.json".to_owned(),
        "repro wrong.json".to_owned(),
        "repro left-out.json".to_owned(),
        format!("repro data/repros/{name}.json --set data=empty"),
        format!("repro {name} --plugin missing.wasm"),
        format!("repro {name} --plugin text.wasm"),
        format!("repro {name} --plugin other.wasm"),
        "repro --shorten".to_owned(),
        format!("repro {name} --list"),
        "repro --set data=empty".to_owned(),
    ];
    assert_golden!(lines.map(|line| folder.transcript(&line)).join("\n"));
}

#[test]
fn a_damaged_bundle_is_listed_with_the_reason() {
    let (folder, _) = trapping_on_13("");
    folder.write("data/repros/torn.json", "{");
    let listed = String::from_utf8(folder.cantus("repro").stdout).unwrap();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("torn") && listed.contains("it is no repro bundle"), "{listed}");
}

#[test]
fn settings_limit_the_number_and_the_size_of_bundles() {
    let reset = |id: &str| add(id, "a", 1).replace("Add", "Reset").replace("\"amount\":1", "");
    let commands = [add("1", "a", 1), reset("2"), add("3", "b", 1)];
    let count = |settings: &str| bundles(&faulted("trap-on-handle", &commands, settings).0).len();
    assert_eq!(count(""), 2);
    assert_eq!(count("--set repro.files=1"), 1);
    assert_eq!(count("--set repro.files=0"), 0);

    let add_many = (0..100).map(|n| add(&format!("{n}"), "a", 1));
    let commands: Vec<_> = add_many.chain([add("unlucky", "a", 13)]).collect();
    let (folder, _) = faulted("trap-on-13", &commands, "--set repro.bytes=6_000");
    let bundle = folder.read(&format!("data/repros/{}.json", name(&folder)));
    // It begins with a snapshot, if one was saved in time.
    let shorter = bundle.contains("\"snapshot\"") || bundle.contains("longer than `repro.bytes`");
    assert!(bundle.len() <= 6_000 && shorter, "{bundle}");

    let long = add("unlucky", "a", 13).replace(":13}", &format!(":{}13}}", " ".repeat(4_000)));
    let commands = [add("1", "a", 1), long];
    let (folder, log) = faulted("trap-on-13", &commands, "--set repro.bytes=4_096");
    assert_eq!(bundles(&folder).len(), 0);
    assert!(log.contains("a fault gets no bundle"), "{log}");
}

#[test]
fn the_help_text_is_complete() {
    let output = TestFolder::new().cantus("repro --help");
    assert_golden!(String::from_utf8(output.stdout).unwrap());
}
