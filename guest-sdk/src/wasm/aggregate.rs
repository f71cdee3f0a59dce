//! The exports of a plugin that has aggregates.

use std::cell::RefCell;

use super::{
    Component,
    bindings::{cantus::domain::types, exports::cantus::domain::aggregate},
};
use crate::{Context, EventRef, Failure, Instance, Message, Rejection, Timestamp};

impl aggregate::Guest for Component {
    type Instance = RefCell<Instance>;

    fn upcast(aggregate_type: String, event: aggregate::Message) -> Result<aggregate::Message, String> {
        crate::upcast(&aggregate_type, &event.into()).map(Into::into)
    }
}

impl aggregate::GuestInstance for RefCell<Instance> {
    fn restore(aggregate_type: String, id: String, snapshot: Option<Vec<u8>>) -> Result<aggregate::Instance, String> {
        let instance = Instance::restore(&aggregate_type, id, snapshot.as_deref())?;
        Ok(aggregate::Instance::new(Self::new(instance)))
    }

    fn combine(&self, batch: aggregate::EventBatch) -> Result<(), String> {
        let kinds = batch.kinds.iter().map(|kind| (kind.name.as_str(), kind.version));
        let events = batch.events.iter().map(|event| EventRef { kind: event.kind, size: event.size });
        self.borrow_mut().combine(kinds, events, &batch.payloads)
    }

    fn handle(
        &self,
        command: aggregate::Message,
        context: aggregate::Context,
    ) -> Result<Vec<aggregate::Message>, aggregate::Failure> {
        let instance = self.borrow();
        let context = context_of(context, instance.id());
        match instance.handle(&command.into(), &context) {
            Ok(events) => Ok(events.into_iter().map(Into::into).collect()),
            Err(failure) => Err(failure.into()),
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        self.borrow().snapshot().unwrap_or_else(|error| panic!("{error}"))
    }
}

fn context_of(context: aggregate::Context, aggregate_id: &str) -> Context {
    Context {
        aggregate_id: aggregate_id.to_owned(),
        command_id: context.command_id,
        now: Timestamp::from_micros(context.now),
        seed: context.seed,
        correlation_id: context.correlation_id,
        causation_id: context.causation_id,
        actor: context.actor,
        metadata: context.metadata,
    }
}

impl From<aggregate::Message> for Message {
    fn from(message: aggregate::Message) -> Self {
        Self { name: message.name, version: message.version, payload: message.payload }
    }
}

impl From<Message> for aggregate::Message {
    fn from(message: Message) -> Self {
        Self { name: message.name, version: message.version, payload: message.payload }
    }
}

impl From<Failure> for aggregate::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(Rejection { code, message, detail }) => {
                Self::Rejected(types::Rejection { code, message, detail })
            }
            Failure::Unknown(reason) => Self::Unknown(reason),
            Failure::Malformed(reason) => Self::Malformed(reason),
        }
    }
}
