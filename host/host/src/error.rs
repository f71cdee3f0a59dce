//! Errors of a host, apart from those of commands.

use std::{fmt, path::PathBuf};

use cantus_engine::{StartError, registry::ActivationError};
use cantus_model::ports::StoreError;
use cantus_replay::verify::VerificationReport;

/// A file of the folder of plugins that the host refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPlugin {
    /// The file.
    pub file: PathBuf,
    /// The reason, for people.
    pub reason: String,
}

/// Says why a host could not do as asked. Errors of commands are `cantus_model::CommandError`.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The request or the settings make no sense.
    #[error("{0}")]
    Invalid(String),
    /// What was asked for is not there, or is so already.
    #[error("{0}")]
    NotFound(String),
    /// Somebody else changed the same thing at the same moment: ask again.
    #[error("{0}")]
    Conflict(String),
    /// A plugin cannot be used.
    #[error("{0}")]
    Plugin(String),
    /// No plugin can be used: each file of the folder is refused.
    #[error("refused as plugins:{}", list(.0))]
    PluginsRefused(Vec<RefusedPlugin>),
    /// Recorded history does not allow the activation.
    #[error("the verification against recorded history refuses it")]
    Verification(Box<VerificationReport>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else on this machine failed.
    #[error("{0}")]
    Machine(String),
}

fn list(refused: &[RefusedPlugin]) -> String {
    refused.iter().map(|plugin| format!("\n  {}: {}", plugin.file.display(), plugin.reason)).collect()
}

impl HostError {
    /// Takes any error for a failure of this machine.
    pub(crate) fn machine(error: impl fmt::Display) -> Self {
        Self::Machine(error.to_string())
    }

    /// Takes any error for one of a plugin.
    pub(crate) fn plugin(error: impl fmt::Display) -> Self {
        Self::Plugin(error.to_string())
    }
}

impl From<ActivationError> for HostError {
    fn from(error: ActivationError) -> Self {
        match error {
            ActivationError::Store(error) => Self::Store(error),
            ActivationError::Refused(refused) => Self::plugin(refused),
            ActivationError::ConcurrentChange => Self::Conflict(error.to_string()),
        }
    }
}

impl From<StartError> for HostError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => Self::Store(error),
            StartError::DuplicateAggregate(error) => Self::plugin(error),
            StartError::Thread(_) => Self::machine(error),
        }
    }
}
