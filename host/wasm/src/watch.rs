//! Hints that something changed in a folder. The receiver has to scan the folder itself: some file systems report nothing, and none
//! reports everything.

use std::path::Path;

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};

/// Gives hints until it is dropped. If the folder is deleted or replaced, its hints end.
pub struct FolderWatch {
    /// `None` if the system cannot watch.
    _watcher: Option<RecommendedWatcher>,
}

impl FolderWatch {
    /// Calls `hint` on a thread of its own after every change in the folder, often several times for one. If the system
    /// cannot watch, a warning says so, and there are no hints.
    pub fn start(folder: &Path, hint: impl Fn() + Send + 'static) -> Self {
        let watcher = watch(folder, hint).inspect_err(|error| {
            let folder = folder.display();
            tracing::warn!(%folder, %error, "the folder cannot be watched: the host finds changes at its next rescan");
        });
        Self { _watcher: watcher.ok() }
    }
}

fn watch(folder: &Path, hint: impl Fn() + Send + 'static) -> notify::Result<RecommendedWatcher> {
    let on_event = move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| is_read_access(event.kind)) {
            return;
        }
        hint();
    };
    let mut watcher = notify::recommended_watcher(on_event)?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Reports whether the event comes from reading: a scan after a hint must not cause the next hint.
fn is_read_access(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access != AccessKind::Close(AccessMode::Write),
        _ => false,
    }
}
