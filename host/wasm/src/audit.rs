//! What a component may import and must export, checked before it runs for the first time.

use crate::{
    LoadError,
    surface::{Surface, split},
    wasi::stubs::STUBS,
};

const CONTRACT: &str = "cantus:domain/";
const CONTRACT_VERSION: &str = "0.1";
const TYPES: &str = "cantus:domain/types";
const REQUIRED: [&str; 2] = ["cantus:domain/plugin", "cantus:domain/aggregate"];

/// Interfaces that the sandbox answers, from the command's context or with nothing. Versions 0.2.x only, as of [`STUBS`].
const ANSWERED: [&str; 18] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Imports that a refusal names.
const NAMED: usize = 20;

/// Refuses imports outside the allow-list, naming them, and exports that are not the contract.
pub(crate) fn check(surface: &Surface) -> Result<(), LoadError> {
    check_imports(&surface.imports)?;
    check_exports(&surface.interfaces)
}

fn check_imports(imports: &[String]) -> Result<(), LoadError> {
    let refused: Vec<&str> = imports.iter().map(String::as_str).filter(|name| !is_allowed(name)).collect();
    let Some(first) = refused.first() else { return Ok(()) };
    if refused.iter().all(|import| split(import).0 == TYPES) {
        return Err(other_contract(TYPES, first));
    }
    Err(LoadError::RefusedImport { import: names(&refused), why: why_all(&refused) })
}

/// The names, for a message that puts the whole between backticks.
fn names(imports: &[&str]) -> String {
    let named = imports[..imports.len().min(NAMED)].join("`, `");
    match imports.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}`, `… ({more} more)"),
    }
}

/// The reason that they share, or what holds for any of them.
fn why_all(imports: &[&str]) -> &'static str {
    let mut reasons: Vec<&str> = imports.iter().map(|import| why_refused(import)).collect();
    reasons.sort_unstable();
    reasons.dedup();
    match reasons[..] {
        [] | [_] => imports.first().map_or("", |import| why_refused(import)),
        _ => {
            "only clocks, randomness and output are answered, all from the command's context; put other data into the command"
        }
    }
}

fn is_allowed(name: &str) -> bool {
    let (interface, version) = split(name);
    match interface.strip_prefix(CONTRACT) {
        Some(_) => interface == TYPES && is_contract_version(version),
        None => {
            let is_known = ANSWERED.contains(&interface) || STUBS.contains(&interface);
            is_known && version.is_some_and(|version| version.starts_with("0.2."))
        }
    }
}

fn why_refused(import: &str) -> &'static str {
    match import {
        _ if import.starts_with("wasi:sockets/") => "decisions do no network I/O; put the data into the command",
        _ if import.starts_with("wasi:http/") => "decisions make no HTTP requests; put the data into the command",
        _ if import.starts_with("wasi:filesystem/") => "decisions read no files; put the data into the command",
        _ if import.starts_with(CONTRACT) => "a plugin exports the contract and imports nothing of it but its types",
        _ => "only clocks, randomness and output are answered, all from the command's context",
    }
}

/// Refuses a component that exports no contract, or another version of it.
fn check_exports(interfaces: &[String]) -> Result<(), LoadError> {
    for required in REQUIRED {
        let Some(found) = interfaces.iter().find(|name| split(name).0 == required) else {
            return Err(LoadError::MissingExport(format!("{required}@{CONTRACT_VERSION}")));
        };
        if !is_contract_version(split(found).1) {
            return Err(other_contract(required, found));
        }
    }
    Ok(())
}

fn other_contract(interface: &str, found: &str) -> LoadError {
    LoadError::OtherContract { found: found.to_owned(), wanted: format!("{interface}@{CONTRACT_VERSION}.x") }
}

fn is_contract_version(version: Option<&str>) -> bool {
    version.and_then(|version| version.rsplit_once('.')).is_some_and(|(minor, _)| minor == CONTRACT_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allow_list_goes_by_interface_and_version() {
        assert!(is_allowed("wasi:io/streams@0.2.6"));
        assert!(is_allowed("wasi:random/insecure-seed@0.2.0"));
        assert!(is_allowed("wasi:filesystem/types@0.2.12"));
        assert!(is_allowed("cantus:domain/types@0.1.7"));
        for refused in [
            "wasi:io/streams@0.3.0",
            "wasi:io/streams",
            "wasi:sockets/tcp@0.3.0",
            "wasi:http/incoming-handler@0.2.0",
            "wasi:keyvalue/store@0.2.0",
            "cantus:domain/types@0.2.0",
            "cantus:domain/plugin@0.1.0",
            "env",
        ] {
            assert!(!is_allowed(refused), "{refused}");
        }
    }

    fn refused(imports: &[&str]) -> String {
        let imports: Vec<String> = imports.iter().map(ToString::to_string).collect();
        check_imports(&imports).map_or_else(|error| error.to_string(), |()| "taken".to_owned())
    }

    #[test]
    fn all_that_is_refused_is_named() {
        assert_eq!(
            refused(&["wasi:sockets/tcp@0.3.0", "wasi:io/poll@0.2.0", "wasi:sockets/udp@0.3.0"]),
            "it imports `wasi:sockets/tcp@0.3.0`, `wasi:sockets/udp@0.3.0`, which a guest may not have: decisions do no \
             network I/O; put the data into the command"
        );
        assert_eq!(
            refused(&["wasi:sockets/tcp@0.3.0", "wasi:http/client@0.3.0", "cantus:domain/types@0.2.0"]),
            "it imports `wasi:sockets/tcp@0.3.0`, `wasi:http/client@0.3.0`, `cantus:domain/types@0.2.0`, which a guest may \
             not have: only clocks, randomness and output are answered, all from the command's context; put other data \
             into the command"
        );
        assert!(refused(&["cantus:domain/types@0.2.0"]).starts_with("built for `cantus:domain/types@0.2.0`"));
        assert_eq!(refused(&["wasi:io/poll@0.2.0"]), "taken");
    }

    #[test]
    fn a_refusal_is_bounded() {
        let many: Vec<String> = (0..1_000).map(|n| format!("env:mine/i{n}@1.0.0")).collect();
        let message = refused(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(message.contains("`env:mine/i19@1.0.0`, `… (980 more)`, which"), "{message}");
        assert!(message.len() < 1_000, "{message}");
    }
}
