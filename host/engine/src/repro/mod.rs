//! Makes repro bundles of faults. `cantus_replay::repro` defines their format and runs them.
//!
//! A shard reports a fault through `FaultReporter`; `FaultRecorder` reads the aggregate's history from the store
//! and passes the finished file to a [`ReproSink`]. The shard never waits for it, and a fault that does not fit the
//! queue gets no bundle.

mod config;
mod fault_incident;
mod fault_recorder;

pub use config::{ReproConfig, ReproSettings, ReproSink};
pub(crate) use fault_incident::FaultIncident;
pub(crate) use fault_recorder::{FaultRecorder, FaultReporter};
