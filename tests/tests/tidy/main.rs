//! Rules that enforce themselves, over every source file of the project. Each is a function from a file to complaints,
//! and has a sample that it must complain about.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod modules;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A file by its path from the root, with its text.
struct Source {
    path: String,
    text: String,
}

/// A function from a file to its complaints, each with its line where there is one.
type Rule = fn(&Source) -> Vec<String>;

const RULES: [(&str, Rule); 9] = [
    ("a file is short", short),
    ("a file says what it is", documented),
    ("text is clean", clean),
    ("no path of a machine", no_machine_paths),
    ("the product does not panic", no_panics),
    ("unsafe stays where it is", no_unsafe),
    ("crates know only whom they may", edges),
    ("a doc comment opens with what the item is or does", words::opening),
    ("names are the field's terms", words::names),
];

/// Files that may panic, and why.
const MAY_PANIC: [(&str, &str); 4] = [
    ("guest-sdk/src/testing.rs", "assertions of tests"),
    ("guest-sdk/src/testing/harness.rs", "assertions of tests"),
    ("guest-sdk/src/manifest.rs", "in a guest: the host reports it as a fault of `describe`"),
    ("guest-sdk/src/wasm/aggregate.rs", "in a guest: the contract has no error there, and the host reports the trap"),
];

/// Files with `unsafe`, and why.
const MAY_BE_UNSAFE: [(&str, &str); 2] = [
    ("host/wasm/src/cache.rs", "compiled code is read back"),
    ("guest-sdk/src/wasm.rs", "the bindings that are generated from `wit/`"),
];

/// Which of our crates a crate may depend on. Others may depend on any.
const MAY_IMPORT: [(&str, &[&str]); 11] = [
    ("host/model", &[]),
    ("host/store", &["cantus-model"]),
    ("host/wasm", &["cantus-model"]),
    ("host/kafka", &["cantus-model"]),
    ("host/replay", &["cantus-model"]),
    ("host/engine", &["cantus-model", "cantus-replay"]),
    ("host/host", &["cantus-model", "cantus-store", "cantus-wasm", "cantus-replay", "cantus-engine"]),
    ("host/http", &["cantus-model", "cantus-host"]),
    ("guest-sdk", &["cantus-sdk-macros"]),
    ("guest-sdk/macros", &[]),
    ("examples", &["cantus-sdk"]),
];

/// Crates of others that only one of ours may depend on.
const OWNED: [(&str, &str); 8] = [
    ("wasmtime", "host/wasm"),
    ("rusqlite", "host/store"),
    ("sqlx", "host/store"),
    ("rskafka", "host/kafka"),
    ("axum", "host/http"),
    ("clap", "host/cli"),
    ("wit-bindgen", "guest-sdk"),
    ("inventory", "guest-sdk"),
];

fn short(file: &Source) -> Vec<String> {
    let (lines, limit) = (file.text.lines().count(), if file.is_test() { 500 } else { 400 });
    match file.is_rust() && lines > limit {
        true => vec![format!("it has {lines} lines, the limit is {limit}: divide it")],
        false => vec![],
    }
}

fn documented(file: &Source) -> Vec<String> {
    let is_case = ["guest-sdk/tests/fail/", "guest-sdk/tests/pass/"].iter().any(|cases| file.path.starts_with(cases));
    match file.is_rust() && !is_case && !file.text.starts_with("//!") {
        true => vec!["it does not begin with `//!`: say what it is for".into()],
        false => vec![],
    }
}

fn clean(file: &Source) -> Vec<String> {
    let recorded = [".snap", ".snap.new", ".stderr", ".csv", ".jsonl"].iter().any(|end| file.path.ends_with(end));
    if recorded {
        return vec![];
    }
    let mut complaints = file.lines_where(|line| line.ends_with([' ', '\t', '\r']), "space at its end");
    if file.is_rust() {
        complaints.extend(file.lines_where(|line| line.contains('\t'), "a tab"));
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        complaints.push("its last line does not end".into());
    }
    complaints
}

