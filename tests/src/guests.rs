//! The components that the tests run, built by `build.rs`: paths of `.wasm` files.

/// `examples/counter`.
pub const COUNTER: &str = env!("CANTUS_GUEST_COUNTER");
/// `examples/bank`.
pub const BANK: &str = env!("CANTUS_GUEST_BANK");
/// `examples/flights`.
pub const FLIGHTS: &str = env!("CANTUS_GUEST_FLIGHTS");
/// `guests/hostile`: its commands do everything that a guest should not.
pub const HOSTILE: &str = env!("CANTUS_GUEST_HOSTILE");
/// `guests/rogue`: describes itself as [`rogue`] tells it to, and faults as the id of its aggregate says.
pub const ROGUE: &str = env!("CANTUS_GUEST_ROGUE");

/// The component of `guests/rogue` with another way of describing itself: one of the modes in its source.
///
/// # Panics
/// If the guest was not built as this expects, or the mode is too long.
pub fn rogue(mode: &str) -> Vec<u8> {
    let mut component = read(ROGUE);
    let marker = b"rogue-mode:good                 ";
    let places: Vec<usize> =
        component.windows(marker.len()).enumerate().filter(|(_, bytes)| bytes == marker).map(|(at, _)| at).collect();
    let [place] = places[..] else { panic!("the mode stands {} times in the guest", places.len()) };
    let mode = format!("{:32}", format!("rogue-mode:{mode}"));
    assert_eq!(mode.len(), marker.len(), "the mode is too long");
    component[place..place + marker.len()].copy_from_slice(mode.as_bytes());
    component
}

/// The bytes of a component.
///
/// # Panics
/// If it is gone.
pub fn read(path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
