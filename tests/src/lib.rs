//! Cantus: end-to-end tests, store suite, crash rig, tidy

pub mod audit;
pub mod faulty;
pub mod guests;
pub mod host;
pub mod instrumented;
pub mod store_suite;
