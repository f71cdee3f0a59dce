//! Write Cantus aggregates in Rust
