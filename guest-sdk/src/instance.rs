//! One aggregate in memory: the `instance` of `wit/`, without wasm.

use std::any::Any;

use crate::{
    Context, Failure, Message,
    registry::{self, EventEntry, Table},
};

/// One event in a flat batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// Index into the batch's kinds.
    pub kind: u32,
    /// Bytes of its payload.
    pub size: u32,
}

/// One aggregate in memory.
pub struct Instance {
    table: &'static Table,
    id: String,
    state: Box<dyn Any>,
}

impl Instance {
    /// Starts from a snapshot, or from nothing.
    ///
    /// # Errors
    /// If the plugin has no such aggregate type, or the snapshot does not decode.
    pub fn restore(aggregate_type: &str, id: String, snapshot: Option<&[u8]>) -> Result<Self, String> {
        let table = registry::table(aggregate_type)?;
        Ok(Self { table, id, state: (table.aggregate.restore)(snapshot)? })
    }

    /// Returns the aggregate's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Folds a flat batch. Each kind is looked up once, however many events it has.
    ///
    /// # Errors
    /// If an event does not decode or is not known, or sizes and payloads disagree. The state then has a
    /// part of the batch: drop the instance.
    pub fn combine<'a>(
        &mut self,
        kinds: impl IntoIterator<Item = (&'a str, u32)>,
        events: impl IntoIterator<Item = EventRef>,
        payloads: &[u8],
    ) -> Result<(), String> {
        // One check of the batch costs far less than one of each string of each event.
        let mut payloads =
            str::from_utf8(payloads).map_err(|error| format!("the batch's payloads are not UTF-8: {error}"))?;
        let kinds = kinds.into_iter().map(|(name, version)| self.table.event(name, version));
        let kinds: Vec<&EventEntry> = kinds.collect::<Result<_, _>>()?;
        let state = &mut *self.state;
        for event in events {
            let kind =
                kinds.get(event.kind as usize).ok_or("the batch has an event of a kind that it does not list")?;
            let (payload, rest) =
                payloads.split_at_checked(event.size as usize).ok_or("the batch's payloads end too early")?;
            (kind.fold)(state, payload)?;
            payloads = rest;
        }
        if payloads.is_empty() { Ok(()) } else { Err("the batch's payloads are longer than its events".to_owned()) }
    }

    /// Decides a command. Does not change the state.
    ///
    /// # Errors
    /// A rejection, or the reason why the command could not be decided.
    pub fn handle(&self, command: &Message, context: &Context) -> Result<Vec<Message>, Failure> {
        let entry = self.table.command(&command.name, command.version).map_err(Failure::Unknown)?;
        (entry.decide)(&*self.state, &command.payload, context)
    }

    /// Returns the whole state as JSON.
    ///
    /// # Errors
    /// If the state does not encode, for example a map whose keys are not strings.
    pub fn snapshot(&self) -> Result<Vec<u8>, String> {
        (self.table.aggregate.snapshot)(&*self.state)
    }

    /// Returns the state itself, if it is an `A`.
    pub fn state<A: 'static>(&self) -> Option<&A> {
        self.state.downcast_ref()
    }
}

/// Converts an event of an older version into the newest one.
///
/// # Errors
/// If the event does not decode or is not known.
pub fn upcast(aggregate_type: &str, event: &Message) -> Result<Message, String> {
    (registry::table(aggregate_type)?.event(&event.name, event.version)?.newest)(&event.payload)
}
