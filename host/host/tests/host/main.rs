//! The host as a library: builder, queries, operations, ownership and errors, with real components.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod builder;
mod errors;
mod fixture;
mod follow;
mod operations;
mod ownership;
mod queries;
