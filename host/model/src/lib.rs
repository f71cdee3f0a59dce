//! The words of Cantus as data, and the ports that the adapters implement.
//!
//! It is pure: no I/O, no clock, no wasmtime, no SQL. It imports no other crate of the workspace, and every other host
//! crate imports it. [`ports`] holds the traits; everything else is plain data.

mod activation;
mod batch;
mod command;
mod commit;
mod digest;
mod event;
mod fault;
mod history;
mod manifest;
mod message;
mod partition;
pub mod ports;

pub use activation::{Activation, Cause, ComponentRecord};
pub use batch::{EventBatch, EventRef, PageLimit};
pub use command::{Command, CommandRecord, Outcome, RequestShape};
pub use commit::{Decision, Entry, EntryResult, Verdict};
pub use digest::{Digest, ParseDigestError};
pub use event::{AggregateRef, EventQuery, Position, RecordedEvent, Snapshot, StreamHead};
pub use fault::{Fault, FaultKind};
pub use history::{HistoryPage, HistoryQuery, RecordedCommand, Sample};
pub use manifest::{AggregateType, CommandType, EventType, Manifest};
pub use message::{Context, Kind, Message, Rejection, Timestamp};
pub use partition::{LogInfo, PartitionId};
