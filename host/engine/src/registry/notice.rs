//! Notices of the registry.

use cantus_model::Activation;
use cantus_replay::verify::VerificationReport;
use semver::Version;

use super::FileStatus;

/// Something that people want to hear of.
#[derive(Clone, Debug)]
pub enum RegistryNotice {
    /// Another component is live for a plugin name, or none.
    Changed {
        /// As it was recorded.
        activation: Box<Activation>,
        /// The version that is live now.
        version: Option<Version>,
        /// The version before.
        before: Option<Version>,
        /// What its verification found, if there was one.
        report: Option<Box<VerificationReport>>,
    },
    /// A file does not go live.
    Refused {
        /// The file, with the reason.
        status: FileStatus,
        /// What its verification found, if it came so far.
        report: Option<Box<VerificationReport>>,
    },
    /// The registry cannot do its work: the store or the folder failed. What is live stays live.
    Trouble(String),
}
