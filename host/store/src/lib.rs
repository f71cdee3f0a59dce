//! Cantus: the event store adapters
