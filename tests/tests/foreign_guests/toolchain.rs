//! Installs the tools of both languages and builds the guests with them, as a user would: `npm` and `pip` fetch what
//! is pinned beside the sources, and the builds have no flags. All of it stays in the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use cantus_model::Digest;

/// The version that the sources name, and the one that is built from them as well.
pub(crate) const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The commands that install and call the tool of one language.
struct Language {
    folder: &'static str,
    sources: &'static [&'static str],
    /// The files that pin the tool and everything that it needs.
    pins: &'static [&'static str],
    /// Run one after another in the language's folder.
    install: &'static [&'static [&'static str]],
    /// Run in the folder of one version; `WIT` and `OUT` stand for paths.
    build: &'static [&'static str],
}

const JAVASCRIPT: Language = Language {
    folder: "javascript",
    sources: &["tally.js"],
    pins: &["package.json", "package-lock.json"],
    install: &[&["npm", "ci", "--no-audit", "--no-fund"]],
    build: &[
        "../node_modules/.bin/componentize-js",
        "tally.js",
        "--wit",
        "WIT",
        "--world-name",
        "domain",
        "--out",
        "OUT",
    ],
};

const PYTHON: Language = Language {
    folder: "python",
    sources: &["ledger.py", "aggregate.py"],
    pins: &["requirements.txt"],
    install: &[
        &["python3", "-m", "venv", "--clear", "venv"],
        &["venv/bin/pip", "install", "--quiet", "--requirement", "requirements.txt"],
    ],
    build: &[
        "../venv/bin/componentize-py",
        "--wit-path",
        "WIT",
        "--world",
        "domain",
        "componentize",
        "ledger",
        "--output",
        "OUT",
    ],
};

/// Debian's package of a program that has to be there.
const PACKAGES: [(&str, &[&str]); 3] =
    [("node", &["nodejs"]), ("npm", &["npm"]), ("python3", &["python3", "python3-venv"])];

/// The components of [`VERSIONS`] in JavaScript.
pub(crate) static TALLY: LazyLock<[PathBuf; 2]> = LazyLock::new(|| built(&JAVASCRIPT));
/// The components of [`VERSIONS`] in Python.
pub(crate) static LEDGER: LazyLock<[PathBuf; 2]> = LazyLock::new(|| built(&PYTHON));

/// Builds what is not there yet, both versions side by side.
fn built(language: &Language) -> [PathBuf; 2] {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign_guests").join(language.folder);
    fs::create_dir_all(&home).unwrap();
    // Another run of the tests on the same folder waits until this one has built.
    let lock = fs::File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();
    let inputs = language.sources.iter().chain(language.pins).map(|name| source(language, name));
    let contract = fs::read_to_string(Path::new(ROOT).join("wit/cantus.wit")).unwrap();
    let key = Digest::of(inputs.chain([contract, language.build.join(" ")]).collect::<String>().as_bytes()).short();
    let outputs = VERSIONS.map(|version| home.join(format!("{version}-{key}.wasm")));
    if !outputs.iter().all(|output| output.exists()) {
        install(language, &home);
        remove_earlier(&home);
        let builds = [0, 1].map(|at| start_build(language, &home, VERSIONS[at], &outputs[at]));
        builds.into_iter().for_each(Build::finish);
    }
    outputs
}

/// Removes what was built from other sources: a component has 12 to 20 MB.
fn remove_earlier(home: &Path) {
    let files = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "wasm"))
        .for_each(|path| fs::remove_file(path).unwrap());
}

fn source(language: &Language, name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("tests/guests").join(language.folder).join(name)).unwrap()
}

/// Installs the tool, unless just this one is installed.
fn install(language: &Language, home: &Path) {
    let pins: String = language.pins.iter().map(|name| source(language, name)).collect();
    let installed = home.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|is| is == pins) {
        return;
    }
    for name in language.pins {
        fs::write(home.join(name), source(language, name)).unwrap();
    }
    for (program, packages) in PACKAGES {
        provide(program, packages);
    }
    for step in language.install {
        run(Command::new(step[0]).args(&step[1..]).current_dir(home));
    }
    fs::write(&installed, pins).unwrap();
}

/// Installs the Debian packages of a program that is missing, where that can be done.
fn provide(program: &str, packages: &[&str]) {
    let is_there = || Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if is_there() {
        return;
    }
    let _ = Command::new("apt-get").args(["install", "--yes", "--no-install-recommends"]).args(packages).output();
    assert!(
        is_there(),
        "the tests of guests in other languages need `{program}`, which is missing and could not be installed: \
         on Debian, as root, `apt-get install {}`",
        packages.join(" ")
    );
}

/// A build that goes on.
struct Build {
    command: Command,
    child: std::process::Child,
    aside: PathBuf,
    output: PathBuf,
}

fn start_build(language: &Language, home: &Path, version: &str, output: &Path) -> Build {
    let folder = home.join(version);
    fs::create_dir_all(&folder).unwrap();
    for name in language.sources {
        let text = source(language, name).replace(VERSIONS[0], version);
        fs::write(folder.join(name), text).unwrap();
    }
    let aside = folder.join("built.wasm");
    let wit = Path::new(ROOT).join("wit");
    let path = |word: &&str| match *word {
        "WIT" => wit.clone().into_os_string(),
        "OUT" => aside.clone().into_os_string(),
        word => word.into(),
    };
    let mut command = Command::new(folder.join(language.build[0]));
    command.args(language.build[1..].iter().map(path)).current_dir(&folder);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Build { command, child, aside, output: output.to_owned() }
}

impl Build {
    fn finish(self) {
        check(&self.command, &self.child.wait_with_output().unwrap());
        fs::rename(self.aside, self.output).unwrap();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    check(command, &output);
}

fn check(command: &Command, output: &std::process::Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success(), "{command:?} failed, {}:\n{stdout}\n{stderr}", output.status);
}
