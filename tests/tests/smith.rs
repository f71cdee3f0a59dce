//! Components by chance: the host takes or refuses them, and survives both.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use cantus_model::ports::Component;
use cantus_tests::host;
use cantus_wasm::{Limits, LoadError, Runtime};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use wasm_smith::Config;

const COMPONENTS: u32 = 500;

fn limits() -> Limits {
    Limits { fuel_per_call: 1_000_000, call_timeout_ms: 200, sandboxes: 2, ..host::limits() }
}

/// Makes components from the bytes of a fixed seed, so that a failure comes back.
fn each_component(mut take: impl FnMut(Vec<u8>)) -> u32 {
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut made = 0;
    for _ in 0..COMPONENTS * 4 {
        let mut bytes = vec![0; 4_096];
        random.fill_bytes(&mut bytes);
        let mut source = Unstructured::new(&bytes);
        let config = Config::arbitrary(&mut source);
        if let Ok(component) = config.and_then(|config| wasm_smith::Component::new(config, &mut source)) {
            made += 1;
            take(component.to_bytes());
        }
        if made == COMPONENTS {
            break;
        }
    }
    made
}

/// Validation refuses nothing that would have loaded, and gives the same reason. Loading may find more.
fn agree(valid: &Result<(), LoadError>, loaded: &Result<Arc<dyn Component>, LoadError>) {
    match (valid, loaded) {
        (Ok(()), _) | (Err(_), Err(LoadError::Invalid(_))) => {}
        (Err(why), Err(other)) => assert_eq!(why.to_string(), other.to_string()),
        (Err(why), Ok(_)) => panic!("it loads, but validation says: {why}"),
    }
}

#[test]
fn no_component_crashes_the_host() {
    let runtime = Runtime::new(&limits(), None).unwrap();
    let mut reasons = std::collections::BTreeMap::<String, u32>::new();
    let made = each_component(|mut bytes| {
        let loaded = runtime.load(&bytes);
        agree(&runtime.validate(&bytes), &loaded);
        let reason = match loaded {
            Ok(component) => format!("loaded {}", component.manifest().name),
            Err(error) => error.to_string().split([':', '`']).next().unwrap().to_owned(),
        };
        *reasons.entry(reason).or_default() += 1;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        let _ = runtime.validate(&bytes);
        let _ = runtime.validate(&bytes[..middle]);
    });
    assert_eq!(made, COMPONENTS, "{reasons:?}");
    assert!(reasons.len() > 1, "they are all refused for one reason, so this tests little: {reasons:?}");
    let good = runtime.load(&cantus_tests::guests::read(cantus_tests::guests::ROGUE));
    assert_eq!(good.unwrap().manifest().name, "rogue", "the runtime still works");
}
