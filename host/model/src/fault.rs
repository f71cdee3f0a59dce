//! Faults: failures of a guest, or of the host on its behalf. A fault is never a decision and never stored as one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Digest, Manifest};

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The guest trapped: a panic, an out-of-bounds access, a division by zero.
    Trap,
    /// The guest used up the fuel of one call.
    OutOfFuel,
    /// The guest asked for more memory than its limit.
    MemoryLimit,
    /// The guest recursed deeper than its stack allows.
    StackOverflow,
    /// The guest ran longer than the watchdog allows.
    TimeLimit,
    /// The guest returned more than the host accepts.
    ResultTooLarge,
    /// The guest called an import that the sandbox refuses.
    RefusedCall,
    /// The guest could not decode a payload, a snapshot or an event, or broke its own declaration.
    Malformed,
    /// The host could not run the guest.
    Host,
}

impl FaultKind {
    /// Reports whether a limit of one call was met, so that the same work in several calls may stay below it.
    pub const fn is_call_limit(self) -> bool {
        matches!(self, Self::OutOfFuel | Self::MemoryLimit | Self::TimeLimit)
    }
}

/// A failure of a guest: its kind, the call in which it happened, and the component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The kind of failure.
    pub kind: FaultKind,
    /// The export that was running: `handle`, `combine`, `restore`, `snapshot`, `describe`.
    pub call: &'static str,
    /// One line for people.
    pub message: String,
    /// The wasm backtrace, innermost frame first, with function names if the component has them.
    pub backtrace: Vec<String>,
    /// The plugin's name and version.
    pub plugin: String,
    /// The component that faulted.
    pub component: Digest,
}

impl Fault {
    /// The fault of a component that returned something malformed from `call`.
    pub fn malformed(manifest: &Manifest, component: Digest, call: &'static str, message: String) -> Box<Self> {
        Box::new(Self {
            kind: FaultKind::Malformed,
            call,
            message,
            backtrace: Vec::new(),
            plugin: format!("{}@{}", manifest.name, manifest.version),
            component,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} faulted in {}: {}", self.plugin, self.call, self.message)
    }
}

impl std::error::Error for Fault {}
