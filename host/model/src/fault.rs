//! When a guest, or the host on its behalf, fails: never a decision, never stored as one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The guest trapped: a panic, an out-of-bounds access, a division by zero.
    Trap,
    /// It used up the fuel of one call.
    OutOfFuel,
    /// It asked for more memory than its limit.
    MemoryLimit,
    /// It recursed deeper than its stack allows.
    StackOverflow,
    /// It ran longer than the watchdog allows.
    TimeLimit,
    /// It returned more than the host takes.
    ResultTooLarge,
    /// It called something that the sandbox refuses.
    RefusedCall,
    /// It could not decode a payload, a snapshot or an event, or broke its own declaration.
    Malformed,
    /// The host could not run it.
    Host,
}

impl FaultKind {
    /// Reports whether one call met a limit, so that the same work in several calls may stay below it.
    pub const fn is_call_limit(self) -> bool {
        matches!(self, Self::OutOfFuel | Self::MemoryLimit | Self::TimeLimit)
    }
}

/// What happened, where, in whose code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// The export that was running: `handle`, `combine`, `restore`, `snapshot`, `describe`.
    pub call: &'static str,
    /// One line for people.
    pub message: String,
    /// The wasm backtrace, innermost frame first, with function names where the component kept them.
    pub backtrace: Vec<String>,
    /// The plugin's name and version.
    pub plugin: String,
    /// The component that faulted.
    pub component: Digest,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} faulted in {}: {}", self.plugin, self.call, self.message)
    }
}

impl std::error::Error for Fault {}
