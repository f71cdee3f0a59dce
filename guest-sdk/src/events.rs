//! The results of handlers, and their conversion to messages.

use std::marker::PhantomData;

use crate::{Aggregate, Command, Event, EventOf, Message, MessageKind};

/// Encodes one event.
#[doc(hidden)]
pub fn encode<E: Event>(event: &E) -> Result<Message, String> {
    match serde_json::to_vec(event) {
        Ok(payload) => Ok(Message { name: E::KIND.name.to_owned(), version: E::KIND.version, payload }),
        Err(error) => Err(format!("event {} does not encode: {error}", E::KIND)),
    }
}

/// Events of several kinds, in order: the result of a handler that decides at run time which ones it returns.
///
/// Each kind must be in the command's `produces`; the host treats another one as a fault of the plugin.
#[derive(Debug)]
pub struct Events<A> {
    encoded: Result<Vec<(MessageKind, Message)>, String>,
    aggregate: PhantomData<fn(A)>,
}

impl<A> Events<A> {
    /// An empty list.
    pub fn new() -> Self {
        Self { encoded: Ok(Vec::new()), aggregate: PhantomData }
    }

    /// Adds an event.
    pub fn push<E: EventOf<A>>(&mut self, event: E)
    where
        A: Aggregate,
    {
        if let Ok(events) = &mut self.encoded {
            match encode(&event) {
                Ok(message) => events.push((E::KIND, message)),
                Err(error) => self.encoded = Err(error),
            }
        }
    }

    /// Adds an event and returns the list, for chains of calls.
    #[must_use]
    pub fn and<E: EventOf<A>>(mut self, event: E) -> Self
    where
        A: Aggregate,
    {
        self.push(event);
        self
    }
}

impl<A> Default for Events<A> {
    fn default() -> Self {
        Self::new()
    }
}

/// A result of a handler of the command `C`: an event, `()`, an `Option`, a `Vec`, a tuple of up to eight, or
/// [`Events`]. `#[event]` implements it for the event and the commands that list it in their `produces`.
#[diagnostic::on_unimplemented(
    message = "a handler of `{C}` cannot return `{Self}`",
    label = "neither an event nor events",
    note = "return one event, an `Option`, a tuple or a `Vec` of events, or `Events<..>`, within `Result<.., ..>`"
)]
pub trait IntoEvents<C> {
    /// Appends the events' messages.
    ///
    /// # Errors
    /// If one does not encode, or is not in the command's `produces`.
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String>;
}

impl<C, T: IntoEvents<C>> IntoEvents<C> for Option<T> {
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String> {
        self.map_or(Ok(()), |event| event.append_to(messages))
    }
}

impl<C, T: IntoEvents<C>> IntoEvents<C> for Vec<T> {
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String> {
        self.into_iter().try_for_each(|event| event.append_to(messages))
    }
}

impl<C: Command> IntoEvents<C> for Events<C::Aggregate> {
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String> {
        for (kind, message) in self.encoded? {
            if !C::PRODUCES.contains(&kind) {
                return Err(format!(
                    "the handler of {} returned {kind}, which its `produces` does not list: add it there",
                    C::KIND
                ));
            }
            messages.push(message);
        }
        Ok(())
    }
}

impl<C> IntoEvents<C> for () {
    fn append_to(self, _: &mut Vec<Message>) -> Result<(), String> {
        Ok(())
    }
}

macro_rules! tuples {
    ($($head:ident $($rest:ident)*)?) => {$(
        impl<C, $head: IntoEvents<C>, $($rest: IntoEvents<C>),*> IntoEvents<C> for ($head, $($rest,)*) {
            #[allow(non_snake_case, reason = "type parameters name the fields")]
            fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String> {
                let ($head, $($rest,)*) = self;
                $head.append_to(messages)?;
                $($rest.append_to(messages)?;)*
                Ok(())
            }
        }
        tuples!($($rest)*);
    )?};
}
tuples!(E1 E2 E3 E4 E5 E6 E7 E8);
