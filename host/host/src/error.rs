//! Errors of hosts, queries and operations.

use std::{fmt, path::PathBuf};

use cantus_engine::{StartError, registry::ActivationError};
use cantus_model::ports::StoreError;
use cantus_replay::{verify::VerificationReport, whatif::WhatIfError};

/// A file in the folder of plugins that the host refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPlugin {
    /// The file.
    pub file: PathBuf,
    /// The reason, for people.
    pub reason: String,
}

/// The reason why a host, a query or an operation failed. Commands fail with `cantus_model::CommandError` instead.
///
/// Messages are for the operator of the host: they may name files and settings.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The request or the settings are invalid.
    #[error("{0}")]
    Invalid(String),
    /// The requested item does not exist, or the requested change is already made.
    #[error("{0}")]
    NotFound(String),
    /// Another process changed the same item at the same moment. A second attempt may succeed.
    #[error("{0}")]
    Conflict(String),
    /// A plugin is missing or refused.
    #[error("{0}")]
    Plugin(String),
    /// Every file in the folder of plugins is refused, so no plugin can be used.
    #[error("every file in the folder of plugins is refused:{}", list(.0))]
    PluginsRefused(Vec<RefusedPlugin>),
    /// The verification refuses to activate the component.
    #[error("the verification against recorded history refuses the component")]
    Verification(Box<VerificationReport>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another resource of this machine failed: a folder, a file or a thread.
    #[error("{0}")]
    Machine(String),
}

fn list(refused: &[RefusedPlugin]) -> String {
    refused.iter().map(|plugin| format!("\n  {}: {}", plugin.file.display(), plugin.reason)).collect()
}

impl HostError {
    /// Converts an error into a failure of this machine.
    pub(crate) fn machine(error: impl fmt::Display) -> Self {
        Self::Machine(error.to_string())
    }

    /// Converts an error into one of a plugin.
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

impl From<WhatIfError> for HostError {
    fn from(error: WhatIfError) -> Self {
        match error {
            WhatIfError::Store(error) => Self::Store(error),
            WhatIfError::NoAggregate(_) => Self::NotFound(error.to_string()),
            WhatIfError::IdTaken(_) => Self::Invalid(error.to_string()),
            WhatIfError::NoComponent(_) | WhatIfError::Refused(_) => {
                let advice = "set `data` to the folder that has it, or choose a component that decides in its place";
                Self::Plugin(format!("{error}; {advice}"))
            }
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
