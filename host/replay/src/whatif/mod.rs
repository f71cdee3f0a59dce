//! Runs one aggregate on another timeline: without a recorded command, with another one, or with additional ones.
//!
//! Up to a branch point the events are folded as they were recorded. From there on the commands of the aggregate are
//! decided again, and their new events are folded, so differences do cascade. Nothing is written.
//!
//! A recorded command is decided in its recorded context, one that was never recorded at the time of the branch
//! point; either not before the last event of the new timeline, as in a host. A command that faults leaves no trace,
//! and the timeline goes on without it. A command that expected a version is refused on another version, as in a
//! host: the hash of the request shows whether it expected one.
//!
//! Memory: a few pages of history, 64 MiB of the aggregate's events, and the steps of the report. In a longer stream,
//! a component that joins late, or must be hydrated again after a fault, can decide no more.

mod branch;
mod query;
mod report;
mod run;
mod steps;
mod timeline;
mod timeline_run;

pub use branch::{Branch, BranchError, BranchPoint};
pub use query::{WhatIfError, WhatIfQuery};
pub use report::{
    CommonPrefix, Divergence, EventStep, StepCounts, StepMark, TimelineEnd, TimelineSide, TimelineStep, Timelines,
};
pub use run::whatif;
