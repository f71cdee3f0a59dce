//! What is known of the files in the folder of plugins: pure.

use std::{collections::BTreeMap, sync::Arc};

use cantus_model::{
    Digest,
    ports::{Component, PluginFile},
};
use semver::Version;
use serde::{Deserialize, Serialize};

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// It is there, and may still be changing.
    Found,
    /// It is a whole component with acceptable imports.
    Validated,
    /// It is compiled and has said what it is.
    Compiled,
    /// It has run recorded history.
    Verified,
    /// It decides.
    Active,
    /// A higher version of the same plugin is live.
    Superseded,
    /// Somebody, or the host itself, went back to the version before.
    RolledBack,
    /// It does not go live, for the reason that is given.
    Refused,
}

impl FileState {
    /// For people.
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
    /// Its name.
    pub file: String,
    /// How far it has come.
    pub state: FileState,
    /// Why it is there and no further.
    pub reason: Option<String>,
    /// sha256 of its bytes, once they were read.
    pub digest: Option<Digest>,
    /// The plugin's name, once it has said it.
    pub plugin: Option<String>,
    /// The plugin's version, once it has said it.
    pub version: Option<Version>,
}

/// A file and what was made of it.
pub(super) struct TrackedFile {
    stamp: [u64; 3],
    /// Its stamp was the same at two looks.
    settled: bool,
    pub(super) status: FileStatus,
    /// What it held when it was looked at, until it is live or refused.
    pub(super) held: Option<CandidateBytes>,
    /// If it is refused.
    pub(super) obstacle: RetryWhen,
}

impl TrackedFile {
    /// Whether it may go live, as far as is known.
    pub(super) fn is_candidate(&self) -> bool {
        self.status.version.is_some() && self.status.state != FileState::Refused
    }

    /// It is to be looked at anew, with these bytes if they could be read.
    pub(super) fn begin(&mut self, digest: Option<Digest>) {
        (self.status.digest, self.status.plugin, self.status.version) = (digest, None, None);
        self.set(FileState::Found, None);
    }

    pub(super) fn set(&mut self, state: FileState, reason: Option<String>) {
        self.status.state = state;
        self.status.reason = reason;
        if !matches!(state, FileState::Compiled | FileState::Verified) {
            self.held = None;
        }
    }
}

/// The bytes of a candidate, and what the runtime made of them if it was asked yet.
pub(super) struct CandidateBytes {
    pub(super) bytes: Vec<u8>,
    pub(super) component: Option<Arc<dyn Component>>,
}

/// What, apart from the file itself, would have to change for a refused one to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RetryWhen {
    /// Nothing would help: it is the file.
    Itself,
    /// Other bytes have its name and version.
    Taken,
    /// This component is live and hosts what it hosts.
    Host(Digest),
    /// This component, which it must be compared with, is not in the component store.
    Predecessor(Digest),
    /// It does not agree with history, and the waiver beside it, which has this fingerprint, does not allow that.
    History { waiver: Digest },
}

/// All of them, by name.
#[derive(Default)]
pub(super) struct TrackedFiles {
    files: BTreeMap<String, TrackedFile>,
}

impl TrackedFiles {
    /// Takes in what a look at the folder showed. Returns the files that changed and then stayed the same for one look;
    /// at the `first` look that is all of them.
    pub(super) fn update(&mut self, found: Vec<PluginFile>, first: bool) -> Vec<String> {
        self.files.retain(|name, _| found.iter().any(|file| file.name == *name));
        let mut settled = Vec::new();
        for PluginFile { name, stamp } in found {
            match self.files.get_mut(&name) {
                Some(file) if file.stamp == stamp => {
                    if !std::mem::replace(&mut file.settled, true) {
                        settled.push(name);
                    }
                }
                Some(file) => (file.stamp, file.settled) = (stamp, false),
                None => {
                    let status = FileStatus {
                        file: name.clone(),
                        state: FileState::Found,
                        reason: None,
                        digest: None,
                        plugin: None,
                        version: None,
                    };
                    let file = TrackedFile { stamp, settled: first, status, held: None, obstacle: RetryWhen::Itself };
                    self.files.insert(name.clone(), file);
                    if first {
                        settled.push(name);
                    }
                }
            }
        }
        settled
    }

    /// Whether a file is still changing.
    pub(super) fn are_changing(&self) -> bool {
        self.files.values().any(|file| !file.settled)
    }

    pub(super) fn get(&self, name: &str) -> Option<&TrackedFile> {
        self.files.get(name)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut TrackedFile> {
        self.files.get_mut(name)
    }

    /// The files of a plugin.
    pub(super) fn of<'a>(&'a self, plugin: &'a str) -> impl Iterator<Item = &'a TrackedFile> {
        self.files.values().filter(move |file| file.status.plugin.as_deref() == Some(plugin))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut TrackedFile> {
        self.files.values_mut()
    }

    /// The names of the plugins that files are of.
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

    fn look(files: &mut TrackedFiles, found: &[(&str, u64)], first: bool) -> Vec<String> {
        let file = |(name, size): &(&str, u64)| PluginFile { name: (*name).into(), stamp: [*size, 0, 0] };
        files.update(found.iter().map(file).collect(), first)
    }

    #[test]
    fn a_file_is_looked_at_when_it_has_stopped_changing() {
        let mut files = TrackedFiles::default();
        assert_eq!(look(&mut files, &[("a", 1)], true), ["a"]);
        assert!(look(&mut files, &[("a", 1), ("b", 1)], false).is_empty() && files.are_changing());
        assert!(look(&mut files, &[("a", 1), ("b", 2)], false).is_empty());
        assert_eq!(look(&mut files, &[("a", 1), ("b", 2)], false), ["b"]);
        assert!(look(&mut files, &[("a", 1), ("b", 2)], false).is_empty() && !files.are_changing());
        assert!(look(&mut files, &[("b", 2)], false).is_empty() && files.get("a").is_none());
    }
}
