//! The program in `docs/embedding`: it runs as its documentation says, and its package builds by itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use cantus_tests::guests;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const EXPECTED: &str = "order-1: version 1, duplicate: false\n\
                        order-2: version 2, duplicate: false\n\
                        order-1: version 1, duplicate: true\n\
                        Counter/c-1 at version 2: {\"value\":2}\n";

/// Runs the program, with the counter example in its folder of plugins.
fn check(program: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let (plugins, data) = (folder.path().join("plugins"), folder.path().join("data"));
    fs::create_dir(&plugins).unwrap();
    fs::copy(guests::COUNTER, plugins.join("counter.wasm")).unwrap();
    let output = Command::new(program).args([plugins, data]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), EXPECTED);
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// The example `embedding` of this package is the source of `docs/embedding`, so it needs no second build of wasmtime.
#[test]
fn the_program_embeds_a_host() {
    let program = std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples/embedding");
    if !program.exists() {
        // `cargo test --test embedding` builds no examples.
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--offline", "--package", "cantus-host", "--example", "embedding"]);
        let built = cargo.current_dir(ROOT).output().unwrap();
        assert!(built.status.success(), "{}", text(&built));
    }
    check(&program);
}

/// Copies the package, with the workspace's lock file and profiles, so that third-party crates can be reused.
fn package() -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embedding");
    fs::create_dir_all(copy.join("src")).unwrap();
    let read = |name: &str| fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    let root = Path::new(ROOT).canonicalize().unwrap();
    let manifest = read("docs/embedding/Cargo.toml").replace("../..", root.to_str().unwrap());
    let workspace = read("Cargo.toml");
    let profiles = &workspace[workspace.find("[profile.dev]").unwrap()..];
    fs::write(copy.join("Cargo.toml"), format!("{manifest}\n{profiles}")).unwrap();
    fs::write(copy.join("src/main.rs"), read("docs/embedding/src/main.rs")).unwrap();
    fs::write(copy.join("Cargo.lock"), read("Cargo.lock")).unwrap();
    copy
}

#[test]
fn the_package_is_a_workspace_of_its_own() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--workspace", "--depth", "1", "--edges", "normal", "--prefix", "none"]);
    let output = cargo.current_dir(package()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["embedding", "cantus-host", "cantus-model", "tokio"]);
}

#[test]
#[ignore = "it compiles wasmtime again, because the workspace's tests enable other features of its dependencies"]
fn the_package_builds_by_itself() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--target-dir"]).arg(target).current_dir(package());
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "{}", text(&built));
    check(&target.join("debug/embedding"));
}
