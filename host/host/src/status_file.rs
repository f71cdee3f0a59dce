//! The file in which a host says what it knows of the folder of plugins, for others to read: `registry.json` in the data folder.
//! It can be deleted at any time.

use std::path::{Path, PathBuf};

use cantus_engine::registry::FileStatus;
use tokio::sync::watch;

const FILE: &str = "registry.json";

/// Writes every change, until the registry is gone.
pub(crate) async fn publish(data: PathBuf, mut statuses: watch::Receiver<Vec<FileStatus>>) {
    loop {
        let now = statuses.borrow_and_update().clone();
        if let Err(error) = write(&data, &now) {
            tracing::warn!(%error, "the states of the plugins cannot be written; `cantus plugin list` shows less");
        }
        if statuses.changed().await.is_err() {
            return;
        }
    }
}

/// Writes aside and renames, so that nobody reads half of it.
fn write(data: &Path, statuses: &[FileStatus]) -> std::io::Result<()> {
    let aside = data.join(format!(".{FILE}.{}", std::process::id()));
    std::fs::write(&aside, serde_json::to_vec_pretty(statuses)?)?;
    std::fs::rename(aside, data.join(FILE))
}

/// Reads the states that a host last wrote; nothing if no host ran here.
pub fn read(data: &Path) -> Vec<FileStatus> {
    let text = std::fs::read(data.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
