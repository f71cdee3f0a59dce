//! Tests of aggregates without wasm: given these events, when this command, then these events or this rejection.
//!
//! Commands, events and states go through the same JSON and the same dispatch as in the component, so a field that does
//! not survive them fails a test too. Everything here panics where the expectation does not hold, at the caller's line.
//!
//! ```
//! use cantus_sdk::{prelude::*, testing::given};
//!
//! #[aggregate]
//! pub struct Tally {
//!     count: u32,
//! }
//!
//! #[command(Tally, version = 1, produces = [Counted])]
//! pub struct Count {
//!     pub by: u32,
//! }
//!
//! #[command_handler(Tally, version = 1)]
//! impl CountHandler {
//!     type Error = &'static str;
//!     fn handle(&self, state: &Tally, cmd: Count) -> Result<Option<Counted>, Self::Error> {
//!         let to = state.count.checked_add(cmd.by).ok_or("that is too many")?;
//!         Ok((cmd.by > 0).then_some(Counted { to }))
//!     }
//! }
//!
//! #[event(Tally, version = 1)]
//! pub struct Counted {
//!     pub to: u32,
//! }
//!
//! #[event_combiner(Tally, version = 1)]
//! impl Counted {
//!     fn combine(&self, state: &mut Tally) {
//!         state.count = self.to;
//!     }
//! }
//!
//! let tally = given::<Tally>("sheep")
//!     .events((Counted { to: 1 }, Counted { to: 2 }))
//!     .when(Count { by: 3 })
//!     .then(Counted { to: 5 })
//!     .when(Count { by: 0 })
//!     .then_nothing()
//!     .when(Count { by: u32::MAX })
//!     .then_rejected("rejected");
//! assert_eq!(tally.state().count, 5);
//! ```

mod harness;

use std::{fmt::Write, marker::PhantomData};

use crate::{Aggregate, Command, Context, Event, Failure, IntoRejection, Message, Rejection, Timestamp, events};

pub use harness::Harness;

/// Starts a test with an aggregate that has no events.
#[track_caller]
pub fn given<A: Aggregate>(id: &str) -> Given<A> {
    Given { harness: Harness::new(A::NAME, id), aggregate: PhantomData }
}

/// Reads a time in RFC 3339: `time("2013-01-01T10:17:00Z")`.
#[track_caller]
pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// An aggregate with a history.
#[derive(Debug)]
pub struct Given<A> {
    harness: Harness,
    aggregate: PhantomData<fn(A)>,
}

impl<A: Aggregate> Given<A> {
    /// Adds events to the history: one, a tuple, an array or a `Vec`.
    #[track_caller]
    #[must_use]
    pub fn events(mut self, events: impl EventList<A>) -> Self {
        self.combine(&encoded(events));
        self
    }

    /// Sets the time of the commands that follow. Before, it is midnight of 1970-01-01.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.harness.context.now = now;
        self
    }

    /// Sets the actor of the commands that follow. Before, there is none.
    #[must_use]
    pub fn by(mut self, actor: &str) -> Self {
        self.harness.context.actor = Some(actor.to_owned());
        self
    }

    /// Changes anything else in the context of the commands that follow.
    #[must_use]
    pub fn context(mut self, change: impl FnOnce(&mut Context)) -> Self {
        change(&mut self.harness.context);
        self
    }

    /// Decides a command.
    #[track_caller]
    pub fn when<C: Command<Aggregate = A>>(self, command: C) -> Then<A> {
        let kind = C::KIND;
        let payload =
            serde_json::to_vec(&command).unwrap_or_else(|error| panic!("command {kind} does not encode: {error}"));
        let outcome = match self.harness.handle(kind.name, kind.version, payload) {
            Ok(events) => Ok(events),
            Err(Failure::Rejected(rejection)) => Err(rejection),
            Err(Failure::Unknown(reason) | Failure::Malformed(reason)) => panic!("the plugin faulted: {reason}"),
        };
        Then { given: self, outcome }
    }

    /// Returns the state after all events so far.
    #[track_caller]
    pub fn state(&self) -> &A {
        self.harness.state()
    }

    /// Folds events, and checks that the state survives its snapshot: the host can drop an aggregate and restore it at any time.
    #[track_caller]
    fn combine(&mut self, events: &[Message]) {
        self.harness.combine(events).unwrap_or_else(|error| panic!("the plugin faulted: {error}"));
        let snapshot = self.harness.snapshot();
        self.harness.restore(&snapshot).unwrap_or_else(|error| panic!("the plugin faulted: {error}"));
        let again = self.harness.snapshot();
        let [before, after] = [&snapshot, &again].map(|state| String::from_utf8_lossy(state));
        assert_eq!(before, after, "the state changes when it is restored from its snapshot");
    }
}

