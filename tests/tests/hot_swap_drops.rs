//! A thousand bad files dropped into the folder of a running host: it is no larger afterwards, it knows of no file that is
//! not there, and it goes on deciding. Alone in its process, because it looks at the memory of all of it.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

#[path = "hot_swap/fixture.rs"]
mod fixture;
#[path = "hot_swap/instrumented_source.rs"]
mod instrumented_source;

use std::collections::BTreeMap;

use cantus_engine::registry::FileState;
use cantus_model::{Command, Digest};
use cantus_tests::{guests, host};
use fixture::Fixture;

const DROPS: usize = 1_000;
/// By then every sandbox of the pool and every thread has been in use.
const WARM_UP: usize = 200;
const MAY_GROW: usize = 16 << 20;
/// Files that lie there at a time.
const FILES: usize = 8;

fn add(id: &str, aggregate: &str, amount: u64) -> Command {
    host::command(id, aggregate, "Add", &format!(r#"{{"amount": {amount}}}"#))
}

/// The bad file `n`, no two alike: of every kind that a folder sees, and some are only found out by running them.
fn bad(n: usize, good: &[u8]) -> Vec<u8> {
    let section = [&[0, 13, 4], b"test".as_slice(), format!("{n:08}").as_bytes()].concat();
    let with_section = |component: Vec<u8>| [component, section.clone()].concat();
    match n % 14 {
        0 | 7 => good[..good.len() * (1 + n % 990) / 997].to_vec(),
        1 | 8 => format!("#!/bin/sh # {n}").into_bytes(),
        2 | 9 => wat::parse_str(format!("(module (memory {n}))")).unwrap(),
        3 | 10 => wat::parse_str(format!(r#"(component (import "acme:beam/b{n}@1.0.0" (instance)))"#)).unwrap(),
        4 | 11 => [b"\0asm\x0d\0\x01\0".as_slice(), n.to_string().as_bytes()].concat(),
        5 | 6 | 12 => vec![n as u8; 1 + n],
        _ => with_section(match n / 14 % 4 {
            0 => good.to_vec(),                                 // other bytes under the version of the live one
            1 => guests::shifty("other", "1.0.0", "good"),      // hosts what another hosts
            2 => guests::shifty("shifty", "1.0.1", "limit-10"), // differs from what was decided
            _ => guests::rogue("no-aggregate"),                 // describes itself badly
        }),
    }
}

fn resident() -> usize {
    memory_stats::memory_stats().unwrap().physical_mem
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_bad_drops_leave_nothing_behind() {
    let mut fixture = Fixture::new();
    (fixture.registry.settle_ms, fixture.registry.rescan_ms) = (1, 2);
    let good = guests::shifty("shifty", "1.0.0", "good");
    let live = fixture.put("good.wasm", &good);
    let host = fixture.open().await;
    for n in 0..4 {
        host.add(&format!("{n}"), "Tally/a", 5).await.unwrap();
    }
    let (mut warm, mut reasons) = (0, BTreeMap::<String, usize>::new());
    for n in 0..DROPS {
        if n == WARM_UP {
            warm = resident();
        }
        let name = format!("bad-{}.wasm", n % (DROPS / 2));
        let digest = fixture.put(&name, &bad(n, &good));
        let refused = host.status(&name, |file| file.state == FileState::Refused && file.digest == Some(digest)).await;
        *reasons.entry(refused.reason.unwrap().split_inclusive(' ').take(2).collect()).or_default() += 1;
        assert!(host.statuses.borrow().len() <= FILES + 2, "{:#?}", host.statuses.borrow());
        if n >= FILES {
            fixture.remove(&format!("bad-{}.wasm", (n - FILES) % (DROPS / 2)));
        }
        if n % 50 == 0 {
            assert_eq!(host.add(&format!("meanwhile-{n}"), "Tally/b", 0).await.unwrap().component, live);
        }
    }
    // What the test itself keeps of it is let go.
    let refused = host.notices.borrow().len();
    assert_eq!(refused, DROPS + 1);
    let grown = resident().saturating_sub(warm);
    assert!(grown < MAY_GROW, "it has grown by {grown} bytes over {} drops: {reasons:#?}", DROPS - WARM_UP);
    assert!(reasons.len() >= 6, "{reasons:#?}");
    let components = fixture.store.components().await.unwrap();
    assert_eq!(components.iter().map(|known| known.digest).collect::<Vec<_>>(), [live]);
    let kept = std::fs::read_dir(fixture.component_path(live).parent().unwrap()).unwrap().count();
    assert_eq!(
        (kept, Digest::of(&std::fs::read(fixture.component_path(live)).unwrap())),
        (1, live),
        "only what was live is kept"
    );
    println!("grown by {} KiB: {reasons:#?}", grown >> 10);
    host.stop().await;
}
