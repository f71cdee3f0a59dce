//! A thousand different bad components through one host: it is no larger afterwards. Alone in its process, because it
//! looks at the memory of all of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, fs};

use cantus_tests::{guests, host};
use cantus_wasm::{PluginFolder, Runtime};

const DROPS: usize = 1_000;
/// By then every sandbox of the pool and every thread of the compiler has been in use.
const WARM_UP: usize = 250;
const MAY_GROW: usize = 8 << 20;

/// The bad component `n`, no two alike. One in sixteen is bad in a way that only running it shows, and one
/// in sixteen has a flipped bit.
fn bad(n: usize, good: &[u8]) -> Vec<u8> {
    let modes = ["panic", "no-aggregate", "odd-name", "no-semver", "version-zero", "huge"];
    let section = [&[0, 13, 4], b"test".as_slice(), format!("{n:08}").as_bytes()].concat();
    match n % 16 {
        0 => [guests::rogue(modes[n / 16 % modes.len()]), section].concat(),
        1 => {
            // Within the code, so that it is often still a component, and sometimes a good one.
            let mut flipped = [good, &section].concat();
            let at = good.len() / 4 + (n * 7_919) % (good.len() / 2);
            flipped[at] ^= 1 << (n % 7);
            flipped
        }
        2..=6 => good[..good.len() * (n % 997) / 997].to_vec(),
        7..=10 => wat::parse_str(format!(r#"(component (import "acme:beam/{}@1.0.0" (instance)))"#, name(n))).unwrap(),
        11 | 12 => wat::parse_str(format!("(module (memory {n}))")).unwrap(),
        _ => [format!("#!/bin/sh # {n}").as_bytes(), good].concat(),
    }
}

/// A number in letters.
fn name(n: usize) -> String {
    n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

fn resident() -> usize {
    memory_stats::memory_stats().unwrap().physical_mem
}

#[test]
fn a_thousand_bad_components_leave_nothing_behind() {
    let root = tempfile::tempdir().unwrap();
    let (plugins, compiled) = (root.path().join("plugins"), root.path().join("compiled"));
    fs::create_dir(&plugins).unwrap();
    let limits = host::limits();
    let folder = PluginFolder::open(&plugins, limits.component_bytes).unwrap();
    let runtime = Runtime::new(&limits, Some(&compiled)).unwrap();
    let good = guests::read(guests::ROGUE);

    let mut ends = BTreeMap::<&str, usize>::new();
    let mut warm = 0;
    for n in 0..DROPS {
        if n == WARM_UP {
            warm = resident();
        }
        fs::write(plugins.join("bad.wasm"), bad(n, &good)).unwrap();
        assert_eq!(folder.scan().unwrap().len(), 1);
        let bytes = folder.read("bad.wasm").unwrap();
        let end = match runtime.validate(&bytes).map(|()| runtime.load(&bytes)) {
            Err(_) => "invalid",
            Ok(Err(_)) => "refused",
            Ok(Ok(_)) => "taken",
        };
        *ends.entry(end).or_default() += 1;
    }
    let grown = resident().saturating_sub(warm);
    assert!(grown < MAY_GROW, "it has grown by {grown} bytes over {} drops: {ends:?}", DROPS - WARM_UP);
    assert!(ends["invalid"] > DROPS / 2 && ends["refused"] > DROPS / 20, "{ends:?}");
    let taken = ends.get("taken").copied().unwrap_or(0);
    assert_eq!(fs::read_dir(compiled).unwrap().count(), taken, "only what was taken is in the compiled cache");
    assert_eq!(runtime.load(&good).unwrap().manifest().name, "rogue", "the host still works");
    println!("{ends:?}, grown by {} KiB", grown >> 10);
}
