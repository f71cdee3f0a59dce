//! The state of the files in the folder of plugins. Pure.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    Digest,
    ports::{Component, PluginFile},
};
use semver::Version;
use serde::{Deserialize, Serialize};

/// The state of a file on its way to going live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// The file exists, and may still be changing.
    Found,
    /// It is a whole component with acceptable imports.
    Validated,
    /// It is compiled, and its manifest is read.
    Compiled,
    /// It has passed its verification.
    Verified,
    /// It is live.
    Active,
    /// A higher version of the same plugin is live.
    Superseded,
    /// A person, or the host itself, went back to the version before.
    RolledBack,
    /// The host refuses it, for the given reason.
    Refused,
}

impl FileState {
    /// The name, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Validated => "validated",
            Self::Compiled => "compiled",
            Self::Verified => "verified",
            Self::Active => "active",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled back",
            Self::Refused => "refused",
        }
    }
}

/// A file of the folder, as the registry sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// The name of the file.
    pub file: String,
    /// Its state.
    pub state: FileState,
    /// The reason for the state.
    pub reason: Option<String>,
    /// sha256 of its bytes, once they were read.
    pub digest: Option<Digest>,
    /// The plugin's name, once its manifest was read.
    pub plugin: Option<String>,
    /// The plugin's version, once its manifest was read.
    pub version: Option<Version>,
}

/// A file with its state.
pub(super) struct TrackedFile {
    stamp: [u64; 3],
    /// Its stamp was the same in two scans.
    is_settled: bool,
    pub(super) status: FileStatus,
    /// Its content when it was read, until it is live or refused.
    pub(super) candidate: Option<CandidateBytes>,
    /// For a refused file: when it is tried again.
    pub(super) retry_when: RetryWhen,
}

impl TrackedFile {
    /// Reports whether it may go live, as far as is known.
    pub(super) fn is_candidate(&self) -> bool {
        self.status.version.is_some() && self.status.state != FileState::Refused
    }

    /// Resets the state, with the digest of the new bytes if they could be read.
    pub(super) fn reset(&mut self, digest: Option<Digest>) {
        (self.status.digest, self.status.plugin, self.status.version) = (digest, None, None);
        self.set(FileState::Found, None);
    }

    pub(super) fn set(&mut self, state: FileState, reason: Option<String>) {
        self.status.state = state;
        self.status.reason = reason;
        if !matches!(state, FileState::Compiled | FileState::Verified) {
            self.candidate = None;
        }
    }
}

/// A scan of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The first one of this host: all files count as unchanged since before.
    First,
    /// A later one.
    Repeated,
}

/// The bytes of a candidate, and the loaded component if it was loaded already.
pub(super) struct CandidateBytes {
    pub(super) bytes: Vec<u8>,
    pub(super) component: Option<Arc<dyn Component>>,
}

/// The change after which a refused file is tried again, apart from a change of the file itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryWhen {
    /// Only a change of the file itself.
    FileChanges,
    /// Its name and version no longer belong to other bytes.
    VersionIsFree,
    /// This component, which hosts one of its aggregate types, is no longer live.
    HostIsGone(Digest),
    /// This component, with which it must be compared, is in the component store.
    PredecessorIsStored(Digest),
    /// The waiver beside it, which had this fingerprint when history refused it, has changed.
    WaiverChanges { waiver: Digest },
}

/// All files of the folder, by name.
#[derive(Default)]
pub(super) struct TrackedFiles {
    files: BTreeMap<String, TrackedFile>,
}

impl TrackedFiles {
    /// Updates the files after a scan. Returns the files that changed and then stayed the same for one scan; on the
    /// `first` scan these are all files.
    pub(super) fn update(&mut self, found: Vec<PluginFile>, scan: Scan) -> Vec<String> {
        self.files.retain(|name, _| found.iter().any(|file| file.name == *name));
        let mut settled = Vec::new();
        for PluginFile { name, stamp } in found {
            match self.files.get_mut(&name) {
                Some(file) if file.stamp == stamp => {
                    if !std::mem::replace(&mut file.is_settled, true) {
                        settled.push(name);
                    }
                }
                Some(file) => (file.stamp, file.is_settled) = (stamp, false),
                None => {
                    let status = FileStatus {
                        file: name.clone(),
                        state: FileState::Found,
                        reason: None,
                        digest: None,
                        plugin: None,
                        version: None,
                    };
                    let file = TrackedFile {
                        stamp,
                        is_settled: scan == Scan::First,
                        status,
                        candidate: None,
                        retry_when: RetryWhen::FileChanges,
                    };
                    self.files.insert(name.clone(), file);
                    if scan == Scan::First {
                        settled.push(name);
                    }
                }
            }
        }
        settled
    }

    /// Reports whether a file is still changing.
    pub(super) fn are_changing(&self) -> bool {
        self.files.values().any(|file| !file.is_settled)
    }

    pub(super) fn get(&self, name: &str) -> Option<&TrackedFile> {
        self.files.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut TrackedFile> {
        self.files.get_mut(name)
    }

    /// Returns the files of a plugin.
    pub(super) fn of<'a>(&'a self, plugin: &'a str) -> impl Iterator<Item = &'a TrackedFile> {
        self.files.values().filter(move |file| file.status.plugin.as_deref() == Some(plugin))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut TrackedFile> {
        self.files.values_mut()
    }

    /// Returns the names of the plugins in the files.
    pub(super) fn plugins(&self) -> impl Iterator<Item = &str> {
        self.files.values().filter_map(|file| file.status.plugin.as_deref())
    }

    pub(super) fn statuses(&self) -> Vec<FileStatus> {
        self.files.values().map(|file| file.status.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(files: &mut TrackedFiles, found: &[(&str, u64)], scan: Scan) -> Vec<String> {
        let file = |(name, size): &(&str, u64)| PluginFile { name: (*name).into(), stamp: [*size, 0, 0] };
        files.update(found.iter().map(file).collect(), scan)
    }

    #[test]
    fn a_file_is_returned_once_it_has_stopped_changing() {
        let mut files = TrackedFiles::default();
        assert_eq!(scan(&mut files, &[("a", 1)], Scan::First), ["a"]);
        assert!(scan(&mut files, &[("a", 1), ("b", 1)], Scan::Repeated).is_empty() && files.are_changing());
        assert!(scan(&mut files, &[("a", 1), ("b", 2)], Scan::Repeated).is_empty());
        assert_eq!(scan(&mut files, &[("a", 1), ("b", 2)], Scan::Repeated), ["b"]);
        assert!(scan(&mut files, &[("a", 1), ("b", 2)], Scan::Repeated).is_empty() && !files.are_changing());
        assert!(scan(&mut files, &[("b", 2)], Scan::Repeated).is_empty() && files.get("a").is_none());
    }
}
