//! Checks the imports and exports of a component before it runs for the first time.

use cantus_model::PluginKind;

use crate::{
    LoadError,
    contract::{CONTRACT, CONTRACT_VERSION, PLUGIN, TYPES, interface_of, is_contract_version, split},
    surface::Surface,
    wasi::stubs::STUBS,
};

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

/// Names that a refusal lists.
const NAMED: usize = 20;

/// The kinds of plugins that a component exports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExportedKinds {
    /// Those that this host can run: at least one.
    pub(crate) known: Vec<PluginKind>,
    /// Interfaces of the contract that this host does not know. A newer host may.
    pub(crate) unknown: Vec<String>,
}

/// Refuses imports outside the allow-list, naming them, and exports that are not the contract.
pub(crate) fn check(surface: &Surface) -> Result<ExportedKinds, LoadError> {
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

/// Joins the names for a message that puts the whole between backticks.
fn names(imports: &[&str]) -> String {
    let named = imports[..imports.len().min(NAMED)].join("`, `");
    match imports.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}`, `… ({more} more)"),
    }
}

/// Returns the reason that all of them share, or a general one.
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

/// Refuses a component that exports no contract, another version of it, or no kind of plugin that this host can run.
///
/// Other exports beside a known kind are not refused: a host that went back to an older version still runs the aggregates of a
/// plugin that has more by now.
fn check_exports(interfaces: &[String]) -> Result<ExportedKinds, LoadError> {
    if !exports(interfaces, PLUGIN)? {
        return Err(LoadError::MissingExport(format!("{PLUGIN}@{CONTRACT_VERSION}")));
    }
    let mut known = Vec::new();
    let mut expected = vec![PLUGIN.to_owned(), TYPES.to_owned()];
    for kind in PluginKind::ALL {
        let interface = interface_of(*kind);
        if exports(interfaces, &interface)? {
            known.push(*kind);
        }
        expected.push(interface);
    }
    let of_contract = interfaces.iter().filter(|name| name.starts_with(CONTRACT));
    let unknown: Vec<String> =
        of_contract.filter(|name| !expected.iter().any(|of| of == split(name).0)).cloned().collect();
    match (known.is_empty(), unknown.is_empty()) {
        (true, true) => Err(LoadError::NoKind { known: kinds_of_host() }),
        (true, false) => {
            let found: Vec<&str> = unknown.iter().map(String::as_str).collect();
            Err(LoadError::UnknownKind { found: names(&found), known: kinds_of_host() })
        }
        (false, _) => Ok(ExportedKinds { known, unknown }),
    }
}

/// Reports whether an interface is exported in the version of this host. An export in other versions alone is an error.
fn exports(interfaces: &[String], wanted: &str) -> Result<bool, LoadError> {
    let versions = || interfaces.iter().filter(|name| split(name).0 == wanted);
    match versions().next() {
        None => Ok(false),
        Some(_) if versions().any(|name| is_contract_version(split(name).1)) => Ok(true),
        Some(other) => Err(other_contract(wanted, other)),
    }
}

/// The interfaces of the kinds that this host can run, for a message that puts the whole between backticks.
fn kinds_of_host() -> String {
    let interfaces = PluginKind::ALL.iter().map(|kind| format!("{}@{CONTRACT_VERSION}", interface_of(*kind)));
    interfaces.collect::<Vec<_>>().join("`, `")
}

fn other_contract(interface: &str, found: &str) -> LoadError {
    LoadError::OtherContract { found: found.to_owned(), wanted: format!("{interface}@{CONTRACT_VERSION}.x") }
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

    fn exported(interfaces: &[&str]) -> Result<ExportedKinds, String> {
        let interfaces: Vec<String> = interfaces.iter().map(ToString::to_string).collect();
        check_exports(&interfaces).map_err(|error| error.to_string())
    }

    #[test]
    fn one_known_kind_is_enough() {
        let known = vec![PluginKind::Aggregate];
        let both = ["cantus:domain/plugin@0.1.0", "cantus:domain/aggregate@0.1.3"];
        assert_eq!(exported(&both), Ok(ExportedKinds { known: known.clone(), unknown: vec![] }));
        let publisher = "cantus:domain/publisher@0.1.3";
        let more = exported(&[both[0], publisher, both[1], "acme:extra/report@1.0.0"]);
        assert_eq!(more, Ok(ExportedKinds { known: known.clone(), unknown: vec![publisher.into()] }));
        let of_two_versions = exported(&[both[0], both[1], "cantus:domain/aggregate@0.2.0"]);
        assert_eq!(of_two_versions, Ok(ExportedKinds { known, unknown: vec![] }));
    }

    #[test]
    fn no_known_kind_is_refused_by_name() {
        assert_eq!(
            exported(&["cantus:domain/plugin@0.1.0", "cantus:domain/publisher@0.1.3", "cantus:domain/adaptor@0.1.3"]),
            Err("it exports `cantus:domain/publisher@0.1.3`, `cantus:domain/adaptor@0.1.3`, which this host does not know; \
                 this host runs `cantus:domain/aggregate@0.1`: run a newer host, or rebuild the plugin for this one"
                .into())
        );
        assert_eq!(
            exported(&["cantus:domain/plugin@0.1.0", "cantus:domain/types@0.1.0"]),
            Err("it exports no kind of plugin; this host runs `cantus:domain/aggregate@0.1`: is there an #[aggregate] in \
                 its crate?"
                .into())
        );
        let other = exported(&["cantus:domain/plugin@0.1.0", "cantus:domain/aggregate@0.2.0"]);
        assert!(other.is_err_and(|error| error.starts_with("built for `cantus:domain/aggregate@0.2.0`")));
    }
}
