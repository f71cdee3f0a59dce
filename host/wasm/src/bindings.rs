//! The bindings that wasmtime generates from `wit/`. Parameters are borrowed, so that a call copies no payload on the host's side.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "domain",
    ownership: Borrowing { duplicate_if_necessary: true },
});
