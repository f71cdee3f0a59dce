//! `cantus plugin new NAME`: a Rust crate that builds and tests.

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
  cd hello && cargo test            tests it natively, without WebAssembly
  cantus plugin build hello         builds it into plugins/hello.wasm";

/// The checkout that this binary was built from: where the SDK is until it is published.
const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk");

/// What goes where. `{{name}}`, `{{crate}}`, `{{Aggregate}}` and `{{sdk}}` are filled in.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("../../../templates/Cargo.toml.template")),
    ("src/lib.rs", include_str!("../../../templates/lib.rs.template")),
    ("src/tests.rs", include_str!("../../../templates/tests.rs.template")),
    // The compiler that built this binary, so it is there already.
    ("rust-toolchain.toml", include_str!("../../../../../rust-toolchain.toml")),
    (".gitignore", include_str!("../../../templates/gitignore.template")),
    ("README.md", include_str!("../../../templates/README.md.template")),
];

/// Names that would hide one of Rust's own, or one of the template's.
const TAKEN: [&str; 22] = [
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

/// Its arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The plugin's name: lower-case letters, digits and hyphens
    #[arg(value_parser = check_name)]
    name: String,
    /// Where to put it [default: a folder of that name, here]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

/// Writes the crate.
///
/// # Errors
/// If the folder is there already, or the SDK is not.
pub(crate) fn run(args: &Args, global: &GlobalArgs) -> Result<Exit, CliError> {
    let folder = args.path.clone().unwrap_or_else(|| args.name.clone().into());
    let sdk = sdk(Path::new(SDK))?;
    let occupied = fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    if occupied || folder.is_file() {
        let message = format!("{} is there already: choose another --path", folder.display());
        return Err(CliError::new(Exit::Usage, message));
    }
    for (name, template) in FILES {
        let path = folder.join(name);
        let written = fs::create_dir_all(path.parent().unwrap_or(&folder))
            .and_then(|()| fs::write(&path, fill(template, &args.name, &sdk)));
        written.or_exit_while(Exit::Machine, || path.display().to_string())?;
    }
    if global.json {
        output::print_json(&json!({"name": args.name, "path": folder, "sdk": sdk}))?;
    } else {
        output::print(&text(&args.name, &folder, &sdk))?;
    }
    Ok(Exit::Ok)
}

fn text(name: &str, folder: &Path, sdk: &str) -> String {
    let folder = folder.display();
    let aggregate = pascal_case(name);
    format!(
        "made {folder}, whose SDK is this checkout's, until cantus-sdk is published: {sdk}\n\n\
         next:\n  \
         (cd {folder} && cargo test)\n  \
         cantus plugin build {folder}\n  \
         echo '{{\"aggregate\":\"{aggregate}\",\"aggregate_id\":\"a\",\"command\":\"Add\",\"payload\":{{\"amount\":1}}}}' \
         | cantus run --commands - --outcomes -\n  \
         cantus state {aggregate} a\n"
    )
}

fn sdk(path: &Path) -> Result<String, CliError> {
    let path = path.canonicalize().or_exit_while(Exit::Usage, || {
        format!(
            "the SDK is not published yet, and the checkout that this binary was built from is gone ({}): \
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
    let words_are_whole = name.split('-').all(|word| !word.is_empty());
    let known = name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-');
    if !known || !words_are_whole || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err("use lower-case letters, digits and single hyphens, a letter first: `loyalty-points`".into());
    }
    if name.len() > 60 {
        return Err("use at most 60 characters".into());
    }
    if TAKEN.contains(&name) || is_reserved(name) {
        return Err(format!("`{name}` means something in Rust or in the SDK already: choose another"));
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
    fn templates_are_filled_whole() {
        for (file, template) in FILES {
            let text = fill(template, "loyalty-points", "/sdk");
            assert!(!text.contains("{{"), "{file}: {text}");
        }
        assert_eq!(pascal_case("loyalty-points2"), "LoyaltyPoints2");
    }

    #[test]
    fn a_checkout_that_is_gone_is_explained() {
        let failure = sdk(Path::new("/no/such/folder")).err();
        assert!(failure.is_some_and(|failure| failure.error.to_string().contains("clone Cantus again")));
    }
}
