//! Names of aggregates.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names one aggregate, and with it one stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AggregateRef {
    /// The name that the plugin declares, for example `Flight`.
    pub aggregate_type: String,
    /// The id that the caller chose.
    pub id: String,
}

impl AggregateRef {
    /// Names the aggregate `id` of type `aggregate_type`.
    pub fn new(aggregate_type: impl Into<String>, id: impl Into<String>) -> Self {
        Self { aggregate_type: aggregate_type.into(), id: id.into() }
    }
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate_type, self.id)
    }
}
