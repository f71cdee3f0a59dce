//! The declarations of the plugin's crate, collected from all its modules.

use std::{any::Any, sync::OnceLock};

use schemars::{JsonSchema, SchemaGenerator};

use crate::{
    Aggregate, Context, Event, Failure, Message, MessageKind, command::OneHandlerPerCommand,
    fold::OneCombinerOrUpcasterPerEvent,
};

type Restore = fn(Option<&[u8]>) -> Result<Box<dyn Any>, String>;
type Decide = fn(&dyn Any, &[u8], &Context) -> Result<Vec<Message>, Failure>;

/// One `#[aggregate]`.
#[doc(hidden)]
pub struct AggregateEntry {
    pub(crate) name: &'static str,
    pub(crate) snapshot_every: u32,
    /// Name and version of the declaring package.
    pub(crate) package: (&'static str, &'static str),
    pub(crate) restore: Restore,
    pub(crate) snapshot: fn(&dyn Any) -> Result<Vec<u8>, String>,
}

/// One `#[command]` with its handler.
#[doc(hidden)]
pub struct CommandEntry {
    pub(crate) aggregate: &'static str,
    pub(crate) kind: MessageKind,
    pub(crate) produces: &'static [MessageKind],
    pub(crate) schema: fn() -> String,
    pub(crate) decide: Decide,
}

/// One `#[event]` with its combiner or upcaster.
#[doc(hidden)]
pub struct EventEntry {
    pub(crate) aggregate: &'static str,
    pub(crate) kind: MessageKind,
    pub(crate) upcasts_to: Option<u32>,
    pub(crate) schema: fn() -> String,
    pub(crate) fold: fn(&mut dyn Any, &str) -> Result<(), String>,
    pub(crate) newest: fn(&[u8]) -> Result<Message, String>,
}

inventory::collect!(AggregateEntry);
inventory::collect!(CommandEntry);
inventory::collect!(EventEntry);

impl AggregateEntry {
    #[doc(hidden)]
    pub const fn of<A: Aggregate>(package: &'static str, version: &'static str) -> Self {
        Self {
            name: A::NAME,
            snapshot_every: A::SNAPSHOT_EVERY,
            package: (package, version),
            restore: restore::<A>,
            snapshot: snapshot::<A>,
        }
    }
}

impl CommandEntry {
    #[doc(hidden)]
    pub const fn of<C: OneHandlerPerCommand>() -> Self {
        let aggregate = <C::Aggregate as Aggregate>::NAME;
        Self { aggregate, kind: C::KIND, produces: C::PRODUCES, schema: schema::<C>, decide: decide::<C> }
    }
}

impl EventEntry {
    #[doc(hidden)]
    pub const fn of<E: OneCombinerOrUpcasterPerEvent>() -> Self {
        Self {
            aggregate: <E::Aggregate as Aggregate>::NAME,
            kind: E::KIND,
            upcasts_to: E::UPCASTS_TO,
            schema: schema::<E>,
            fold: fold::<E>,
            newest: newest::<E>,
        }
    }
}

/// An aggregate type with everything that belongs to it, sorted by name and version.
pub(crate) struct Table {
    pub(crate) aggregate: &'static AggregateEntry,
    pub(crate) commands: Vec<&'static CommandEntry>,
    pub(crate) events: Vec<&'static EventEntry>,
}

/// Returns all aggregate types, sorted by name.
///
/// # Panics
/// If two have the same name: nothing could tell their streams apart.
pub(crate) fn tables() -> &'static [Table] {
    static TABLES: OnceLock<Vec<Table>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables: Vec<Table> = inventory::iter::<AggregateEntry>.into_iter().map(Table::of).collect();
        tables.sort_unstable_by_key(|table| table.aggregate.name);
        for pair in tables.windows(2) {
            let [first, second] = [pair[0].aggregate.name, pair[1].aggregate.name];
            assert!(first != second, "two aggregates are named `{first}`: give one `#[aggregate(name = \"..\")]`");
        }
        tables
    })
}

