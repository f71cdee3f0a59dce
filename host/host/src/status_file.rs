//! The file in which a host reports the states of the files in the folder of plugins: `registry.json` in the data folder. It
//! can be deleted at any time.

use std::path::{Path, PathBuf};

use cantus_engine::registry::FileStatus;
use tokio::sync::watch;

use crate::atomic_file::write_file;

const FILE: &str = "registry.json";

/// Writes every change of the states, until the registry has ended.
pub(crate) async fn write_changes(data: PathBuf, mut statuses: watch::Receiver<Vec<FileStatus>>) {
    loop {
        let current = statuses.borrow_and_update().clone();
        let data = data.clone();
        let written = tokio::task::spawn_blocking(move || write(&data, &current)).await;
        if let Err(error) = written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            tracing::warn!(%error, "the states of the plugin files cannot be written, so `cantus plugin list` may be outdated");
        }
        if statuses.changed().await.is_err() {
            return;
        }
    }
}

fn write(data: &Path, statuses: &[FileStatus]) -> std::io::Result<()> {
    write_file(&data.join(FILE), &serde_json::to_vec_pretty(statuses)?)
}

/// Reads the states that a host last reported in a data folder; an empty list if there is no report.
pub fn read(data: &Path) -> Vec<FileStatus> {
    let text = std::fs::read(data.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
