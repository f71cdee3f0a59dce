//! Memory that may be had or not: that depends on the host's limit, and on who else lives in the sandbox.

use cantus_sdk::prelude::*;

use crate::{Diary, Noted};

/// Takes the quick way if there is the memory for it.
#[command(Diary, version = 1, produces = [Noted])]
pub struct Sort {
    /// The memory that the quick way needs.
    bytes: usize,
}

#[command_handler(Diary, version = 1)]
impl SortHandler {
    type Error = Rejection;

    fn handle(&self, _: &Diary, command: Sort) -> Result<Noted, Rejection> {
        let mut scratch = Vec::<u8>::new();
        let quick = scratch.try_reserve_exact(command.bytes).is_ok();
        // Or the compiler does not ask for memory that nobody uses.
        std::hint::black_box(&mut scratch);
        Ok(Noted { note: if quick { "sorted quickly" } else { "sorted slowly" }.into() })
    }
}
