//! The JSON form of a what-if.

use cantus_model::{ComponentRecord, Digest};
use cantus_replay::whatif::{CommonPrefix, Divergence, TimelineEnd};
use serde::Serialize;
use serde_json::value::RawValue;

use super::payload_json;
use crate::WhatIfAnswer;

/// The recorded timeline and the new one.
#[derive(Serialize)]
pub struct TimelinesJson<'a> {
    aggregate: &'a str,
    aggregate_id: &'a str,
    shared: &'a CommonPrefix,
    #[serde(flatten)]
    divergence: &'a Divergence,
    before: TimelineEndJson<'a>,
    now: TimelineEndJson<'a>,
}

/// The end of a timeline, with the state there or the reason why it has none.
#[derive(Serialize)]
struct TimelineEndJson<'a> {
    version: u64,
    component: Digest,
    plugin: Option<&'a str>,
    plugin_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> TimelineEndJson<'a> {
    fn new(end: &'a TimelineEnd, components: &'a [ComponentRecord]) -> Self {
        let manifest = components.iter().find(|record| record.digest == end.component).map(|record| &record.manifest);
        Self {
            version: end.version,
            component: end.component,
            plugin: manifest.map(|manifest| &*manifest.name),
            plugin_version: manifest.map(|manifest| manifest.version.to_string()),
            state: end.state.as_ref().ok().map(|state| payload_json(state)),
            error: end.state.as_ref().err().map(|reason| &**reason),
        }
    }
}

impl<'a> From<&'a WhatIfAnswer> for TimelinesJson<'a> {
    fn from(WhatIfAnswer { timelines, components }: &'a WhatIfAnswer) -> Self {
        Self {
            aggregate: &timelines.aggregate.aggregate_type,
            aggregate_id: &timelines.aggregate.id,
            shared: &timelines.common_prefix,
            divergence: &timelines.divergence,
            before: TimelineEndJson::new(&timelines.before, components),
            now: TimelineEndJson::new(&timelines.now, components),
        }
    }
}
