//! The guest that calls an import.

use std::borrow::Cow;

use wasmtime::StoreContextMut;

use crate::guest::GuestState;

/// The Store of the guest that calls.
pub(super) type Caller<'a> = StoreContextMut<'a, GuestState>;

/// Stops the guest because it used something that it may not have.
pub(super) fn refuse<T>(state: &mut GuestState, import: impl Into<Cow<'static, str>>) -> wasmtime::Result<T> {
    let import = import.into();
    state.refused = Some(import.clone());
    Err(wasmtime::Error::msg(import))
}
