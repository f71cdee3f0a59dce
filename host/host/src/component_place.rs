//! The place of stored components, as a setting.

use serde::{Deserialize, Serialize};

/// Names the place that new components are written to. Both places are read, so the setting can be changed at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentPlace {
    /// `components` in the data folder.
    #[default]
    Folder,
    /// The event store, where every host on it finds them.
    Store,
}
