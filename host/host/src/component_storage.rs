//! Where the bytes of components are stored, as a setting.

use serde::{Deserialize, Serialize};

/// Names the storage that new components are written to. Both are read, so the setting can be changed at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentStorage {
    /// `components` in the data folder.
    #[default]
    Folder,
    /// The event store, where every host on it finds them.
    Store,
}
