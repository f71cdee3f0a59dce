//! The JSON forms of live components, of files in the folder of plugins, and of the coverage of a verification.

use cantus_model::Activation;
use cantus_replay::verify::VerificationReport;
use serde::Serialize;

use super::{count_text, time_text};
use crate::{PluginStatus, verification_report};

/// A live component, or a file in the folder of plugins.
#[derive(Debug, Serialize)]
pub struct PluginJson {
    /// The name of the plugin.
    pub plugin: Option<String>,
    /// The version of the plugin.
    pub version: Option<String>,
    /// The digest of the component.
    pub digest: Option<String>,
    /// The state of the component or the file.
    pub state: &'static str,
    /// The name of the file.
    pub file: Option<String>,
    /// The time of the activation of a live component.
    pub since: Option<String>,
    /// The part of the recorded commands that was checked before the activation.
    pub checked: Option<String>,
    /// The cause and the reason of the activation, or the reason for the state of a file.
    pub reason: Option<String>,
}

impl From<&PluginStatus> for PluginJson {
    fn from(status: &PluginStatus) -> Self {
        let activation = status.activation.as_ref();
        let reason = activation.map(|activation| format!("{}: {}", activation.cause, activation.why));
        Self {
            plugin: status.plugin.clone(),
            version: status.version.as_ref().map(ToString::to_string),
            digest: status.digest.map(|digest| digest.to_string()),
            state: status.state.as_str(),
            file: status.file.clone(),
            since: activation.map(|activation| time_text(activation.at)),
            checked: activation.and_then(checked_text),
            reason: reason.or_else(|| status.reason.clone()),
        }
    }
}

/// Describes the part of the recorded commands that was checked before an activation; `None` if it was not verified.
pub fn checked_text(activation: &Activation) -> Option<String> {
    verification_report(activation).ok().flatten().as_ref().map(coverage_text)
}

/// Describes the part of the recorded commands that a verification has checked: `1,000 of 4,204`.
fn coverage_text(report: &VerificationReport) -> String {
    match report.recorded {
        None => "off".to_owned(),
        Some(0) => "none recorded".to_owned(),
        Some(recorded) => format!("{} of {}", count_text(report.checked()), count_text(recorded)),
    }
}