fn no_machine_paths(file: &Source) -> Vec<String> {
    // In pieces, or this file would complain about itself.
    let paths = [("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/"), ("/wo", "rk/"), ("/t", "mp/"), ("../sha", "red")];
    let paths = paths.map(|(one, two)| format!("{one}{two}"));
    let begins =
        |line: &str, at: usize| !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '}');
    let names = |line: &str| paths.iter().any(|path| line.match_indices(path).any(|(at, _)| begins(line, at)));
    file.lines_where(names, "a path that only one machine has")
}

fn no_panics(file: &Source) -> Vec<String> {
    let product = ["host/", "guest-sdk/"].iter().any(|folder| file.path.starts_with(folder));
    if !product || !file.path.contains("src/") || MAY_PANIC.iter().any(|(path, _)| *path == file.path) {
        return vec![];
    }
    let panics = [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!("];
    let code = Source { path: file.path.clone(), text: file.code() };
    code.lines_where(|line| panics.iter().any(|panic| line.contains(panic)), "a panic: return an error instead")
}

fn no_unsafe(file: &Source) -> Vec<String> {
    if MAY_BE_UNSAFE.iter().any(|(path, _)| *path == file.path) {
        return vec![];
    }
    let begins = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code"];
    // In quotes it is only spoken of.
    let is_unsafe = |line: &str| {
        let at = begins.iter().filter_map(|begin| line.find(begin)).min();
        at.is_some_and(|at| line[..at].matches('"').count().is_multiple_of(2))
    };
    let code = Source { path: file.path.clone(), text: file.code() };
    if file.is_rust() { code.lines_where(is_unsafe, "unsafe") } else { vec![] }
}

fn edges(file: &Source) -> Vec<String> {
    let Some(folder) = file.path.strip_suffix("/Cargo.toml").filter(|folder| !folder.starts_with("tests")) else {
        return vec![];
    };
    let manifest: toml::Table = file.text.parse().unwrap();
    let group = if folder.starts_with("examples/") { "examples" } else { folder };
    let may_import = MAY_IMPORT.iter().find(|(who, _)| *who == group);
    let mut complaints = vec![];
    for name in dependencies(&manifest) {
        if may_import.is_some_and(|(_, ours)| name.starts_with("cantus-") && !ours.contains(&name.as_str())) {
            complaints.push(format!("it may not depend on {name}"));
        }
        if name == "cantus-tests" {
            complaints.push("only tests may depend on cantus-tests".into());
        }
        if let Some((_, owner)) = OWNED.iter().find(|(owned, owner)| *owned == name && *owner != folder) {
            complaints.push(format!("only {owner} may depend on {name}"));
        }
    }
    complaints
}

/// The dependencies of a package outside its tests, on any platform.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let platforms = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let tables = std::iter::once(manifest).chain(platforms.filter_map(toml::Value::as_table));
    let lists = tables.flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")]);
    let lists = lists.flatten().filter_map(toml::Value::as_table);
    // A renamed dependency is known by its package.
    let package = |(name, value): (&String, &toml::Value)| {
        value.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned()
    };
    lists.flat_map(|list| list.iter().map(package)).collect()
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/")
    }

    /// The text without comments and without the module of tests at its end.
    fn code(&self) -> String {
        let text = self.text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = |line: &str| if line.trim_start().starts_with("//") { "\n".into() } else { format!("{line}\n") };
        text.lines().map(code).collect()
    }

    fn lines_where(&self, is_bad: impl Fn(&str) -> bool, what: &str) -> Vec<String> {
        let lines = (1..).zip(self.text.split('\n'));
        lines.filter(|(_, line)| is_bad(line)).map(|(number, _)| format!("line {number}: {what}")).collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every text file but those that a build or a run leaves.
fn sources() -> Vec<Source> {
    let (mut sources, mut folders) = (vec![], vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder && !name.starts_with('.') && !["target", "data"].contains(&name.as_str()) {
                folders.push(path);
            } else if !is_folder && let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    sources
}

#[test]
fn every_file_is_tidy() {
    let sources = sources();
    assert!(sources.iter().filter(|file| file.is_rust()).count() > 100, "the sources are elsewhere");
    let mut complaints = BTreeMap::new();
    for file in &sources {
        for (rule, check) in RULES {
            for complaint in check(file) {
                complaints.entry(rule).or_insert_with(Vec::new).push(format!("{}: {complaint}", file.path));
            }
        }
    }
    let report: Vec<String> =
        complaints.into_iter().map(|(rule, list)| format!("{rule}\n  {}", list.join("\n  "))).collect();
    assert!(report.is_empty(), "\n{}", report.join("\n"));
}

#[test]
fn every_exception_is_needed() {
    let sources = sources();
    for (path, why) in MAY_PANIC.iter().chain(&MAY_BE_UNSAFE) {
        let file = sources.iter().find(|file| file.path == *path).unwrap_or_else(|| panic!("{path} is gone: {why}"));
        // Under another name the exception does not hold.
        let same = Source { path: format!("{path}.rs"), text: file.text.clone() };
        assert!(!no_panics(&same).is_empty() || !no_unsafe(&same).is_empty(), "{path} needs no exception: {why}");
    }
}

/// The crates of ours by their folder, each with its modules.
fn crates(sources: &[Source]) -> BTreeMap<&str, modules::Crate> {
    let mut crates = BTreeMap::<&str, modules::Crate>::new();
    for file in sources.iter().filter(|file| file.is_rust()) {
        if let Some((folder, path)) = file.path.split_once("/src/")
            && ["host/", "guest-sdk"].iter().any(|ours| folder.starts_with(ours))
        {
            crates.entry(folder).or_default().add(path, &file.text);
        }
    }
    crates
}

#[test]
fn modules_form_no_cycle_and_a_type_name_stands_once() {
    let sources = sources();
    let crates = crates(&sources);
    assert!(crates.len() > 6, "the crates are elsewhere");
    let complaints = crates.iter().flat_map(|(folder, modules)| {
        let found = modules.cycles().into_iter().chain(modules.doubled_types());
        found.map(move |complaint| format!("{folder}: {complaint}"))
    });
    let complaints: Vec<String> = complaints.collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_glossary_names_what_there_is() {
    let sources = sources();
    let types: BTreeSet<String> = crates(&sources).values().flat_map(modules::Crate::types).collect();
    let glossary = sources.iter().find(|file| file.path == "host/ARCHITECTURE.md").expect("it is there");
    let named = words::glossary_types(&glossary.text);
    assert!(named.len() > 20, "the glossary has {} types", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !types.contains(*name)).collect();
    assert!(missing.is_empty(), "the glossary of host/ARCHITECTURE.md names types that are not there: {missing:?}");
}

#[test]
fn the_architecture_names_files_that_there_are() {
    let architecture = fs::read_to_string(root().join("host/ARCHITECTURE.md")).unwrap();
    let paths = words::paths(&architecture);
    assert!(paths.len() > 60, "it names {} paths", paths.len());
    let is_missing = |path: &&String| !root().join(path).exists() && !root().join("host").join(path).exists();
    let missing: Vec<_> = paths.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "host/ARCHITECTURE.md names what is not there: {missing:?}");
}

fn complains(rule: Rule, path: &str, text: &str) -> bool {
    !rule(&Source { path: path.into(), text: text.into() }).is_empty()
}

#[test]
fn a_long_file_is_noticed() {
    assert!(complains(short, "host/engine/src/lib.rs", &"\n".repeat(401)));
    assert!(!complains(short, "host/engine/tests/it.rs", &"\n".repeat(401)));
    assert!(complains(short, "tests/tests/it.rs", &"\n".repeat(501)));
    assert!(!complains(short, "examples/flights/data.csv", &"\n".repeat(900)));
}

#[test]
fn a_file_without_a_word_is_noticed() {
    assert!(complains(documented, "host/engine/src/lib.rs", "mod shard;\n"));
    assert!(!complains(documented, "host/engine/src/lib.rs", "//! The use cases.\n"));
    assert!(!complains(documented, "guest-sdk/tests/fail/it.rs", "mod shard;\n"));
}

#[test]
fn unclean_text_is_noticed() {
    assert!(complains(clean, "README.md", "text \n"));
    assert!(complains(clean, "README.md", "text\r\n"));
    assert!(complains(clean, "README.md", "text"));
    assert!(complains(clean, "a.rs", "\tlet x;\n"));
    assert!(!complains(clean, "Makefile", "all:\n\tcargo build\n"));
    assert!(!complains(clean, "a.snap", "text \n"));
}

#[test]
fn a_path_of_a_machine_is_noticed() {
    for (one, two) in [("/ho", "me/me/x"), ("../sha", "red/x"), ("\"/t", "mp/x\""), ("/ro", "ot/.cargo")] {
        assert!(complains(no_machine_paths, "README.md", &format!("see {one}{two}\n")), "{one}{two}");
    }
    assert!(!complains(no_machine_paths, "README.md", "https://example.org/some/path and host/work\n"));
    assert!(!complains(no_machine_paths, ".gitignore", "/target/\n"));
}

#[test]
fn a_panic_is_noticed() {
    for code in ["x.unwrap();", "x.expect(\"y\");", "panic!(\"y\");", "todo!();", "unimplemented!()"] {
        let in_tests = format!("//! x\n\n#[cfg(test)]\nmod tests {{\n    {code}\n}}\n");
        assert!(complains(no_panics, "host/store/src/lib.rs", code), "{code}");
        assert!(complains(no_panics, "guest-sdk/macros/src/lib.rs", code), "{code}");
        assert!(!complains(no_panics, "host/store/src/lib.rs", &in_tests), "{code}");
        assert!(!complains(no_panics, "host/store/src/lib.rs", &format!("    // {code}\n")), "{code}");
        assert!(!complains(no_panics, "host/store/tests/it.rs", code), "{code}");
    }
    assert!(!complains(no_panics, "host/store/src/lib.rs", "x.unwrap_or_default()"));
}

#[test]
fn unsafe_is_noticed() {
    for code in ["let x = unsafe { y() };", "unsafe impl Send for X {}", "#[allow(unsafe_code)]"] {
        assert!(complains(no_unsafe, "host/store/src/lib.rs", code), "{code}");
        assert!(complains(no_unsafe, "tests/tests/it.rs", code), "{code}");
        assert!(!complains(no_unsafe, "host/wasm/src/cache.rs", code), "{code}");
    }
    assert!(!complains(no_unsafe, "host/cli/src/main.rs", &format!("{:?}", "unsafe { }")));
}

#[test]
fn a_forbidden_edge_is_noticed() {
    let depends = |on: &str| format!("[dependencies]\n{on}.workspace = true\n");
    for (who, on) in [
        ("host/model", "cantus-store"),
        ("host/store", "cantus-wasm"),
        ("host/wasm", "cantus-store"),
        ("host/engine", "cantus-store"),
        ("host/engine", "cantus-sdk"),
        ("guest-sdk", "cantus-model"),
        ("guest-sdk/macros", "cantus-sdk"),
        ("examples/bank", "cantus-model"),
        ("host/engine", "wasmtime"),
        ("host/cli", "rusqlite"),
        ("host/cli", "sqlx"),
        ("host/cli", "cantus-tests"),
    ] {
        let path = format!("{who}/Cargo.toml");
        assert!(complains(edges, &path, &depends(on)), "{who} -> {on}");
        assert!(
            complains(edges, &path, &format!("[target.'cfg(unix)'.dependencies]\n{on} = \"1\"\n")),
            "{who} -> {on}"
        );
        assert!(complains(edges, &path, &format!("[dependencies]\nx = {{ package = \"{on}\" }}\n")), "{who} -> {on}");
    }
    for (who, on) in [
        ("host/store", "rusqlite"),
        ("host/store", "sqlx"),
        ("host/engine", "cantus-model"),
        ("host/cli", "cantus-store"),
        ("guest-sdk", "cantus-sdk-macros"),
        ("examples/bank", "cantus-sdk"),
        ("tests", "rusqlite"),
    ] {
        assert!(!complains(edges, &format!("{who}/Cargo.toml"), &depends(on)), "{who} -> {on}");
    }
    assert!(!complains(edges, "host/cli/Cargo.toml", "[dev-dependencies]\ncantus-tests = \"1\"\n"));
}
