//! The JSON form of states.

use serde::Serialize;
use serde_json::value::RawValue;

use super::payload_json;
use crate::AggregateState;

/// The state of an aggregate at a version, and the component that folded it.
#[derive(Serialize)]
pub struct StateJson<'a> {
    aggregate: &'a str,
    aggregate_id: &'a str,
    version: u64,
    latest_version: u64,
    plugin: &'a str,
    plugin_version: String,
    component: String,
    state: Box<RawValue>,
}

impl<'a> From<&'a AggregateState> for StateJson<'a> {
    fn from(state: &'a AggregateState) -> Self {
        let manifest = state.component.manifest();
        Self {
            aggregate: &state.aggregate.aggregate_type,
            aggregate_id: &state.aggregate.id,
            version: state.version,
            latest_version: state.latest_version,
            plugin: &manifest.name,
            plugin_version: manifest.version.to_string(),
            component: state.component.digest().to_string(),
            state: payload_json(&state.state),
        }
    }
}
