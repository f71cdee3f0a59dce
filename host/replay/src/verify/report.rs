//! The report of a verification, which is stored with the activation.

use cantus_model::{Digest, ports::Component};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::value::RawValue;

use crate::replay::Findings;

/// The report of a verification. It names no time, so that the same history gives the same report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct VerificationReport {
    /// The plugin's name.
    pub plugin: String,
    /// The version that was verified.
    pub candidate: PluginVersion,
    /// The version that it was compared with, besides the record.
    pub against: Option<PluginVersion>,
    /// The reasons why it may not go live; empty if it may.
    pub refused: Vec<String>,
    /// All requested commands were run before the time was up.
    pub complete: bool,
    /// Count of recorded commands to decide again; `None` if the verification was turned off.
    #[serde(default)]
    pub recorded: Option<u64>,
    /// The comparison of its decisions with those before.
    #[serde(flatten, skip_deserializing)]
    pub findings: Findings,
    /// The first failures.
    pub failures: Vec<VerificationFailure>,
    /// Commands, events and aggregates that it no longer declares.
    pub removed: Vec<String>,
}

/// A version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginVersion {
    /// The version in its manifest.
    pub version: semver::Version,
    /// sha256 of its bytes.
    pub digest: Digest,
}

/// A failure that no version may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationFailure {
    /// The aggregate of the stream.
    pub aggregate: String,
    /// The command on which it failed, if it was one.
    pub command_id: Option<String>,
    /// The failure, for people.
    pub message: String,
}

impl Serialize for VerificationReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// Reads the findings separately from the text: flattened fields go through a buffer, which rounds numbers.
impl<'de> Deserialize<'de> for VerificationReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let report =
            Self::deserialize(&mut serde_json::Deserializer::from_str(text.get())).map_err(D::Error::custom)?;
        Ok(Self { findings: serde_json::from_str(text.get()).map_err(D::Error::custom)?, ..report })
    }
}

impl VerificationReport {
    /// Reports whether the candidate may go live.
    pub fn is_allowed(&self) -> bool {
        self.refused.is_empty()
    }

    /// Count of commands that were decided again and compared.
    pub fn checked(&self) -> u64 {
        self.findings.reached()
    }

    /// The share of history that was run, for people.
    pub fn coverage(&self) -> String {
        match self.recorded {
            None if self.findings.commands == 0 => "no recorded commands were run: verify.commands is 0".to_owned(),
            None => format!("{} recorded commands checked", self.checked()),
            Some(0) => "no recorded commands to run".to_owned(),
            Some(recorded) => format!("{} of {recorded} recorded commands checked", self.checked()),
        }
    }

    /// Count of commands whose decision differs.
    pub fn differing(&self) -> u64 {
        self.findings.commands - self.findings.identical
    }
}

impl PluginVersion {
    pub(super) fn of(component: &dyn Component) -> Self {
        Self { version: component.manifest().version.clone(), digest: component.digest() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stored_report_preserves_its_values_exactly() {
        let decision = r#"{"accepted":[{"event":"E","payload":{"b":0.48631448008240996,"a":1.50,"b":1},"version":1}]}"#;
        let text = format!(
            r#"{{"plugin":"p","candidate":{{"version":"1.0.0","digest":"{digest}"}},"against":null,"refused":[],"complete":true,"recorded":2,"streams":1,"commands":2,"events":3,"identical":1,"groups":[{{"change":"events-differ","aggregate":"A","command":"C v1","count":1,"examples":[{{"aggregate":"A/1","command_id":"c","version":0,"before":{decision},"now":{decision}}}]}}],"failures":[],"removed":[]}}"#,
            digest = Digest::default()
        );
        let report: VerificationReport = serde_json::from_str(&text).unwrap();
        assert_eq!((report.findings.commands, report.findings.groups.len()), (2, 1));
        assert_eq!(serde_json::to_string(&report).unwrap(), text);
    }
}
