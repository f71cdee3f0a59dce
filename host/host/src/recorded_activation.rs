//! An activation in the log of activations, with its versions.

use cantus_engine::registry::ActivationState;
use cantus_model::{Activation, Digest};
use semver::Version;

/// An activation in the log of activations, with its versions.
#[derive(Clone, Debug)]
pub struct RecordedActivation {
    /// The activation, as it was recorded.
    pub activation: Activation,
    /// The version that went live; `None` if the plugin was deactivated.
    pub version: Option<Version>,
    /// The version that was live before, if there was one.
    pub before: Option<Version>,
}

impl RecordedActivation {
    pub(crate) fn new(activation: Activation, state: &ActivationState) -> Self {
        let version = |digest: Option<Digest>| Some(state.component(digest?)?.1.clone());
        Self { version: version(activation.to), before: version(activation.from), activation }
    }
}
