//! Everything that people and programs leave in the folder of plugins: each file is taken, passed over or refused with a
//! reason, and the folder itself may come and go.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use cantus_model::{
    Digest,
    ports::{ComponentStore as _, PluginFile},
};
use cantus_tests::{guests, host};
use cantus_wasm::{ComponentFolder, FolderWatch, Limits, PluginFolder, Runtime};
use tempfile::TempDir;

/// A folder of plugins with everything behind it, in a folder of its own.
struct Fixture {
    root: TempDir,
    folder: PluginFolder,
    components: ComponentFolder,
    runtime: Runtime,
}

impl Fixture {
    fn new(limits: &Limits) -> Self {
        let root = tempfile::tempdir().unwrap();
        let plugins = root.path().join("plugins");
        fs::create_dir(&plugins).unwrap();
        let folder = PluginFolder::open(&plugins, limits.component_bytes).unwrap();
        let components = ComponentFolder::open(&root.path().join("components")).unwrap();
        let runtime = Runtime::new(limits, Some(&root.path().join("compiled"))).unwrap();
        Self { root, folder, components, runtime }
    }

    fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.root.path().join("plugins").join(name.as_ref())
    }

    fn write(&self, name: impl AsRef<OsStr>, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn names(&self) -> Vec<String> {
        self.folder.scan().unwrap().into_iter().map(|file| file.name).collect()
    }

    /// The stage that a file reaches, and the reason why it goes no further.
    fn outcome(&self, name: &str) -> String {
        let bytes = match self.folder.read(name) {
            Ok(bytes) => bytes,
            Err(why) => return format!("not read: {why}"),
        };
        if let Err(why) = self.runtime.validate(&bytes) {
            return format!("not valid: {why}");
        }
        match self.runtime.load(&bytes) {
            Ok(component) => format!("{} {}", component.manifest().name, component.manifest().version),
            Err(why) => format!("not loaded: {why}"),
        }
    }

    fn stamp(&self, name: &str) -> [u64; 3] {
        let files = self.folder.scan().unwrap();
        files.into_iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name}")).stamp
    }

    fn compiled(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.root.path().join("compiled")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// Compiled code, as wasmtime writes it.
fn compiled_code() -> Vec<u8> {
    let fixture = Fixture::new(&host::limits());
    fixture.runtime.load(&guests::read(guests::ROGUE)).unwrap();
    let entry = fixture.compiled().pop_first().unwrap();
    fs::read(fixture.root.path().join("compiled").join(entry)).unwrap().split_off(32)
}

#[test]
fn each_file_is_taken_or_refused_with_a_reason() {
    let fixture = Fixture::new(&host::limits());
    let rogue = guests::read(guests::ROGUE);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("outside.wasm"), &rogue).unwrap();

    fixture.write("good.wasm", &rogue);
    fixture.write("half-copied.wasm", &rogue[..rogue.len() / 2]);
    fixture.write("one-byte-short.wasm", &rogue[..rogue.len() - 1]);
    fixture.write("empty.wasm", b"");
    fixture.write("core-module.wasm", &wat::parse_str("(module)").unwrap());
    fixture.write("compiled.wasm", &compiled_code());
    fixture.write("text.wasm", b"(component)");
    fixture.write("other-contract.wasm", &with_other_contract(&rogue));
    fixture
        .write("sockets.wasm", &wat::parse_str(r#"(component (import "wasi:sockets/tcp@0.3.0" (instance)))"#).unwrap());
    fixture.write("describes-nothing.wasm", &guests::rogue("no-aggregate"));
    fixture.write(OsStr::from_bytes(b"not-utf8-\xff.wasm"), &rogue);
    fixture.write(OsStr::from_bytes(b"not-utf8-\xfe.wasm"), &rogue);
    fs::create_dir(fixture.path("directory.wasm")).unwrap();
    symlink("good.wasm", fixture.path("link-inside.wasm")).unwrap();
    symlink(outside.path().join("outside.wasm"), fixture.path("link-out.wasm")).unwrap();
    symlink("../components/x.wasm", fixture.path("link-up.wasm")).unwrap();
    symlink("nowhere.wasm", fixture.path("link-to-nothing.wasm")).unwrap();
    symlink("link-to-itself.wasm", fixture.path("link-to-itself.wasm")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(fixture.path("pipe.wasm")).status().unwrap();
    assert!(pipe.success());
    File::create(fixture.path("huge.wasm")).unwrap().set_len(500 << 20).unwrap();
    for leftover in
        [".good.wasm.swp", "#good.wasm#", "good.wasm~", ".#good.wasm", ".good.wasm", "good.wasm.part", "wasm"]
    {
        fixture.write(leftover, &rogue);
    }

    let outcomes: Vec<String> =
        fixture.names().iter().map(|name| format!("{name}\n  {}", fixture.outcome(name))).collect();
    insta::with_settings!({ filters => vec![
        (r"\(at offset 0x[0-9a-f]+\)", "(at offset …)"),
        (&Digest::of(&guests::rogue("no-aggregate")).short(), "DIGEST"),
    ] }, {
        insta::assert_snapshot!(outcomes.join("\n"));
    });
}

#[test]
fn no_name_leads_out() {
    let fixture = Fixture::new(&host::limits());
    let outside = fixture.root.path().join("outside.wasm");
    fs::write(&outside, "secret").unwrap();
    for name in ["../outside.wasm", outside.to_str().unwrap(), "../plugins/../outside.wasm"] {
        assert!(fixture.outcome(name).contains("leads out of the folder"), "{name}: {}", fixture.outcome(name));
        assert!(fixture.folder.waiver(name).is_err(), "{name}");
    }
    assert!(PluginFolder::open(&fixture.path("none"), 100).is_err());
}

/// Its exports say another version of the contract, in as many bytes.
fn with_other_contract(component: &[u8]) -> Vec<u8> {
    let (ours, theirs) = (b"@0.1.0", b"@0.9.0");
    let mut other = component.to_vec();
    let contract = b"cantus:domain/";
    for start in 0..other.len() - contract.len() {
        if other[start..].starts_with(contract)
            && let Some(at) = other[start..].windows(ours.len()).take(64).position(|bytes| bytes == ours)
        {
            other[start + at..][..theirs.len()].copy_from_slice(theirs);
        }
    }
    assert_ne!(other, component);
    other
}

/// Validation needs no compiler, and the compiler takes every file that passes it.
#[test]
fn validation_agrees_with_loading() {
    let fixture = Fixture::new(&host::limits());
    let rogue = guests::read(guests::ROGUE);
    for length in (0..rogue.len()).step_by(rogue.len() / 40) {
        fixture.runtime.validate(&rogue[..length]).unwrap_err();
    }
    for guest in [guests::COUNTER, guests::BANK, guests::FLIGHTS, guests::HOSTILE, guests::ROGUE] {
        let bytes = guests::read(guest);
        fixture.runtime.validate(&bytes).unwrap();
        fixture.runtime.load(&bytes).unwrap();
    }
}

#[test]
fn every_way_to_change_a_file_shows_in_its_stamp() {
    let fixture = Fixture::new(&host::limits());
    fixture.write("a.wasm", b"1234");
    fixture.write("b.wasm", b"5678");
    symlink("b.wasm", fixture.path("link.wasm")).unwrap();
    let mut seen = vec![fixture.stamp("a.wasm")];
    let mut changed = |how: &str| {
        let stamp = fixture.stamp("a.wasm");
        assert!(!seen.contains(&stamp), "{how}");
        seen.push(stamp);
    };
    tick();
    fixture.write("a.wasm", b"4321");
    changed("other bytes of the same length");
    tick();
    let modified = fs::metadata(fixture.path("a.wasm")).unwrap().modified().unwrap();
    fixture.write("a.wasm", b"9999");
    File::options().write(true).open(fixture.path("a.wasm")).unwrap().set_modified(modified).unwrap();
    changed("the time of the content set back, as a copying program does");
    fixture.write("a.wasm", b"12345");
    changed("another length");
    fixture.write("new", b"54321");
    fs::rename(fixture.path("new"), fixture.path("a.wasm")).unwrap();
    changed("another file renamed over it");
    fs::remove_file(fixture.path("a.wasm")).unwrap();
    symlink("b.wasm", fixture.path("a.wasm")).unwrap();
    changed("a link in its place");

    let link = fixture.stamp("link.wasm");
    assert_eq!(fixture.stamp("link.wasm"), link, "looking changes nothing");
    tick();
    fixture.write("b.wasm", b"8765");
    assert_ne!(fixture.stamp("link.wasm"), link, "what the link leads to has changed");
    assert_eq!(fixture.stamp("link.wasm"), fixture.stamp("b.wasm"));
}

/// Longer than the clock of a file system stands still.
fn tick() {
    std::thread::sleep(Duration::from_millis(30));
}

#[test]
fn a_waiver_lies_beside_its_file() {
    let fixture = Fixture::new(&host::limits());
    fixture.write("flights.waiver.toml", b"allow = []\n");
    fixture.write("binary.waiver.toml", b"\xff");
    fixture.write("large.waiver.toml", &vec![b'#'; (64 << 10) + 1]);
    fixture.write("largest.waiver.toml", &vec![b'#'; 64 << 10]);
    fs::create_dir(fixture.path("folder.waiver.toml")).unwrap();
    symlink("/etc/hostname", fixture.path("out.waiver.toml")).unwrap();
    symlink("flights.waiver.toml", fixture.path("linked.waiver.toml")).unwrap();
    let waiver = |name: &str| match fixture.folder.waiver(name) {
        Ok(None) => "none".to_owned(),
        Ok(Some(text)) => format!("{} bytes", text.len()),
        Err(why) => why.to_string(),
    };
    let names = ["flights", "none", "binary", "large", "largest", "folder", "out", "linked"];
    let waivers = names.map(|name| format!("{name}: {}", waiver(&format!("{name}.wasm"))));
    insta::assert_snapshot!(waivers.join("\n"));
    assert!(fixture.names().is_empty(), "a waiver is no plugin");
}

#[test]
fn a_folder_may_go_and_come_back() {
    let fixture = Fixture::new(&host::limits());
    fixture.write("a.wasm", b"first");
    let plugins = fixture.root.path().join("plugins");
    fs::rename(&plugins, fixture.root.path().join("old")).unwrap();
    let gone = fixture.folder.scan().unwrap_err().to_string();
    assert!(gone.starts_with("cannot be read: the plugin folder /") && gone.contains("No such file"), "{gone}");
    assert!(fixture.folder.read("a.wasm").is_err());
    assert!(fixture.folder.waiver("a.wasm").is_err(), "nobody knows whether there is one");

    fs::create_dir(&plugins).unwrap();
    fixture.write("b.wasm", b"second");
    assert_eq!(fixture.names(), ["b.wasm"]);
    assert_eq!(fixture.folder.read("b.wasm").unwrap(), b"second");

    // As those do who switch a link from one release to the next.
    fs::remove_dir_all(&plugins).unwrap();
    symlink("old", &plugins).unwrap();
    assert_eq!(fixture.names(), ["a.wasm"]);
    assert_eq!(fixture.folder.read("a.wasm").unwrap(), b"first");

    fs::remove_file(&plugins).unwrap();
    fs::write(&plugins, "no folder at all").unwrap();
    assert!(fixture.folder.scan().is_err());
}

#[test]
fn what_was_kept_comes_back() {
    let fixture = Fixture::new(&host::limits());
    let rogue = guests::read(guests::ROGUE);
    let digest = fixture.components.put_component(&rogue).unwrap();
    assert_eq!(digest, Digest::of(&rogue));
    assert_eq!(fixture.components.get_component(digest).unwrap().as_deref(), Some(rogue.as_slice()));
    assert_eq!(fixture.components.get_component(Digest::of(b"another")).unwrap(), None);
    fs::write(fixture.root.path().join(format!("components/{digest}.wasm")), "damage").unwrap();
    let why = fixture.components.get_component(digest).unwrap_err().to_string();
    assert_eq!(why, format!("the folder of components: component {digest} is damaged"));
}

#[test]
fn the_compiled_cache_keeps_only_what_was_accepted_and_not_too_much_of_it() {
    let fixture = Fixture::new(&Limits { compiled_entries: 2, ..host::limits() });
    let variant = |n: u8| with_custom_section(&guests::rogue("good"), &[n]);
    let load = |bytes: &[u8]| {
        tick();
        fixture.runtime.load(bytes)
    };
    let entry =
        |bytes: &[u8]| fixture.compiled().into_iter().find(|name| name.starts_with(&Digest::of(bytes).to_string()));
    load(&variant(1)).unwrap();
    load(&variant(2)).unwrap();
    for mode in ["panic", "no-aggregate", "odd-name"] {
        load(&guests::rogue(mode)).err().expect("it was taken");
    }
    assert!(entry(&variant(1)).is_some() && entry(&variant(2)).is_some());
    fs::write(fixture.root.path().join("compiled/left-by-a-crash"), "").unwrap();
    load(&variant(3)).unwrap();
    assert_eq!(fixture.compiled().len(), 2);
    assert!(entry(&variant(3)).is_some(), "the newest");
    load(&variant(1)).unwrap();
    assert_eq!(fixture.compiled(), [entry(&variant(1)), entry(&variant(3))].into_iter().flatten().collect());
}

fn with_custom_section(component: &[u8], content: &[u8]) -> Vec<u8> {
    let name = b"test";
    let size = u8::try_from(1 + name.len() + content.len()).unwrap();
    [component, &[0, size, 4], name, content].concat()
}

/// Hints of a folder, as they come.
fn hints(folder: &Path) -> (FolderWatch, mpsc::Receiver<()>) {
    let (hint, hints) = mpsc::channel();
    let watch = FolderWatch::start(folder, move || {
        let _ = hint.send(());
    });
    (watch, hints)
}

/// Waits until there were hints, and then no more.
fn settled(hints: &mpsc::Receiver<()>) -> bool {
    let mut any = false;
    let mut patience = Duration::from_secs(10);
    while hints.recv_timeout(patience).is_ok() {
        any = true;
        patience = Duration::from_millis(200);
    }
    any
}

#[test]
fn a_change_gives_a_hint_and_a_look_does_not() {
    let fixture = Fixture::new(&host::limits());
    let (watch, hints) = hints(&fixture.root.path().join("plugins"));
    fixture.write("a.wasm", b"new");
    assert!(settled(&hints), "a new file");
    fixture.write("a.wasm", b"other");
    assert!(settled(&hints), "other content");
    fs::rename(fixture.path("a.wasm"), fixture.path("b.wasm")).unwrap();
    assert!(settled(&hints), "another name");
    fs::rename(fixture.root.path().join("components"), fixture.path("moved-in")).unwrap();
    assert!(settled(&hints), "from elsewhere");

    let files: Vec<PluginFile> = fixture.folder.scan().unwrap();
    fixture.folder.read(&files[0].name).unwrap();
    let _ = fixture.folder.waiver(&files[0].name);
    assert!(hints.recv_timeout(Duration::from_millis(500)).is_err(), "looking is no change");

    fs::remove_file(fixture.path("b.wasm")).unwrap();
    assert!(settled(&hints), "gone");
    drop(watch);
    fixture.write("c.wasm", b"late");
    assert!(
        hints.recv_timeout(Duration::from_secs(10)).is_err_and(|error| error == mpsc::RecvTimeoutError::Disconnected)
    );
}

#[test]
fn without_hints_a_host_lives_on() {
    let fixture = Fixture::new(&host::limits());
    let (_watch, hints) = hints(&fixture.root.path().join("not-there"));
    assert!(hints.recv().is_err(), "there is nobody to give any");
    fixture.write("a.wasm", b"found at the next scan");
    assert_eq!(fixture.names(), ["a.wasm"]);
}
