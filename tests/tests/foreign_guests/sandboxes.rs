//! `wasm.sandboxes` holds for these guests too: they are put together of more core modules than one in Rust.

use cantus_model::ports::HashSeed;
use cantus_wasm::Limits;

use super::{
    bytes, runtime,
    toolchain::{LEDGER, TALLY},
};

#[test]
fn as_many_are_open_at_once_as_the_setting_says() {
    for [file, _] in [&*TALLY, &*LEDGER] {
        let component = runtime(Limits { sandboxes: 4, ..Limits::default() }).load(&bytes(file)).unwrap();
        let open = || component.open_aggregates(HashSeed::default()).map_err(|fault| fault.to_string());
        let _all: Vec<_> = (0..4).map(|_| open().unwrap()).collect();
        assert!(open().is_err_and(|fault| fault.contains("raise `wasm.sandboxes`")));
    }
}