/// The outcome of a command.
#[derive(Debug)]
#[must_use = "write what is expected: `.then(..)`, `.then_nothing()`, `.then_rejected(..)`"]
pub struct Then<A> {
    given: Given<A>,
    outcome: Result<Vec<Message>, Rejection>,
}

impl<A: Aggregate> Then<A> {
    /// Expects exactly these events, and adds them to the history.
    #[track_caller]
    pub fn then(mut self, expected: impl EventList<A>) -> Given<A> {
        let expected = encoded(expected);
        match self.outcome {
            Ok(events) if events == expected => self.given.combine(&events),
            outcome => panic!("expected {}but got {}", list(&expected), describe(&outcome)),
        }
        self.given
    }

    /// Expects that the command is accepted without an event.
    #[track_caller]
    pub fn then_nothing(self) -> Given<A> {
        match &self.outcome {
            Ok(events) if events.is_empty() => self.given,
            outcome => panic!("expected no events, but got {}", describe(outcome)),
        }
    }

    /// Expects a rejection with this code.
    #[track_caller]
    pub fn then_rejected(self, code: &str) -> Given<A> {
        match &self.outcome {
            Err(rejection) if rejection.code == code => self.given,
            outcome => panic!("expected the rejection `{code}`, but got {}", describe(outcome)),
        }
    }

    /// Expects a rejection with this error: its code, message and detail.
    #[track_caller]
    pub fn then_error(self, error: impl IntoRejection) -> Given<A> {
        let expected = Err(error.into_rejection());
        if self.outcome != expected {
            panic!("expected {}but got {}", describe(&expected), describe(&self.outcome));
        }
        self.given
    }
}

/// Events of the aggregate `A`: one, a tuple of up to eight, an array, a `Vec`, or `()`.
pub trait EventList<A> {
    /// Appends their messages.
    ///
    /// # Errors
    /// If one does not encode.
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String>;
}

#[track_caller]
fn encoded<A>(list: impl EventList<A>) -> Vec<Message> {
    let mut messages = Vec::new();
    list.append_to(&mut messages).unwrap_or_else(|error| panic!("{error}"));
    messages
}

impl<E: Event> EventList<E::Aggregate> for E {
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String> {
        messages.push(events::encode(&self)?);
        Ok(())
    }
}

impl<A, T: EventList<A>> EventList<A> for Vec<T> {
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String> {
        self.into_iter().try_for_each(|event| event.append_to(messages))
    }
}

impl<A, T: EventList<A>, const N: usize> EventList<A> for [T; N] {
    fn append_to(self, messages: &mut Vec<Message>) -> Result<(), String> {
        self.into_iter().try_for_each(|event| event.append_to(messages))
    }
}

impl<A> EventList<A> for () {
    fn append_to(self, _: &mut Vec<Message>) -> Result<(), String> {
        Ok(())
    }
}

macro_rules! tuples {
    ($($head:ident $($rest:ident)*)?) => {$(
        impl<A, $head: EventList<A>, $($rest: EventList<A>),*> EventList<A> for ($head, $($rest,)*) {
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

fn describe(outcome: &Result<Vec<Message>, Rejection>) -> String {
    match outcome {
        Ok(events) => list(events),
        Err(Rejection { code, message, detail }) => {
            let detail =
                detail.as_deref().map_or_else(String::new, |json| format!(" {}", String::from_utf8_lossy(json)));
            format!("the rejection `{code}`: {message}{detail}\n")
        }
    }
}

fn list(events: &[Message]) -> String {
    let mut text = if events.is_empty() { "no events\n".to_owned() } else { "the events\n".to_owned() };
    for event in events {
        let _ = writeln!(text, "  {event:?}");
    }
    text
}
