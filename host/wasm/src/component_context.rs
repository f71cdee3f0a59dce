//! The context of one component, which all its sandboxes share.

use std::sync::Arc;

use cantus_model::Digest;
use wasmtime::component::InstancePre;

use crate::{Limits, exports::Exports, guest::GuestState, watchdog::Watchdog};

/// The compiled component, its exports and its limits.
#[derive(Clone)]
pub(crate) struct ComponentContext {
    pub(crate) pre: InstancePre<GuestState>,
    pub(crate) exports: Exports,
    pub(crate) digest: Digest,
    /// Name and version for people; the digest until `describe` has answered.
    pub(crate) plugin: String,
    pub(crate) limits: Arc<Limits>,
    /// The epoch ticks for as long as a guest can run.
    pub(crate) _watchdog: Arc<Watchdog>,
}
