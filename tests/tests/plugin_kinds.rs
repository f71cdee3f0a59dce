//! Kinds of plugins: a component exports at least one that the host knows, and declares what it exports.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use cantus_model::{PluginKind, ports::HashSeed};
use cantus_tests::{guests, host};

/// The rogue guest in the text format, with `change` made to it.
fn rogue(change: impl FnOnce(String) -> String) -> Vec<u8> {
    let text = wasmprinter::print_bytes(guests::read(guests::ROGUE)).unwrap();
    let changed = change(text.clone());
    assert_ne!(changed, text, "the change finds nothing to change");
    wat::parse_str(changed).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    match host::runtime(&host::limits()).load(bytes) {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    }
}

/// Exports the instance of `aggregate` under another name too.
fn export_again(text: &str, name: &str) -> String {
    let is_export =
        |line: &&str| line.contains("(export ") && line.contains("\"cantus:domain/aggregate@0.1.0\" (instance ");
    let line = text.lines().find(is_export).expect("it exports `aggregate`");
    let (_, instance) = line.split_once("(instance ").expect("an instance");
    text.replacen(line, &format!("{line}\n(export \"{name}\" (instance {instance}"), 1)
}

#[test]
fn a_kind_of_a_newer_host_beside_a_known_one_is_ignored() {
    let bytes = rogue(|text| export_again(&text, "cantus:domain/publisher@0.1.5"));
    let component = host::runtime(&host::limits()).load(&bytes).unwrap();
    assert_eq!(component.manifest().kinds().collect::<Vec<_>>(), [PluginKind::Aggregate]);
    component.open_aggregates(HashSeed::default()).unwrap().restore("Rogue", "good", None).unwrap();
}

#[test]
fn kinds_of_a_newer_host_alone_are_refused_by_name() {
    let bytes = rogue(|text| text.replace("cantus:domain/aggregate@0.1.0", "cantus:domain/publisher@0.1.5"));
    assert_eq!(
        refusal(&bytes),
        "it exports `cantus:domain/publisher@0.1.5`, which this host does not know; this host runs \
         `cantus:domain/aggregate@0.1`: run a newer host, or rebuild the plugin for this one"
    );
}

#[test]
fn a_kind_that_is_exported_but_not_declared_is_refused_by_name() {
    assert_eq!(
        refusal(&guests::rogue("no-aggregate")),
        "its manifest is not acceptable: it exports `cantus:domain/aggregate` but declares no aggregate: declare one"
    );
}

/// It is found when the component is loaded, not when the first command comes.
#[test]
fn an_export_of_another_type_is_refused() {
    let message = refusal(&rogue(|text| text.replace(r#""snapshot-every""#, r#""snapshots-every""#)));
    assert!(message.starts_with("it does not fit this host: "), "{message}");
    assert!(message.ends_with(": rebuild it with the matching cantus-sdk"), "{message}");
    let message = refusal(&rogue(|text| text.replace(r#""causation-id""#, r#""cause-id""#)));
    assert!(message.starts_with("it does not fit this host: "), "{message}");
}
