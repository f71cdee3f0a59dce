//! Verification: runs recorded commands on a candidate before it goes live.
//!
//! The newest recorded commands of its aggregates are decided again, on streams folded by the candidate, twice: in
//! the mode of the running host, and in another mode that must not change any decision (other hash seed, events one
//! by one, a sandbox for each stream, instances restored from their own snapshots). `streams` orders the streams,
//! `history_reader` reads them, `stream_pager` divides one at its commands, `examine` runs them, `rules` judges the
//! findings.

mod candidate;
mod examine;
mod history_reader;
mod predecessor;
mod report;
mod rules;
mod run;
mod settings;
mod stream_pager;
mod streams;
mod waiver;

pub use candidate::Candidate;
pub use predecessor::Predecessor;
pub use report::{PluginVersion, VerificationFailure, VerificationReport};
pub use run::verify;
pub use settings::VerifySettings;
pub use waiver::{Waiver, WaiverError};
