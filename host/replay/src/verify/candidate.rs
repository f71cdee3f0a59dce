//! The candidate of a verification.

use std::sync::Arc;

use cantus_model::ports::Component;

use super::{Predecessor, Waiver};

/// A component to verify, with its predecessor and its waiver.
pub struct Candidate {
    /// The component that may go live.
    pub component: Arc<dyn Component>,
    /// The component that is live, or was last. Its decisions replace the recorded ones of other components in the
    /// comparison.
    pub against: Option<Predecessor>,
    /// The differences that are allowed.
    pub waiver: Option<Waiver>,
    /// `engine.events_per_command`.
    pub events_per_command: usize,
}

impl Candidate {
    /// The aggregate types that it or its predecessor hosts.
    pub(super) fn aggregate_types(&self) -> Vec<String> {
        let before = self.against.as_ref().map(|against| &against.manifest);
        let manifests = std::iter::once(self.component.manifest()).chain(before);
        let mut types: Vec<String> =
            manifests.flat_map(|manifest| manifest.aggregates.iter().map(|kind| kind.name.clone())).collect();
        types.sort();
        types.dedup();
        types
    }

    /// The command with which a person activates it without a verification, and answers for it.
    pub(super) fn manual_activation(&self) -> String {
        let manifest = self.component.manifest();
        format!("`cantus plugin activate {}@{} --no-verify --why REASON`", manifest.name, manifest.version)
    }

    /// Its predecessor, if that can be run.
    pub(super) fn live(&self) -> Option<&Arc<dyn Component>> {
        self.against.as_ref().and_then(|against| against.component.as_ref().ok())
    }
}
