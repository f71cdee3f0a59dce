//! Waivers: files, reviewed with a change, that name the differences which a release may bring.

use semver::Version;
use serde::Deserialize;

use crate::replay::{DecisionChange, FindingGroup, Findings};

/// Allowed differences between two versions of a plugin.
///
/// ```toml
/// plugin = "flights"
/// from = "1.0.0"
/// to = "1.0.1"
///
/// [[allow]]
/// command = "Flight.Depart"
/// change = "accepted-to-rejected"
/// code = "too-late"                # optional: only rejections with this code
/// reason = "the rule was missing; agreed in review"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    plugin: String,
    from: Version,
    to: Version,
    #[serde(default)]
    allow: Vec<WaiverRule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverRule {
    command: String,
    change: DecisionChange,
    code: Option<String>,
    reason: String,
}

/// The reason why a waiver is not accepted.
#[derive(Debug, thiserror::Error)]
#[error("the waiver is not acceptable: {0}")]
pub struct WaiverError(String);

impl Waiver {
    /// Parses a waiver.
    ///
    /// # Errors
    /// If it is not TOML of that form, allows what is never allowed, or has no reason.
    pub fn parse(text: &str) -> Result<Self, WaiverError> {
        let waiver: Self = toml::from_str(text).map_err(|error| WaiverError(error.to_string()))?;
        match waiver.allow.iter().find(|allowance| allowance.reason.trim().is_empty() || allowance.change.is_failure())
        {
            Some(WaiverRule { change, command, .. }) if change.is_failure() => {
                Err(WaiverError(format!("{command}: {change} is never allowed")))
            }
            Some(WaiverRule { command, .. }) => Err(WaiverError(format!("{command}: give a reason"))),
            None => Ok(waiver),
        }
    }

    /// Checks that it is for this plugin and these versions; otherwise returns what it is for.
    pub(super) fn applies_to(&self, plugin: &str, from: &Version, to: &Version) -> Result<(), String> {
        match self.plugin == plugin && self.from == *from && self.to == *to {
            true => Ok(()),
            false => Err(format!(
                "its waiver is for {} {} → {}, not for {plugin} {from} → {to}",
                self.plugin, self.from, self.to
            )),
        }
    }

    /// Marks the differences that it allows in a replay by `version` of a plugin, from whatever version.
    ///
    /// # Errors
    /// If it is for another plugin or version.
    pub fn apply(&self, findings: &mut Findings, plugin: &str, version: &Version) -> Result<(), WaiverError> {
        if self.plugin != plugin || self.to != *version {
            let mismatch = format!("it is for {} {}, not for {plugin} {version}", self.plugin, self.to);
            return Err(WaiverError(mismatch));
        }
        findings.groups.iter_mut().for_each(|group| group.waived = self.reason(group));
        Ok(())
    }

    /// The differences that it allows and `findings` do not have: commands, each with its change.
    pub fn unused(&self, findings: &Findings) -> Vec<String> {
        let is_used = |allowance: &&WaiverRule| findings.groups.iter().any(|group| allowance.allows(group));
        let unused = self.allow.iter().filter(|allowance| !is_used(allowance));
        unused.map(|WaiverRule { command, change, .. }| format!("{command}: {change}")).collect()
    }

    /// The reason why differences of this kind are allowed, if they are.
    pub(super) fn reason(&self, group: &FindingGroup) -> Option<String> {
        self.allow.iter().find(|allowance| allowance.allows(group)).map(|allowance| allowance.reason.clone())
    }
}

impl WaiverRule {
    fn allows(&self, group: &FindingGroup) -> bool {
        let command = group.command.split(' ').next().unwrap_or_default();
        self.change == group.change
            && self.command == format!("{}.{command}", group.aggregate)
            && (self.code.is_none() || self.code == group.code)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &str = "plugin = \"p\"\nfrom = \"1.0.0\"\nto = \"1.0.1\"\n";

    #[test]
    fn a_waiver_gives_reasons_and_never_allows_a_fault() {
        let allow = |fields: &str| Waiver::parse(&format!("{HEAD}[[allow]]\n{fields}"));
        assert!(allow("command='A.B'\nchange='events-differ'\nreason='agreed'").is_ok());
        let message = |fields| allow(fields).unwrap_err().to_string();
        assert!(message("command='A.B'\nchange='events-differ'\nreason=' '").contains("give a reason"));
        assert!(message("command='A.B'\nchange='fault'\nreason='so what'").contains("never allowed"));
        assert!(message("command='A.B'\nchange='maybe'\nreason='x'").contains("maybe"));
    }

    #[test]
    fn a_waiver_is_for_one_step() {
        let waiver = Waiver::parse(HEAD).unwrap();
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(waiver.applies_to("p", &version("1.0.0"), &version("1.0.1")).is_ok());
        assert!(waiver.applies_to("p", &version("1.0.0"), &version("1.0.2")).is_err());
    }
}
