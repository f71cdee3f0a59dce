//! What if a command had not been asked, or another one, or one more?
//!
//! Up to a branch point the events are folded as they were recorded. From there on the commands of the aggregate are
//! decided again, for real: their events are folded in turn, so that differences do cascade. Nothing is written.
//!
//! A recorded command is asked in its recorded context, one that was never recorded at the time of the branch point; either
//! not before the last event of the new timeline, as in a host. A command that faults leaves no trace, and the timeline
//! goes on without it. A command that expected a version is refused on another one, as in a host: the hash of the request
//! tells whether it expected any.
//!
//! Memory: a few pages of history, 64 MiB of the aggregate's events, and the steps that were asked for. A component that is
//! first needed, or must be hydrated again after a fault, in a stream with more than that decides no more.

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
