//! `cantus plugin new NAME`: creates a Rust crate for a plugin, with tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    args::GlobalArgs,
    exit_codes::{CliError, Exit, OrExit},
    output,
};

const EXAMPLES: &str = "\
Examples:
  cantus plugin new hello
  cantus plugin new loyalty-points --path examples/loyalty

Then:
  cd hello && cargo test            # runs its tests natively, without WebAssembly
  cantus plugin build hello         # builds plugins/hello.wasm";

/// The SDK in the repository that this binary was built from, because the SDK is not published yet.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk");

/// The files of the crate. `{{name}}`, `{{crate}}`, `{{Aggregate}}` and `{{sdk}}` are replaced.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("../../../templates/Cargo.toml.template")),
    ("src/lib.rs", include_str!("../../../templates/lib.rs.template")),
    ("src/tests.rs", include_str!("../../../templates/tests.rs.template")),
    // The toolchain that built this binary, which is installed already.
    ("rust-toolchain.toml", include_str!("../../../../../rust-toolchain.toml")),
    (".gitignore", include_str!("../../../templates/gitignore.template")),
    ("README.md", include_str!("../../../templates/README.md.template")),
];

/// Names that would hide a name of Rust, of the SDK or of the template.
const RESERVED_NAMES: [&str; 22] = [
    "add",
    "added",
    "add-error",
    "aggregate",
    "box",
    "command",
    "context",
    "core",
    "err",
    "event",
    "events",
    "none",
    "ok",
    "option",
    "plugin",
    "rejection",
    "result",
    "some",
    "std",
    "string",
    "timestamp",
    "vec",
];

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The name of the plugin: lower-case letters, digits and hyphens
    #[arg(value_parser = check_name)]
    name: String,
    /// The folder of the new crate [default: a folder of that name in the current folder]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

/// Writes the crate.
///
/// # Errors
/// If the folder exists and is not empty, or the SDK is missing.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let folder = args.path.clone().unwrap_or_else(|| args.name.clone().into());
    let sdk = sdk(Path::new(SDK))?;
    let occupied = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || folder.is_file() {
        let message = format!("{} exists already: choose another folder with --path", folder.display());
        return Err(CliError::new(Exit::Usage, message));
    }
    for (name, template) in FILES {
        let path = folder.join(name);
        let written = fs::create_dir_all(path.parent().unwrap_or(&folder))
            .and_then(|()| fs::write(&path, fill(template, &args.name, &sdk)));
        written.or_exit_with(Exit::Machine, || path.display().to_string())?;
    }
    if global.json {
        output::print_json(&json!({"name": args.name, "path": folder, "sdk": sdk}))?;
    } else {
        output::print(&created_text(&args.name, &folder, &sdk))?;
    }
    Ok(Exit::Ok)
}

fn created_text(name: &str, folder: &Path, sdk: &str) -> String {
    let folder = folder.display();
    let aggregate = pascal_case(name);
    format!(
        "created {folder}; it uses the SDK in {sdk}, because cantus-sdk is not published yet\n\n\
         next:\n  \
         (cd {folder} && cargo test)\n  \
         cantus plugin build {folder}\n  \
         echo '{{\"aggregate\":\"{aggregate}\",\"aggregate_id\":\"a\",\"command\":\"Add\",\"payload\":{{\"amount\":1}}}}' \
         | cantus run --commands - --outcomes -\n  \
         cantus state {aggregate} a\n"
    )
}

fn sdk(path: &Path) -> Result<String, CliError> {
    let path = path.canonicalize().or_exit_with(Exit::Usage, || {
        format!(
            "the SDK is not published yet, and the repository that this binary was built from is missing ({}): \
             clone Cantus again and build `cantus` there",
            path.display()
        )
    })?;
    Ok(path.display().to_string())
}

fn fill(template: &str, name: &str, sdk: &str) -> String {
    template
        .replace("{{name}}", name)
        .replace("{{crate}}", &name.replace('-', "_"))
        .replace("{{Aggregate}}", &pascal_case(name))
        .replace("{{sdk}}", &sdk.replace('\\', "\\\\").replace('"', "\\\""))
}

fn pascal_case(name: &str) -> String {
    let capital = |word: &str| word.chars().next().map(|first| first.to_uppercase().to_string() + &word[1..]);
    name.split('-').filter_map(capital).collect()
}

fn check_name(name: &str) -> Result<String, String> {
    let words_are_complete = name.split('-').all(|word| !word.is_empty());
    let is_allowed = name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-');
    if !is_allowed || !words_are_complete || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(
            "use lower-case letters, digits and single hyphens, and begin with a letter: `loyalty-points`".into()
        );
    }
    if name.len() > 60 {
        return Err("use at most 60 characters".into());
    }
    if RESERVED_NAMES.contains(&name) || is_reserved(name) {
        return Err(format!("`{name}` is a name of Rust or of the SDK: choose another one"));
    }
    Ok(name.to_owned())
}

/// Rust's reserved words, and the crate names that cargo refuses.
fn is_reserved(name: &str) -> bool {
    const WORDS: &str = "abstract alloc as async await become box break const continue crate do dyn else enum extern \
        false final fn for gen if impl in let loop macro match mod move mut override priv proc-macro pub ref return self \
        static struct super test trait true try type typeof unsafe unsized use virtual where while yield";
    WORDS.split_whitespace().any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["hello", "loyalty-points", "a1"] {
            assert_eq!(check_name(name).as_deref(), Ok(name));
        }
        for name in ["", "Hello", "1a", "a--b", "-a", "a-", "a_b", "../a", "a b", "é", "match", "option", "test"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"a".repeat(61)).is_err());
    }

    #[test]
    fn templates_are_filled_completely() {
        for (file, template) in FILES {
            let text = fill(template, "loyalty-points", "/sdk");
            assert!(!text.contains("{{"), "{file}: {text}");
        }
        assert_eq!(pascal_case("loyalty-points2"), "LoyaltyPoints2");
    }

    #[test]
    fn a_missing_repository_is_explained() {
        let failure = sdk(Path::new("/no/such/folder")).err();
        assert!(failure.is_some_and(|failure| failure.error.to_string().contains("clone Cantus again")));
    }
}
