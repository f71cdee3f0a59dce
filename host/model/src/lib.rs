//! The domain model of Cantus as data, and the ports that the adapters implement.
//!
//! It is pure: no I/O, no clock, no wasmtime, no SQL. It imports no other crate of the workspace, and every other
//! host crate imports it. [`ports`] holds the traits; everything else is plain data, and rules on it that several
//! crates apply.

mod activation;
mod admission;
mod aggregate;
mod answer;
mod batch;
mod command;
mod commit;
mod component_health;
mod decide;
mod digest;
mod event;
mod fault;
mod history;
mod manifest;
mod message;
mod partition;
pub mod ports;
mod roster;
mod stream_range;

pub use activation::{Activation, ActivationCause, ComponentRecord};
pub use admission::{check_ids, check_size, metadata_bytes};
pub use aggregate::AggregateRef;
pub use answer::{Answer, CommandError, DurableOutcome};
pub use batch::{EventBatch, EventRef, PageLimit};
pub use command::{Command, CommandRecord, Outcome, RequestShape};
pub use commit::{Decision, Entry, EntryResult, Verdict};
pub use component_health::{ComponentHealth, HealthCounts};
pub use decide::decide;
pub use digest::{Digest, ParseDigestError};
pub use event::{EventQuery, Position, RecordedEvent, Snapshot, StreamHead};
pub use fault::{Fault, FaultKind};
pub use history::{HistoryPage, HistoryQuery, RecordedCommand, StreamSample};
pub use manifest::{AggregateType, CommandType, EventType, Manifest, PluginKind};
pub use message::{Context, Message, MessageKind, Rejection, Timestamp};
pub use partition::{LogInfo, PartitionId};
pub use roster::{DuplicateAggregate, HostedAggregate, LiveComponent, Roster, Route};
pub use stream_range::StreamRange;
