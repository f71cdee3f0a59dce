//! Builds the crate of a plugin with cargo.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::exit_codes::{CliError, Exit};

const TARGET: &str = "wasm32-wasip2";

/// Compiles the crate in `dir` and returns the component's path. cargo's own messages go to stderr.
///
/// # Errors
/// If cargo or the target is missing, the build fails, or the crate is not that of a component.
pub(super) fn build(dir: &Path) -> Result<PathBuf, CliError> {
    let manifest = dir.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(|error| {
        let advice = "give the folder of a plugin's crate, or create one with `cantus plugin new`";
        CliError::new(Exit::Usage, format!("{}: {error}: {advice}", manifest.display()))
    })?;
    check_target(dir)?;
    let output = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"])
        .current_dir(dir)
        .stderr(Stdio::inherit())
        .output();
    let output = output.map_err(missing("cargo"))?;
    if !output.status.success() {
        return Err(CliError::new(
            Exit::Build,
            format!("cargo could not build {}; its messages are above", dir.display()),
        ));
    }
    component(&output.stdout, &manifest)
}

/// Checks that the toolchain of `dir` has the standard library of the target, which is a folder.
fn check_target(dir: &Path) -> Result<(), CliError> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(dir)
        .stderr(Stdio::inherit())
        .output()
        .map_err(missing("rustc"))?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&folder).is_dir() {
        return Ok(());
    }
    let message =
        format!("the target {TARGET} is not installed: run `rustup target add {TARGET}` in {}", dir.display());
    Err(CliError::new(Exit::Build, message))
}

fn missing(program: &'static str) -> impl FnOnce(io::Error) -> CliError {
    move |error| match error.kind() {
        io::ErrorKind::NotFound => {
            CliError::new(Exit::Build, format!("{program} is not installed: get Rust from https://rustup.rs"))
        }
        _ => CliError::new(Exit::Build, format!("{program} cannot be started: {error}")),
    }
}

#[derive(Deserialize)]
struct CompilerArtifact {
    manifest_path: PathBuf,
    target: ArtifactTarget,
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct ArtifactTarget {
    kind: Vec<String>,
}

/// Finds the component among cargo's messages, one JSON object a line.
fn component(messages: &[u8], manifest: &Path) -> Result<PathBuf, CliError> {
    messages
        .split(|byte| *byte == b'\n')
        // Messages of other kinds have other fields.
        .filter_map(|line| serde_json::from_slice::<CompilerArtifact>(line).ok())
        .filter(|artifact| {
            artifact.manifest_path == manifest && artifact.target.kind.iter().any(|kind| kind == "cdylib")
        })
        .flat_map(|artifact| artifact.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
        .ok_or_else(|| {
            let message = format!(
                "the package of {} builds no component: its manifest needs\n  [lib]\n  crate-type = [\"cdylib\", \"rlib\"]",
                manifest.display()
            );
            CliError::new(Exit::Build, message)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_component_is_found_among_the_messages() {
        let messages = br#"{"reason":"build-script-executed","package_id":"x"}
{"reason":"compiler-artifact","manifest_path":"/dep/Cargo.toml","target":{"kind":["cdylib"]},"filenames":["/t/dep.wasm"]}
{"reason":"compiler-artifact","manifest_path":"/a/Cargo.toml","target":{"kind":["cdylib","rlib"]},"filenames":["/t/liba.rlib","/t/a.wasm"]}
{"reason":"build-finished","success":true}"#;
        assert_eq!(component(messages, Path::new("/a/Cargo.toml")).unwrap(), Path::new("/t/a.wasm"));
        let failure = component(messages, Path::new("/b/Cargo.toml")).unwrap_err();
        assert!(failure.error.to_string().contains("crate-type"), "{}", failure.error);
    }

    #[test]
    fn a_folder_without_a_crate_is_refused() {
        let failure = build(Path::new("/no/such/crate")).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
    }
}
