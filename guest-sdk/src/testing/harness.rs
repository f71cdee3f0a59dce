//! Drives an aggregate by its name: what the component does, without types and without wasm.

use crate::{Context, EventRef, Failure, Instance, Message, Timestamp};

/// One aggregate, driven with names and JSON.
pub struct Harness {
    instance: Instance,
    aggregate_type: String,
    /// The context of the next command.
    pub context: Context,
}

impl Harness {
    /// Makes an aggregate that has no events.
    ///
    /// # Panics
    /// If no linked crate declares that aggregate type.
    #[track_caller]
    pub fn new(aggregate_type: &str, id: &str) -> Self {
        let instance = Instance::restore(aggregate_type, id.to_owned(), None).unwrap_or_else(|error| panic!("{error}"));
        let context = Context {
            aggregate_id: id.to_owned(),
            command_id: "test".to_owned(),
            now: Timestamp::UNIX_EPOCH,
            seed: 0,
            correlation_id: "test".to_owned(),
            causation_id: None,
            actor: None,
            metadata: Vec::new(),
        };
        Self { instance, aggregate_type: aggregate_type.to_owned(), context }
    }

    /// Decides a command.
    ///
    /// # Errors
    /// A rejection, or the reason why it could not be decided.
    pub fn handle(&self, name: &str, version: u32, json: impl Into<Vec<u8>>) -> Result<Vec<Message>, Failure> {
        let command = Message { name: name.to_owned(), version, payload: json.into() };
        self.instance.handle(&command, &self.context)
    }

    /// Folds events.
    ///
    /// # Errors
    /// If one does not decode or is not known.
    pub fn combine(&mut self, events: &[Message]) -> Result<(), String> {
        let kinds: Vec<(&str, u32)> = events.iter().map(|event| (event.name.as_str(), event.version)).collect();
        let sizes = events.iter().map(|event| event.payload.len() as u32);
        let refs: Vec<EventRef> = (0..).zip(sizes).map(|(kind, size)| EventRef { kind, size }).collect();
        let payloads: Vec<u8> = events.iter().flat_map(|event| event.payload.iter().copied()).collect();
        self.combine_batch(&kinds, &refs, &payloads)
    }

    /// Folds a flat batch, as the host hands it over.
    ///
    /// # Errors
    /// If an event does not decode or is not known, or sizes and payloads disagree.
    pub fn combine_batch(&mut self, kinds: &[(&str, u32)], events: &[EventRef], payloads: &[u8]) -> Result<(), String> {
        self.instance.combine(kinds.iter().copied(), events.iter().copied(), payloads)
    }

    /// The state as JSON.
    ///
    /// # Panics
    /// If it does not encode.
    #[track_caller]
    pub fn snapshot(&self) -> Vec<u8> {
        self.instance.snapshot().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Replaces the state by that of a snapshot.
    ///
    /// # Errors
    /// If it does not decode.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        let id = self.instance.id().to_owned();
        self.instance = Instance::restore(&self.aggregate_type, id, Some(snapshot))?;
        Ok(())
    }

    /// The state itself.
    ///
    /// # Panics
    /// If it is of another type.
    #[track_caller]
    pub fn state<A: 'static>(&self) -> &A {
        self.instance.state().unwrap_or_else(|| panic!("`{}` has a state of another type", self.aggregate_type))
    }
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} {}", self.aggregate_type, self.instance.id(), String::from_utf8_lossy(&self.snapshot()))
    }
}
