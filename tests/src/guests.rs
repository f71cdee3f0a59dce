//! The components that the tests run, built by `build.rs`: paths of `.wasm` files.

/// `examples/counter`.
pub const COUNTER: &str = env!("CANTUS_GUEST_COUNTER");
/// `examples/bank`.
pub const BANK: &str = env!("CANTUS_GUEST_BANK");
/// `examples/flights`.
pub const FLIGHTS: &str = env!("CANTUS_GUEST_FLIGHTS");
/// `examples/flights/releases/1.1`: the same plugin with stricter rules about delays.
pub const FLIGHTS_1_1: &str = env!("CANTUS_GUEST_FLIGHTS_1_1");
/// `examples/flights/releases/1.2`: it traps on the arrival of a flight that was diverted.
pub const FLIGHTS_1_2: &str = env!("CANTUS_GUEST_FLIGHTS_1_2");
/// `guests/hostile`: its commands do everything that a guest should not.
pub const HOSTILE: &str = env!("CANTUS_GUEST_HOSTILE");
/// `guests/moody`: each of its commands depends on something that no log records.
pub const MOODY: &str = env!("CANTUS_GUEST_MOODY");
/// `guests/rogue`: describes itself as [`rogue`] tells it to, and faults as the id of its aggregate says.
pub const ROGUE: &str = env!("CANTUS_GUEST_ROGUE");
/// `guests/shifty`: a candidate for a hot swap, as [`shifty`] tells it.
pub const SHIFTY: &str = env!("CANTUS_GUEST_SHIFTY");

/// The component of `guests/rogue` with another way of describing itself: one of the modes in its source.
///
/// # Panics
/// If the guest was not built as this expects, or the mode is too long.
pub fn rogue(mode: &str) -> Vec<u8> {
    overwrite(read(ROGUE), b"rogue-mode:good                 ", &format!("rogue-mode:{mode}"))
}

/// A component that calls itself so and behaves as one of the modes in the source of `guests/shifty` says. Other
/// arguments give other bytes.
///
/// # Panics
/// If the guest was not built as this expects, or the words are too long together.
pub fn shifty(name: &str, version: &str, mode: &str) -> Vec<u8> {
    let mark = format!("{:96}", "shifty-mark: shifty 1.0.0 good");
    overwrite(read(SHIFTY), mark.as_bytes(), &format!("shifty-mark: {name} {version} {mode}"))
}

/// Puts a text, filled up with spaces, in the place of one that stands in the component once.
fn overwrite(mut component: Vec<u8>, old: &[u8], new: &str) -> Vec<u8> {
    let places: Vec<usize> =
        component.windows(old.len()).enumerate().filter(|(_, bytes)| bytes == &old).map(|(at, _)| at).collect();
    let [place] = places[..] else { panic!("the text stands {} times in the guest", places.len()) };
    let new = format!("{new:0$}", old.len());
    assert_eq!(new.len(), old.len(), "{new:?} is too long");
    component[place..place + old.len()].copy_from_slice(new.as_bytes());
    component
}

/// The bytes of a component.
///
/// # Panics
/// If it is gone.
pub fn read(path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
