//! Cantus: the wasmtime sandbox that runs the guests
