//! The attribute macros of cantus-sdk
