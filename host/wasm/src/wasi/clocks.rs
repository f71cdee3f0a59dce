//! `wasi:clocks`: both clocks stand at `context.now` while a command is handled, and at the epoch otherwise.

use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::{caller::Caller, io::refuse_waiting};
use crate::guest::GuestState;

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// Timestamps are whole microseconds.
const RESOLUTION_NANOSECONDS: u64 = 1_000;

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut wall = linker.instance("wasi:clocks/wall-clock@0.2.0")?;
    wall.func_wrap("now", |caller: Caller, (): ()| {
        let now = caller.data().now.0;
        Ok((Datetime { seconds: now / 1_000_000, nanoseconds: (now % 1_000_000) as u32 * 1_000 },))
    })?;
    wall.func_wrap("resolution", |_: Caller, (): ()| {
        Ok((Datetime { seconds: 0, nanoseconds: RESOLUTION_NANOSECONDS as u32 },))
    })?;

    let mut monotonic = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
    monotonic.func_wrap("now", |caller: Caller, (): ()| Ok((caller.data().now.0.saturating_mul(1_000),)))?;
    monotonic.func_wrap("resolution", |_: Caller, (): ()| Ok((RESOLUTION_NANOSECONDS,)))?;
    monotonic.func_wrap("subscribe-instant", |caller: Caller, (_,): (u64,)| {
        refuse_waiting(caller, "wasi:clocks/monotonic-clock.subscribe-instant")
    })?;
    monotonic.func_wrap("subscribe-duration", |caller: Caller, (_,): (u64,)| {
        refuse_waiting(caller, "wasi:clocks/monotonic-clock.subscribe-duration")
    })
}
