//! `cantus repro`: what a guest faulted on, kept by `cantus run`, and run again.

use std::path::PathBuf;

use cantus_tests::guests;

use crate::support::{Place, transcript};

fn add(id: &str, aggregate: &str, amount: u32) -> String {
    format!(
        "{{\"id\":\"{id}\",\"aggregate\":\"Tally\",\"aggregate_id\":\"{aggregate}\",\"command\":\"Add\",\
         \"payload\":{{\"amount\":{amount}}}}}\n"
    )
}

/// A folder with a plugin that traps as `mode` says, which has decided these commands one after another.
fn faulted(mode: &str, commands: &[String], settings: &str) -> (Place, String) {
    let place = Place::new();
    std::fs::create_dir(place.path("plugins")).unwrap();
    place.write("plugins/shifty.wasm", guests::shifty("shifty", "1.0.0", mode));
    place.write("good.wasm", guests::shifty("shifty", "1.0.1", "good"));
    place.write("commands.jsonl", commands.concat());
    let output = place.cantus(&format!("run --commands commands.jsonl --in-flight 1 {settings}"));
    let text = transcript(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    (place, text)
}

/// Two commands of many fault alike.
fn unlucky(settings: &str) -> (Place, String) {
    let mut commands: Vec<String> = (0..4).map(|n| add(&format!("{n}"), "a", 1)).collect();
    commands.extend([add("unlucky", "a", 13), add("again", "b", 13), add("last", "a", 1)]);
    faulted("trap-on-13", &commands, settings)
}

fn bundles(place: &Place) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(place.path("data/repros")) else { return vec![] };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn name(place: &Place) -> String {
    let [bundle] = &bundles(place)[..] else { panic!("{:?}", bundles(place)) };
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
fn a_fault_is_kept_run_again_and_found_fixed() {
    let (place, log) = unlucky("");
    let name = name(&place);
    assert!(log.contains(&format!("data/repros/{name}.json")), "the log does not name it: {log}");
    let lines = [
        "repro".to_owned(),
        format!("repro {name} --log off"),
        format!("repro data/repros/{name}.json --log off --plugin good.wasm"),
        format!("repro {name} --log off --shorten -o short.json"),
        "repro short.json --log off".to_owned(),
        format!("repro data/repros/{name}.json --log off --shorten -o data/repros/{name}.json"),
    ];
    assert_golden!(lines.map(|line| place.transcript(&line)).join("\n"));
    let frames = transcript(&place.cantus(&format!("repro {name} --log off")));
    assert!(frames.contains("instance.handle"), "{frames}");
}

#[test]
fn programs_get_json() {
    let (place, _) = unlucky("");
    let name = name(&place);
    let json = |line: &str| -> serde_json::Value {
        let output = place.cantus(line);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", transcript(&output)))
    };
    let listed = json("repro --list --json");
    assert_eq!(
        (&listed["aggregate_id"], &listed["events"], &listed["id"]),
        (&"a".into(), &4.into(), &"unlucky".into())
    );
    let again = json(&format!("repro {name} --json"));
    assert_eq!((&again["again"], &again["runs"][0]["start"]), (&true.into(), &"first-event".into()));
    let fault = &again["runs"][0]["came"]["fault"];
    assert_eq!((&fault["kind"], &fault["message"]), (&"trap".into(), &again["recorded"]["message"]));
    let fixed = json(&format!("repro {name} --json --plugin good.wasm"));
    assert_eq!(fixed["again"], false);
    assert_eq!(fixed["runs"][0]["came"]["accepted"][0]["payload"]["amount"], 13);
    let shorter = json(&format!("repro {name} --json --shorten"));
    assert_eq!((&shorter["shortened"]["events_before"], &shorter["shortened"]["events"]), (&4.into(), &0.into()));
    assert_eq!(shorter["shortened"]["file"], format!("{name}.short.json"));
    assert!(place.path(&format!("{name}.short.json")).exists());
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let (place, _) = unlucky("");
    let shorten = format!("repro {} --shorten", name(&place));
    let short = format!("{}.short.json", name(&place));
    place.write(&short, "mine");
    let refused = place.cantus(&shorten);
    assert_eq!(refused.status.code(), Some(2));
    let said = transcript(&refused);
    assert!(said.contains(&format!("{short}: it is there already; --force replaces it")), "{said}");
    assert_eq!(place.read(&short), "mine");
    assert_eq!(place.cantus(&format!("{shorten} --force")).status.code(), Some(0));
    assert!(place.read(&short).contains("shortened_from"));
}

#[test]
fn a_fault_on_the_tenth_event_takes_the_nine_before() {
    let (place, _) = faulted("trap-late", &(0..12).map(|n| add(&format!("{n}"), "a", n)).collect::<Vec<_>>(), "");
    let name = name(&place);
    let output = place.cantus(&format!("repro {name} --shorten --json"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["shortened"]["events_before"], &report["shortened"]["events"]), (&9.into(), &9.into()));
    assert_eq!(report["shortened"]["minimal"], true);
}

#[test]
fn what_cannot_be_run_is_told_with_its_exit_code() {
    let (place, _) = unlucky("");
    let name = name(&place);
    let whole = place.read(&format!("data/repros/{name}.json"));
    place.write("torn.json", &whole[..whole.len() / 2]);
    place.write("other.json", "{\"a\": 1}");
    place.write("newer.json", whole.replace("\"cantus_repro\": 1", "\"cantus_repro\": 2"));
    place.write("wrong.json", whole.replace("\"after\": 0", "\"after\": 7"));
    place.write("left-out.json", whole.replace("\"after\": 0", "\"incomplete\": \"it was too long\", \"after\": 0"));
    place.write("text.wasm", "hello");
    place.write("other.wasm", guests::shifty("other", "1.0.0", "other-aggregate"));
    std::fs::create_dir(place.path("empty")).unwrap();
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
    assert_golden!(lines.map(|line| place.transcript(&line)).join("\n"));
}

#[test]
fn a_bundle_that_no_longer_reads_is_listed_with_the_reason() {
    let (place, _) = unlucky("");
    place.write("data/repros/torn.json", "{");
    let listed = String::from_utf8(place.cantus("repro").stdout).unwrap();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("torn") && listed.contains("it is no repro bundle"), "{listed}");
}

#[test]
fn settings_say_how_many_are_kept_and_how_large() {
    let reset = |id: &str| add(id, "a", 1).replace("Add", "Reset").replace("\"amount\":1", "");
    let commands = [add("1", "a", 1), reset("2"), add("3", "b", 1)];
    let count = |settings: &str| bundles(&faulted("trap-on-handle", &commands, settings).0).len();
    assert_eq!(count(""), 2);
    assert_eq!(count("--set repro.files=1"), 1);
    assert_eq!(count("--set repro.files=0"), 0);

    let add_many = (0..100).map(|n| add(&format!("{n}"), "a", 1));
    let commands: Vec<_> = add_many.chain([add("unlucky", "a", 13)]).collect();
    let (place, _) = faulted("trap-on-13", &commands, "--set repro.bytes=6_000");
    let bundle = place.read(&format!("data/repros/{}.json", name(&place)));
    // It begins with a snapshot, if one was saved in time.
    let shorter = bundle.contains("\"snapshot\"") || bundle.contains("longer than `repro.bytes`");
    assert!(bundle.len() <= 6_000 && shorter, "{bundle}");

    let long = add("unlucky", "a", 13).replace(":13}", &format!(":{}13}}", " ".repeat(4_000)));
    let commands = [add("1", "a", 1), long];
    let (place, log) = faulted("trap-on-13", &commands, "--set repro.bytes=4_096");
    assert_eq!(bundles(&place).len(), 0);
    assert!(log.contains("of this fault no bundle is kept"), "{log}");
}

#[test]
fn it_explains_itself() {
    let output = Place::new().cantus("repro --help");
    assert_golden!(String::from_utf8(output.stdout).unwrap());
}
