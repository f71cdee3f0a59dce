//! `wasi:random`: a sequence that starts from `context.seed` at each command, and the sandbox's hash seed.

use cantus_model::ports::HashSeed;
use wasmtime::component::Linker;

use super::caller::{Caller, refuse};
use crate::guest::GuestState;

/// Bytes of one request; more is a mistake or an attack.
const MAX_BYTES: u64 = 1 << 20;

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    for (instance, bytes, word) in [
        ("wasi:random/random@0.2.0", "get-random-bytes", "get-random-u64"),
        ("wasi:random/insecure@0.2.0", "get-insecure-random-bytes", "get-insecure-random-u64"),
    ] {
        let mut random = linker.instance(instance)?;
        random.func_wrap(bytes, |mut caller: Caller, (count,): (u64,)| {
            if count > MAX_BYTES {
                return refuse(caller.data_mut(), "wasi:random for more than 1 MiB");
            }
            Ok((caller.data_mut().random.bytes(count as usize),))
        })?;
        random.func_wrap(word, |mut caller: Caller, (): ()| Ok((caller.data_mut().random.next(),)))?;
    }
    linker.instance("wasi:random/insecure-seed@0.2.0")?.func_wrap("insecure-seed", |caller: Caller, (): ()| {
        let HashSeed(low, high) = caller.data().hash_seed;
        Ok(((low, high),))
    })
}
