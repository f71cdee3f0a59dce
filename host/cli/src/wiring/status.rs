//! What a host knows of the files in its folder of plugins, for others to read: `data/registry.json`. It can be deleted
//! at any time.

use std::path::{Path, PathBuf};

use cantus_engine::registry::FileStatus;
use tokio::sync::watch;

const FILE: &str = "registry.json";

/// Writes every change, until the registry is gone.
pub(super) async fn publish(data: PathBuf, mut statuses: watch::Receiver<Vec<FileStatus>>) {
    loop {
        let now = statuses.borrow_and_update().clone();
        if let Err(error) = write(&data, &now) {
            tracing::warn!(%error, "what is known of the plugins cannot be written; `cantus plugin list` shows less");
        }
        if statuses.changed().await.is_err() {
            return;
        }
    }
}

/// Aside and renamed, so that nobody reads half of it.
fn write(data: &Path, statuses: &[FileStatus]) -> std::io::Result<()> {
    let aside = data.join(format!(".{FILE}.{}", std::process::id()));
    std::fs::write(&aside, serde_json::to_vec_pretty(statuses)?)?;
    std::fs::rename(aside, data.join(FILE))
}

/// What a host last knew of the files; nothing if no host ran here.
pub(crate) fn known_files(data: &Path) -> Vec<FileStatus> {
    let text = std::fs::read(data.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
