//! The bytes of components.

use cantus_model::Digest;

use super::given::*;

/// Returns bytes that differ at every position, and from those of another seed.
pub fn component_bytes(seed: u32, length: u32) -> Vec<u8> {
    (0..length).map(|n| ((n ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Components of no bytes, of few, of exactly 1 MiB, and of several MiB.
pub async fn stored_bytes_are_read_by_digest(store: Subject) {
    let components = [0, 1, 1_000, 1 << 20, (1 << 20) + 1, 5_000_000].map(|length| component_bytes(7, length));
    for bytes in &components {
        assert_eq!(store.put_component(bytes).unwrap(), Digest::of(bytes));
    }
    for bytes in &components {
        assert!(store.get_component(Digest::of(bytes)).unwrap().as_ref() == Some(bytes), "{} bytes", bytes.len());
    }
}

/// The second write has no effect, and other components stay as they are.
pub async fn bytes_that_are_stored_twice_stay(store: Subject) {
    let (bytes, other) = (component_bytes(1, 3_000_000), component_bytes(2, 2_000_000));
    for put in [&bytes, &other, &bytes] {
        store.put_component(put).unwrap();
    }
    assert!(store.get_component(Digest::of(&bytes)).unwrap() == Some(bytes));
    assert!(store.get_component(Digest::of(&other)).unwrap() == Some(other));
}

/// A digest whose bytes were never stored is no error.
pub async fn an_unknown_digest_has_no_bytes(store: Subject) {
    store.put_component(b"bank").unwrap();
    assert_eq!(store.get_component(Digest::of(b"unknown")).unwrap(), None);
}
