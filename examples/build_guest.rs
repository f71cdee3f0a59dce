//! Compiles an example to a component from a build script. Included by path: `host/cli` embeds the bank for
//! `cantus bench`, and `tests` needs them all.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Builds the package in `folder` for wasm32-wasip2, in a target folder of its own inside ours, and returns the path
/// of the component. `library` is the name of the package's library.
pub(crate) fn build(folder: &Path, library: &str) -> PathBuf {
    let target = target_dir().join("guests");
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    // What was meant for the host: flags, wrappers, the job server, the target.
    for (key, _) in env::vars_os() {
        let key = key.to_string_lossy().into_owned();
        let ours = ["CARGO_HOME", "CARGO_NET", "CARGO_HTTP", "CARGO_REGISTRIES", "CARGO_TERM"];
        if (key.starts_with("CARGO") || key.starts_with("RUSTC") || key == "RUSTFLAGS" || key == "TARGET")
            && !ours.iter().any(|prefix| key.starts_with(prefix))
        {
            cargo.env_remove(key);
        }
    }
    let status = cargo
        .args(["build", "--release", "--lib", "--target", "wasm32-wasip2", "--target-dir"])
        .arg(&target)
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "building {} failed: is the target installed? `rustup target add wasm32-wasip2`",
        folder.display()
    );
    target.join("wasm32-wasip2/release").join(format!("{library}.wasm"))
}

/// Tells cargo to run the build script again when one of these changes.
pub(crate) fn watch(paths: &[PathBuf]) {
    for path in paths {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// `OUT_DIR` is `target/PROFILE/build/PACKAGE-HASH/out`.
fn target_dir() -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    out.ancestors().nth(4).expect("OUT_DIR is deep in the target folder").to_owned()
}