/// Returns the aggregate type of that name.
pub(crate) fn table(name: &str) -> Result<&'static Table, String> {
    let tables = tables();
    let known = || tables.iter().map(|table| table.aggregate.name).collect::<Vec<_>>().join(", ");
    tables
        .iter()
        .find(|table| table.aggregate.name == name)
        .ok_or_else(|| format!("there is no aggregate `{name}`; this plugin has: {}", known()))
}

impl Table {
    fn of(aggregate: &'static AggregateEntry) -> Self {
        let mut commands: Vec<_> =
            inventory::iter::<CommandEntry>.into_iter().filter(|entry| entry.aggregate == aggregate.name).collect();
        let mut events: Vec<_> =
            inventory::iter::<EventEntry>.into_iter().filter(|entry| entry.aggregate == aggregate.name).collect();
        commands.sort_unstable_by_key(|entry| entry.kind);
        events.sort_unstable_by_key(|entry| entry.kind);
        Self { aggregate, commands, events }
    }

    pub(crate) fn command(&self, name: &str, version: u32) -> Result<&'static CommandEntry, String> {
        self.commands
            .iter()
            .find(|entry| entry.kind.version == version && entry.kind.name == name)
            .copied()
            .ok_or_else(|| self.missing("command", name, version, self.commands.iter().map(|entry| entry.kind)))
    }

    pub(crate) fn event(&self, name: &str, version: u32) -> Result<&'static EventEntry, String> {
        self.events
            .iter()
            .find(|entry| entry.kind.version == version && entry.kind.name == name)
            .copied()
            .ok_or_else(|| self.missing("event", name, version, self.events.iter().map(|entry| entry.kind)))
    }

    fn missing(&self, what: &str, name: &str, version: u32, known: impl Iterator<Item = MessageKind>) -> String {
        let known: Vec<String> = known.map(|kind| kind.to_string()).collect();
        let aggregate = self.aggregate.name;
        format!("`{aggregate}` has no {what} `{name}` version {version}; it has: {}", known.join(", "))
    }
}

fn restore<A: Aggregate>(snapshot: Option<&[u8]>) -> Result<Box<dyn Any>, String> {
    let state = match snapshot {
        None => A::default(),
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|error| format!("the snapshot of `{}` does not decode: {error}", A::NAME))?,
    };
    Ok(Box::new(state))
}

fn snapshot<A: Aggregate>(state: &dyn Any) -> Result<Vec<u8>, String> {
    let state: &A = state.downcast_ref().ok_or_else(wrong_state)?;
    serde_json::to_vec(state).map_err(|error| format!("the state of `{}` does not encode: {error}", A::NAME))
}

fn decide<C: OneHandlerPerCommand>(
    state: &dyn Any,
    payload: &[u8],
    context: &Context,
) -> Result<Vec<Message>, Failure> {
    let state = state.downcast_ref().ok_or_else(wrong_state).map_err(Failure::Malformed)?;
    if payload.trim_ascii_start().first() == Some(&b'[') {
        // serde would read its values as the fields in their order.
        return Err(Failure::Malformed(format!("command {} must be a JSON object, not an array", C::KIND)));
    }
    let command: C = serde_json::from_slice(payload)
        .map_err(|error| Failure::Malformed(format!("command {} does not decode: {error}", C::KIND)))?;
    command.decide(state, context)
}

fn fold<E: OneCombinerOrUpcasterPerEvent>(state: &mut dyn Any, payload: &str) -> Result<(), String> {
    let state = state.downcast_mut().ok_or_else(wrong_state)?;
    let event: E = serde_json::from_str(payload).map_err(undecodable::<E>)?;
    event.fold(state);
    Ok(())
}

fn newest<E: OneCombinerOrUpcasterPerEvent>(payload: &[u8]) -> Result<Message, String> {
    let event: E = serde_json::from_slice(payload).map_err(undecodable::<E>)?;
    event.newest()
}

#[cold]
fn undecodable<E: Event>(error: serde_json::Error) -> String {
    format!("event {} does not decode: {error}", E::KIND)
}

fn schema<T: JsonSchema>() -> String {
    SchemaGenerator::default().into_root_schema_for::<T>().as_value().to_string()
}

/// Only two aggregates of one name could lead here, and [`tables`] refuses them.
fn wrong_state() -> String {
    "the state belongs to another aggregate type".to_owned()
}
