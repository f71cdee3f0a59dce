//! The attribute macros of `cantus-sdk`. Use them through that crate: it documents how they fit together.
//!
//! Each macro reads one item and writes it back with its derives, an implementation of a trait of `cantus-sdk`, and a
//! registration. The compiler checks parts that belong together, for example a command and its handler,
//! through those traits.

mod aggregate;
mod args;
mod combiner;
mod command;
mod derives;
mod event;
mod handler;
mod method;
mod rejection;
mod upcaster;
mod value;

use proc_macro::TokenStream;

/// Declares an aggregate: the struct is its state, and its `Default` the state before the first event.
///
/// `#[aggregate(snapshot_every = 100)]`: a snapshot is due after 100 events, which is the default; 0 means never.
/// `name = "..."` gives the type another name than the struct's. `initial = path` is a function that returns the state before
/// the first event, if `Default` does not fit.
#[proc_macro_attribute]
pub fn aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(aggregate::expand(args.into(), item.into()))
}

/// Declares a command: `#[command(Flight, version = 1, produces = [FlightDeparted])]` on a struct with named fields or
/// none.
///
/// It needs a `#[command_handler]`. `name = "..."` gives the command another name than the struct's, so that two versions of
/// one command can live in one crate. A payload with a field that the struct does not have is refused.
#[proc_macro_attribute]
pub fn command(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(command::expand(args.into(), item.into()))
}

/// Decides a command: `#[command_handler(Flight, version = 1)] impl DepartHandler { .. }`.
///
/// The macro declares the struct. The block holds `type Error = ..;`, an error that can become a rejection, and
/// `fn handle(&self, state: &Flight, cmd: Depart) -> Result<.., ..>`, with `ctx: &Context` as an optional last
/// argument. `Ok` holds one event, an `Option`, a tuple, a `Vec`, `Events<Flight>`, or `()`.
#[proc_macro_attribute]
pub fn command_handler(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(handler::expand(args.into(), item.into()))
}

/// Declares an event: `#[event(Flight, version = 1)]` on a struct with named fields or none.
///
/// It needs an `#[event_combiner]`, or an `#[event_upcaster]` if it is an older version. `name = "..."` gives the event
/// another name than the struct's, so that two versions of one event can live in one crate.
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(event::expand(args.into(), item.into()))
}

/// Folds an event into the state: `#[event_combiner(Flight, version = 1)] impl FlightDeparted { .. }` with
/// `fn combine(&self, state: &mut Flight)`.
#[proc_macro_attribute]
pub fn event_combiner(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(combiner::expand(args.into(), item.into()))
}

/// Turns an event of an older version into a newer one: `#[event_upcaster(Flight, from = 1, to = 2)] impl DelayedV1 { .. }`
/// with `fn upcast(self) -> Delayed`. It takes the place of the older version's combiner. Upcasters chain.
#[proc_macro_attribute]
pub fn event_upcaster(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(upcaster::expand(args.into(), item.into()))
}

/// Declares a domain error: an enum whose variants are rejections.
///
/// A variant's code is its name in kebab-case, or `#[code("...")]`. Its message is `#[message("...")]`, which may name
/// fields as `format!` does, or its name in words. Its fields become the rejection's detail.
/// `#[rejection(display)]`: the messages come from the enum's own `Display`.
#[proc_macro_attribute]
pub fn rejection(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(rejection::expand(args.into(), item.into()))
}

/// Prepares a struct or enum for use as a field of commands, events and states: derives `Clone`, `Debug`, `PartialEq`,
/// serde's traits and the schema; for an enum without fields also `Copy`, `Eq` and `Ord`; and `Default` for an enum that
/// marks a variant `#[default]`. It adds to the item's own derives.
#[proc_macro_attribute]
pub fn value(args: TokenStream, item: TokenStream) -> TokenStream {
    finish(value::expand(args.into(), item.into()))
}

fn finish(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}
