//! Cantus: end-to-end tests, store suite, crash rig, tidy

pub mod store_suite;
