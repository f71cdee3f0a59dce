//! The interfaces that a component exports, found by name once, before any of it runs.

use cantus_model::PluginKind;
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    bindings::exports::cantus::domain::{aggregate, plugin},
    guest::GuestState,
};

/// Where to find the functions of each interface. A kind that the component does not export is `None`.
#[derive(Clone)]
pub(crate) struct Exports {
    pub(crate) plugin: plugin::GuestIndices,
    pub(crate) aggregate: Option<aggregate::GuestIndices>,
}

impl Exports {
    /// Finds `plugin` and the interfaces of `kinds`.
    pub(crate) fn find(pre: &InstancePre<GuestState>, kinds: &[PluginKind]) -> wasmtime::Result<Self> {
        let mut exports = Self { plugin: plugin::GuestIndices::new(pre)?, aggregate: None };
        for kind in kinds {
            match kind {
                PluginKind::Aggregate => exports.aggregate = Some(aggregate::GuestIndices::new(pre)?),
            }
        }
        Ok(exports)
    }

    /// Checks that every function has the type that the contract gives it.
    pub(crate) fn check_types(&self, store: &mut Store<GuestState>, instance: &Instance) -> wasmtime::Result<()> {
        self.plugin.load(&mut *store, instance)?;
        if let Some(aggregate) = &self.aggregate {
            aggregate.load(&mut *store, instance)?;
        }
        Ok(())
    }
}
