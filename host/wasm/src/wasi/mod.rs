//! Own answers to the WASI imports that a `wasm32-wasip2` program has, one small file per package.
//!
//! They show that nothing is hidden: time is `context.now`, randomness comes from `context.seed`, stdout and stderr go
//! to the host's log, the environment is empty, and everything else stops the guest. Signatures after WASI 0.2
//! (WebAssembly/WASI, `wasip2`). A version 0.2.x of an import is met by the 0.2.0 defined here; [`stubs`] are defined for each
//! component in its own version.

mod caller;
mod cli;
mod clocks;
mod io;
mod random;
pub(crate) mod stubs;

use wasmtime::component::Linker;

use crate::guest::GuestState;

/// Defines every import that is the same for all components.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    io::add_to_linker(linker)?;
    cli::add_to_linker(linker)?;
    clocks::add_to_linker(linker)?;
    random::add_to_linker(linker)
}
