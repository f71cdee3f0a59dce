//! The sandbox in which a plugin describes itself.

use std::sync::Arc;

use cantus_model::ports::HashSeed;

use super::WasmSandbox;
use crate::{LoadError, bindings::exports::cantus::domain::plugin, component_context::ComponentContext};

/// Asks a plugin for its manifest, in a sandbox of its own. First it checks the types of everything that the component exports.
pub(crate) fn call(component: &Arc<ComponentContext>) -> Result<plugin::Manifest, LoadError> {
    let opened = WasmSandbox::open(Arc::clone(component), HashSeed::default())?;
    let bound = opened.bind(|store, instance| {
        component.exports.check_types(store, instance)?;
        component.exports.plugin.load(store, instance)
    });
    let mut sandbox = bound.map_err(|error| LoadError::Unfit(format!("{error:#}")))?;
    Ok(sandbox.call("describe", None, |store, plugin| plugin.call_describe(store))?)
}
