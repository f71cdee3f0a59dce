//! Notices of the registry.

use cantus_model::Activation;
use cantus_replay::verify::VerificationReport;
use semver::Version;

use super::FileStatus;

/// A notice for people.
#[derive(Clone, Debug)]
pub enum RegistryNotice {
    /// Another component is live for a plugin name, or none.
    Changed {
        /// The recorded activation.
        activation: Box<Activation>,
        /// The version that is live now.
        version: Option<Version>,
        /// The version before.
        before: Option<Version>,
        /// The report of its verification, if there was one.
        report: Option<Box<VerificationReport>>,
    },
    /// The host refuses a file.
    Refused {
        /// The file, with the reason.
        status: FileStatus,
        /// The report of its verification, if there was one.
        report: Option<Box<VerificationReport>>,
    },
    /// The registry cannot do its work, because the store or the folder failed. The live components stay live.
    Problem(String),
}
