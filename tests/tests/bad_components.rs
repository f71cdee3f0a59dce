//! Files that are no plugin: each is refused with a reason, and nothing else happens.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use cantus_tests::{guests, host};
use cantus_wasm::{ComponentFolder, Limits, LoadError, Runtime};

fn refusal(runtime: &Runtime, bytes: &[u8]) -> LoadError {
    match runtime.load(bytes) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error,
    }
}

fn runtime() -> Runtime {
    Runtime::new(&host::limits(), None).unwrap()
}

/// A component in the text format.
fn component(body: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {body})")).unwrap()
}

#[test]
fn whatever_is_no_component_is_refused_with_a_reason() {
    let runtime = runtime();
    let interfaces = |version: &str| {
        component(&format!(
            r#"(instance $i) (export "cantus:domain/plugin@{version}" (instance $i))
               (export "cantus:domain/aggregate@{version}" (instance $i))"#
        ))
    };
    let cases = [
        ("empty", vec![]),
        ("text", b"#!/bin/sh\necho I am a plugin\n".to_vec()),
        ("zeroes", vec![0; 4_096]),
        ("a magic number alone", b"\0asm".to_vec()),
        ("an unknown layer", b"\0asm\x0d\0\x07\0".to_vec()),
        ("a header alone", b"\0asm\x0d\0\x01\0".to_vec()),
        ("garbage behind a header", [b"\0asm\x0d\0\x01\0".as_slice(), &[0xff; 64]].concat()),
        ("a core module", wat::parse_str("(module (func (export \"f\")))").unwrap()),
        ("an ELF file", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec()),
        ("no contract", component("")),
        ("half a contract", component(r#"(instance $i) (export "cantus:domain/plugin@0.1.0" (instance $i))"#)),
        ("a contract to come", interfaces("0.2.0")),
        (
            "a contract without a version",
            component(
                r#"(instance $i) (export "cantus:domain/plugin" (instance $i))
               (export "cantus:domain/aggregate" (instance $i))"#,
            ),
        ),
        ("a contract in name only", interfaces("0.1.0")),
        ("sockets", component(r#"(import "wasi:sockets/tcp@0.3.0" (instance))"#)),
        (
            "sockets, a clock and files",
            component(
                r#"(import "wasi:sockets/tcp@0.3.0" (instance)) (import "wasi:clocks/wall-clock@0.2.0" (instance))
                   (import "wasi:filesystem/types@0.3.0" (instance))"#,
            ),
        ),
        ("http", component(r#"(import "wasi:http/incoming-handler@0.2.0" (instance))"#)),
        ("files", component(r#"(import "wasi:filesystem/types@0.3.0" (instance))"#)),
        ("a database", component(r#"(import "wasi:keyvalue/store@0.2.0" (instance))"#)),
        ("something unknown", component(r#"(import "acme:teleport/beam@1.0.0" (instance))"#)),
        ("a plain function", component(r#"(import "host-print" (func))"#)),
        ("another version of WASI", component(r#"(import "wasi:io/streams@0.3.0" (instance))"#)),
        ("its own contract", component(r#"(import "cantus:domain/aggregate@0.1.0" (instance))"#)),
        (
            "a known import in another shape",
            component(
                r#"(import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (result string)))))
               (instance $i) (export "cantus:domain/plugin@0.1.0" (instance $i))
               (export "cantus:domain/aggregate@0.1.0" (instance $i))"#,
            ),
        ),
        ("much memory", component("(core module $m (memory 1000)) (core instance (instantiate $m))")),
        ("many memories", component(&format!("(core module $m {})", "(memory 1)".repeat(20)))),
    ];
    let refused = cases.map(|(name, bytes)| format!("{name}\n  {}", refusal(&runtime, &bytes)));
    insta::with_settings!({ filters => vec![(r"\(at offset 0x[0-9a-f]+\)", "(at offset …)")] }, {
        insta::assert_snapshot!(refused.join("\n"));
    });
}

#[test]
fn a_plugin_cut_off_anywhere_is_refused() {
    let runtime = runtime();
    let whole = guests::read(guests::ROGUE);
    let lengths = (0..64).chain((64..whole.len()).step_by(whole.len() / 150)).chain([whole.len() - 1]);
    for length in lengths {
        let error = refusal(&runtime, &whole[..length]);
        assert!(
            matches!(
                error,
                LoadError::Empty | LoadError::NotWasm | LoadError::Invalid(_) | LoadError::MissingExport(_)
            ),
            "{length} bytes: {error}"
        );
    }
}

#[test]
fn what_describes_itself_badly_is_refused() {
    let runtime = host::runtime(&host::limits());
    assert_eq!(runtime.load(&guests::rogue("good")).unwrap().manifest().name, "rogue");
    let modes = [
        "loop",
        "panic",
        "huge",
        "no-semver",
        "no-name",
        "odd-name",
        "no-aggregate",
        "two-aggregates",
        "aggregate-unnamed",
        "command-unnamed",
        "command-twice",
        "event-twice",
        "long-event-name",
        "version-zero",
        "produces-unknown",
        "upcasts-to-unknown",
        "upcasts-back",
        "no-schema",
        "no-format",
    ];
    let refused = modes.map(|mode| {
        let bytes = guests::rogue(mode);
        let digest = cantus_model::Digest::of(&bytes).short();
        format!("{mode}\n  {}", refusal(&runtime, &bytes)).replace(&digest, "DIGEST")
    });
    insta::with_settings!({ filters => vec![(r"src/lib.rs:\d+:\d+", "src/lib.rs")] }, {
        insta::assert_snapshot!(refused.join("\n"));
    });
}

/// It would say something else each time, if it had a clock or randomness to do so by.
#[test]
fn a_guest_cannot_describe_itself_differently_each_time() {
    let load = || host::runtime(&host::limits()).load(&guests::rogue("moody")).unwrap().manifest().clone();
    let first = load();
    assert_eq!(first.version.major, 1);
    assert_eq!(load(), first);
}

#[test]
fn compiled_code_is_never_taken_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new(&host::limits(), Some(folder.path())).unwrap();
    runtime.load(&guests::read(guests::ROGUE)).unwrap();
    let entry = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    let cached = std::fs::read(entry.path()).unwrap();
    let compiled = &cached[32..];
    assert!(matches!(refusal(&runtime, compiled), LoadError::Compiled));
    assert!(matches!(refusal(&runtime, &cached), LoadError::NotWasm));
}

#[test]
fn a_damaged_cache_entry_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = guests::read(guests::ROGUE);
    let load = || Runtime::new(&host::limits(), Some(folder.path())).unwrap().load(&plugin).unwrap().digest();
    let digest = load();
    let entry = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let good = std::fs::read(&entry).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    // Rightly summed up, and still no compiled code.
    let nonsense = [cantus_model::Digest::of(b"nonsense").as_bytes().as_slice(), b"nonsense"].concat();
    for damage in [vec![], good[..16].to_vec(), good[..good.len() / 2].to_vec(), flipped, nonsense] {
        std::fs::write(&entry, &damage).unwrap();
        assert_eq!(load(), digest);
        assert_eq!(std::fs::read(&entry).unwrap().len(), good.len(), "it was not written anew");
    }
    std::fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(load(), digest);
}

/// Somebody frees space under a running host: what is compiled from then on is kept again.
#[test]
fn a_cache_that_was_deleted_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let compiled = folder.path().join("compiled");
    let runtime = Runtime::new(&host::limits(), Some(&compiled)).unwrap();
    let plugin = guests::read(guests::ROGUE);
    for _ in 0..2 {
        runtime.load(&plugin).unwrap();
        assert_eq!(std::fs::read_dir(&compiled).unwrap().count(), 1);
        std::fs::remove_dir_all(&compiled).unwrap();
    }
}

#[test]
fn a_component_over_the_limit_is_not_even_compiled() {
    let plugin = guests::read(guests::ROGUE);
    let limits = Limits { component_bytes: plugin.len() - 1, ..host::limits() };
    let error = refusal(&Runtime::new(&limits, None).unwrap(), &plugin);
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("wasm.component_bytes"), "{error}");
}

#[test]
fn instantiation_is_bounded_too() {
    let limits = Limits { call_timeout_ms: 100, ..host::limits() };
    let runtime = Runtime::new(&limits, None).unwrap();
    let text = wasmprinter::print_bytes(guests::read(guests::ROGUE)).unwrap();
    // A start function runs before anything else.
    for (body, reason) in [
        ("(loop (br 0))", "stopped after 100 ms"),
        ("unreachable", "unreachable"),
        ("(call $start)", "it used up its stack"),
        ("(drop (memory.grow (i32.const 60000)))", "more than 33554432 bytes of memory"),
    ] {
        let start = format!("(func $start {body}) (start $start) (data ");
        let bytes = wat::parse_str(text.replacen("(data ", &start, 1)).unwrap();
        let error = refusal(&runtime, &bytes).to_string();
        assert!(error.contains("faulted in instantiate") && error.contains(reason), "{error}");
    }
}

#[test]
fn the_component_store_notices_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = ComponentFolder::open(&folder.path().join("made/on/the/way")).unwrap();
    let plugin = guests::read(guests::ROGUE);
    let digest = store.put(&plugin).unwrap();
    assert_eq!(store.put(&plugin).unwrap(), digest, "twice is once");
    assert_eq!(store.get(digest).unwrap().as_deref(), Some(plugin.as_slice()));
    assert_eq!(store.get(cantus_model::Digest::of(b"another")).unwrap(), None);

    let file = folder.path().join(format!("made/on/the/way/{digest}.wasm"));
    for damage in [b"".as_slice(), &plugin[..100], b"something else"] {
        std::fs::write(&file, damage).unwrap();
        let error = store.get(digest).unwrap_err();
        assert_eq!(error.to_string(), format!("component {digest} is damaged"));
        assert_eq!(store.put(&plugin).unwrap(), digest);
        assert_eq!(store.get(digest).unwrap().as_deref(), Some(plugin.as_slice()), "put mends it");
    }
    let left = std::fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "nothing is left aside");
}
