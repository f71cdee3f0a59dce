//! Makes repro bundles of the faults that guests meet; `cantus_replay::repro` has their format and runs them.
//!
//! A shard reports a fault through [`FaultReporter`]; [`FaultRecorder`] reads the aggregate's history from the store and hands
//! the finished file to a [`ReproSink`]. The shard never waits for it, and what does not fit the queue is dropped.

mod config;
mod fault_incident;
mod fault_recorder;

pub use config::{ReproConfig, ReproSettings, ReproSink};
pub(crate) use fault_incident::FaultIncident;
pub(crate) use fault_recorder::{FaultRecorder, FaultReporter};
